"""drift figures -> retrain or wait, kept with the reason."""

from datetime import date
from typing import Any

from include.config.pipeline import PipelineConfig
from include.core import retrain_policy
from include.core.retrain_policy import DriftVerdict
from include.io.monitoring import find_last_retraining, record_retrain_decision
from include.io.resources import Resources
from include.steps.outcome import Outcome


def decide_retraining(
    config: PipelineConfig, resources: Resources, as_of: date, compared: dict[str, Any], measured: dict[str, Any]
) -> Outcome:
    """Apply the policy to what `compare_windows` and `measure_performance` found.

    The run id is made of the day and the champion, so deciding again asks for the same training.
    Figures: decision, reason, run_id.
    """
    verdict = DriftVerdict(compared["drifted"], compared["share"], compared["reason"])
    with resources.warehouse.begin() as connection:
        last = find_last_retraining(connection, config.name, as_of)
        decided = retrain_policy.decide_retraining(verdict, as_of, last, config.spec.drift)
        run_id = f"drift__{as_of}__v{compared['champion_version']}" if decided.decision == "retrain" else None
        figures = {"decision": decided.decision, "reason": decided.reason, "run_id": run_id}
        criteria = {**decided.criteria, "performance": measured["partitions"]}
        record_retrain_decision(connection, config.name, as_of, {**figures, "criteria": criteria})
    return Outcome("done", figures=figures)
