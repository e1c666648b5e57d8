"""drift, outcomes, the registry -> retrain or wait, kept with every criterion."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.performance.estimates import withhold_estimate
from nightshift.core.retraining import policy as retrain_policy
from nightshift.core.retraining.policy import PastRequest, Signals
from nightshift.core.training.splits import find_matured
from nightshift.io.monitoring.retraining import (
    Request,
    close_request,
    count_new_labels,
    find_decision,
    list_drift_results,
    list_requests,
    lock_retraining,
    open_request,
    record_decision,
)
from nightshift.io.registry import find_champion
from nightshift.io.resources import Resources
from nightshift.steps.drift.answer import find_answer
from nightshift.steps.handover import Compared, Measured
from nightshift.steps.outcome import Outcome


def decide_retraining(
    config: PipelineConfig,
    resources: Resources,
    as_of: date,
    compared: Compared,
    measured: Measured,
    evaluation: str,
    now: datetime,
) -> Outcome:
    """Apply the policy to what `compare_windows` and `measure_performance` found, and ask for the training.

    The run id is made of the day and the champion. The request for it is opened in the same transaction, and a
    pipeline has one open request at most, so however many ask at once, one of them is told to retrain. `evaluation`
    names the drift run: a retry of it gets the answer that it had. Figures: decision, reason, run_id, criteria.
    """
    with resources.warehouse.begin() as connection:
        lock_retraining(connection, config.name)
        before = find_decision(connection, config.name, evaluation)
        if before and before["decision"] == "retrain":
            return Outcome("done", figures=before)
        close_answered(connection, config, now)
        signals = _gather_signals(connection, config, as_of, {**compared, **measured}, now)
        figures = _answer(connection, config, signals, compared["champion_version"], now)
        record_decision(connection, config.name, evaluation, compared["champion_version"], as_of, figures)
    return Outcome("done", figures=figures)


def _answer(
    connection: Connection, config: PipelineConfig, signals: Signals, version: int, now: datetime
) -> dict[str, Any]:
    """Ask the policy, and open the request where it wants a training."""
    decided = retrain_policy.decide_retraining(signals, config.spec.retrain)
    decision, reason, run_id = decided.decision, decided.reason, None
    if decision == "retrain":
        run_id = f"drift__{signals.as_of}__v{version}"
        if not open_request(connection, config.name, run_id, signals.as_of, reason, now):
            decision, reason, run_id = "wait", f"the training {run_id} was asked for before. Otherwise: {reason}", None
    criteria = {criterion.name: criterion.to_record() for criterion in decided.criteria}
    return {"decision": decision, "reason": reason, "run_id": run_id, "criteria": criteria}


def _gather_signals(
    connection: Connection, config: PipelineConfig, as_of: date, found: dict[str, Any], now: datetime
) -> Signals:
    champion = find_champion(connection, config.name)
    return Signals(
        as_of=as_of,
        today=now.date(),
        drifted=list_drift_results(
            connection, config.name, found["champion_version"], as_of, config.spec.retrain.recent_runs
        ),
        drift_reason=found["reason"],
        window_from=date.fromisoformat(found["window_from"]),
        broken=found["broken"],
        realised=found["realised"],
        estimated=withhold_estimate(found["estimated"], found.get("moved", [])),
        judged_to=champion.holdout_to if champion else as_of,
        matured_to=find_matured(as_of, config.spec.label.available_after_days),
        requests=[_describe(request) for request in list_requests(connection, config.name)],
        new_labels=count_new_labels(connection, config.name, config.spec.training.metric, as_of),
    )


def _describe(request: Request) -> PastRequest:
    return PastRequest(request.run_id, request.as_of, request.requested_on, request.closed_at is None, request.improved)


def close_answered(connection: Connection, config: PipelineConfig, now: datetime) -> None:
    """Close the open request where the registry knows how its training ended, or where nobody heard of it again.

    Read from the registry instead of being told by the training: a run that was killed tells nobody.
    """
    gate = config.spec.gate
    patience = timedelta(
        hours=config.spec.retrain.expires_hours + (0 if gate.approval == "never" else gate.approval_hours)
    )
    for request in list_requests(connection, config.name):
        if request.closed_at is None:
            answer = find_answer(connection, config.name, request.run_id)
            if answer:
                close_request(connection, config.name, request.run_id, answer.outcome, answer.improved, now)
            elif now - request.requested_at >= patience:
                close_request(connection, config.name, request.run_id, "expired", None, now)
