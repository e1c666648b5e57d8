"""What Nightshift itself does for every pipeline, in the settings that are in force: oversight, monitoring, changes."""

from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND

APPROVALS = {
    "never": "A promotion needs no person; the gate's rules decide.",
    "on_unclear": "Where the gate's result is unclear, a person approves or refuses in the Airflow UI; "
    "without an answer within {hours:g} hours the champion stays.",
    "required": "Every promotion waits for a person who approves it in the Airflow UI; without an answer within "
    "{hours:g} hours the champion stays.",
}
RESULTS = {
    "non_inferior": "provably not worse than the champion by more than the margin",
    "superior": "provably better than the champion",
}


def describe_oversight(config: PipelineConfig) -> list[str]:
    """How a model is kept from taking over, and how people undo it."""
    gate = config.spec.gate
    said = [
        f"Gate: a candidate takes over only when every rule passed; it must be {RESULTS[gate.policy]}. Too few rows or "
        "an unclear result keeps the champion.",
        APPROVALS[gate.approval].format(hours=gate.approval_hours),
        f"Rollback: the DAG {config.name}_rollback or {COMMAND} rollback {config.name} promotes an earlier "
        "version again, and can score past days again.",
        "Traceability: every score bears its model version, and the registry keeps who promoted it, when and why; "
        "that history can only grow.",
    ]
    if gate.keep_challenger:
        said.append("Challenger: a candidate that fails only against the champion is scored in its shadow.")
    return said


def describe_monitoring(config: PipelineConfig) -> list[str]:
    """What is monitored while the version is champion."""
    spec = config.spec
    drift, days = spec.drift, _count(spec.label.available_after_days, "day")
    cooldown = _count(spec.retrain.cooldown_days, "day")
    return [
        "Input: every day's batch is validated before anything is scored. Rows that fail a row-level expectation go "
        "to quarantine, and a bad batch stops there.",
        f"Drift: on the schedule {spec.schedules.drift} ({spec.schedules.timezone}) the last "
        f"{_count(drift.window_days, 'partition')} are compared with the training data. A column has drifted from a "
        f"distance of {drift.column_limit:g} on that is above what chance explains; the pipeline has drifted where the "
        f"drifted columns carry {drift.share_limit:.0%} of the importance, or where the scores drifted. What can't be "
        f"measured is unknown and never retrains. The policy asks for a training at most every {cooldown}.",
        f"Outcomes: when they are known, {days} after a partition's day, the metrics of the published scores are "
        "measured (monitoring.performance).",
    ]


def describe_planned_changes(config: PipelineConfig) -> list[str]:
    """The changes that are foreseen: new versions of the same kind."""
    schedules = config.spec.schedules
    asked = "by hand, or by the drift policy"
    when = f"on the schedule {schedules.train} ({schedules.timezone}), {asked}" if schedules.train else asked
    return [
        f"A new version is trained {when}: the same search over the same kinds of estimators, on a later window.",
        "It takes over only through the gate. Any other change needs a change of pipeline.yaml or of the code, whose "
        "hashes every version bears.",
    ]


def describe_security(config: PipelineConfig) -> list[str]:
    """What protects the model and its data."""
    return [
        "Artifacts are loaded only where their sha256 is the recorded one and their types are allowed; no pickle.",
        "Secrets are kept in Airflow connections; analysts read the scores and write nothing.",
        "A candidate that seems to know the outcome beforehand is refused by the gate."
        if config.spec.gate.leak_limit
        else "The gate's leakage rule is turned off for this pipeline.",
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
