"""A policy's nights: score, look, decide, train, as the DAGs would have done it then."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from typing import Any

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.retraining.replay import Night, Policy, Span, Trained, decide_by_calendar
from nightshift.errors import NightshiftError
from nightshift.io.registry import PromotionRequest, promote
from nightshift.io.resources import Resources
from nightshift.steps import runs
from nightshift.steps.outcome import Outcome

MORNING = time(6, tzinfo=UTC)


def train_first(config: PipelineConfig, resources: Resources, span: Span) -> Trained:
    """The champion of the first night, also where the gate refuses it: policies need the same start.

    NightshiftError where the training made none.
    """
    request = runs.TrainingRequest(
        as_of=span.first - timedelta(days=1),
        run_id="replay__first",
        requested_by="replay",
        train_from=span.train_from,
        train_to=span.train_to,
    )
    trained = _train(config, resources, request)
    if trained.version is None:
        raise NightshiftError(
            f"{config.name}: no model to start with: the training on {span.train_from} to {span.train_to} made none: "
            f"{trained.reason}. Choose other days (--train-from, --train-to, --from) or change pipeline.yaml"
        )
    if not trained.promoted:
        reason = "a replay starts with the first model, whatever the gate says of it"
        start = PromotionRequest(trained.version, None, request.requested_by, reason, kind="manual")
        with resources.warehouse.begin() as connection:
            promote(connection, config.name, start)
    return trained


def replay_nights(
    config: PipelineConfig, resources: Resources, span: Span, policy: Policy, problems: Mapping[date, str]
) -> Iterator[Night]:
    """One record after each night; `problems` says which have no features, and why."""
    for day in span.nights:
        started = perf_counter()
        try:
            night = _run_one(config, resources, span, policy, day, problems.get(day))
        except NightshiftError as error:
            # One night that can't be done must not lose the others.
            night = Night(day, None, "none", problem=str(error))
        yield replace(night, seconds=perf_counter() - started)


def _run_one(
    config: PipelineConfig, resources: Resources, span: Span, policy: Policy, day: date, problem: str | None
) -> Night:
    if problem:
        return Night(day, None, "none", problem=problem)
    if policy == "nightshift":
        return _run_night(config, resources, day)
    return _run_calendar_night(config, resources, span, policy, day)


def _run_night(config: PipelineConfig, resources: Resources, day: date) -> Night:
    scored = runs.run_score(config, resources, day, _ignore)
    now = datetime.combine(day + timedelta(days=1), MORNING)
    outcome = runs.run_drift(config, resources, day, _ignore, f"replay__{day}", now, reports=False)
    night = _record_score(day, scored)
    if outcome.status != "done":
        return replace(night, problem=outcome.reason)
    found = outcome.figures
    night = replace(
        night,
        decision=found["decision"],
        reason=found["reason"],
        drifted=found["drifted"],
        drift_share=found["share"],
        prediction_score=found["prediction_score"],
        drift_reason=found["drift_reason"],
    )
    if found["decision"] != "retrain":
        return night
    return replace(night, trained=_retrain(config, resources, day, found["run_id"], found["reason"]))


def _run_calendar_night(config: PipelineConfig, resources: Resources, span: Span, policy: Policy, day: date) -> Night:
    night = _record_score(day, runs.run_score(config, resources, day, _ignore))
    if not decide_by_calendar(policy, span, day):
        return night
    trained = _retrain(config, resources, day, f"{policy}__{day}", policy)
    return replace(night, decision="retrain", reason=f"{policy}: by the calendar", trained=trained)


def _record_score(day: date, scored: Outcome) -> Night:
    if scored.status != "done":
        return Night(day, None, "none", problem=scored.reason)
    return Night(day, scored.figures["model_version"], "none")


def _retrain(config: PipelineConfig, resources: Resources, day: date, run_id: str, reason: str) -> Trained:
    return _train(config, resources, runs.TrainingRequest(day, run_id, "replay", reason=reason))


def _train(config: PipelineConfig, resources: Resources, request: runs.TrainingRequest) -> Trained:
    """A training that stops, or that can't be done, is a part of the story."""
    started = perf_counter()
    try:
        outcome = runs.run_train(config, resources, request, _ignore, rehearsal=True)
    except NightshiftError as error:
        outcome = Outcome("stopped", str(error))
    figures: dict[str, Any] = outcome.figures
    return Trained(
        version=figures.get("version"),
        decision=figures.get("decision", "stopped"),
        promoted=figures.get("promoted", False),
        reason=figures.get("reason") or outcome.reason,
        seconds=perf_counter() - started,
    )


def _ignore(step: str, outcome: Outcome) -> None:
    """Progress is told by the night."""
