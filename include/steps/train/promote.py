"""A promoted candidate becomes the champion, if the champion still is the one that it was compared with."""

from typing import Any

from include.config.pipeline import PipelineConfig
from include.io.registry import ChampionChanged, promote
from include.io.resources import Resources
from include.steps.outcome import Outcome


def promote_candidate(
    config: PipelineConfig, resources: Resources, version: int, judged: dict[str, Any], promoted_by: str, reason: str
) -> Outcome:
    """Compare-and-set. Skipped unless the gate said `promote`; stopped where another version won meanwhile.

    What is kept as the reason: why it was asked for (`reason`, may be empty), and what the gate said.
    Figures: version, previous_version.
    """
    if judged["decision"] != "promote":
        return Outcome("skipped", f"{config.name}: version {version} is not promoted: {judged['reason']}")
    previous = judged["champion_version"]
    why = "; ".join(filter(None, (reason, judged["reason"])))
    try:
        with resources.warehouse.begin() as connection:
            promote(connection, config.name, version, previous, promoted_by, why, judged["gate_decision_id"])
    except ChampionChanged as error:
        lost = f"{config.name}: version {version} is not promoted: {error}. Train again to compare with the new one."
        return Outcome("stopped", lost)
    return Outcome("done", figures={"version": version, "previous_version": previous})
