"""A person's no, or nobody's answer: the champion stays, and the history says why."""

from nightshift.config.pipeline import PipelineConfig
from nightshift.io.registry import record_decision
from nightshift.io.resources import Resources
from nightshift.steps.handover import Judged
from nightshift.steps.outcome import Outcome


def decline_candidate(
    config: PipelineConfig, resources: Resources, version: int, judged: Judged, reason: str
) -> Outcome:
    """Keep the answer beside the gate's decision, as one more row with the same figures. Always skipped."""
    with resources.warehouse.begin() as connection:
        record_decision(connection, config.name, version, judged["champion_version"], "keep", judged["rules"], reason)
    return Outcome("skipped", f"{config.name}: version {version} is not promoted: {reason}")
