"""The registry -> how a training that the policy asked for ended."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from nightshift.core.gate.rule import find_figures
from nightshift.io.registry import find_version_of_run, list_decisions, list_promotions


@dataclass(frozen=True)
class Answer:
    """`promoted` or `kept`; `improved` where the version proved better than the champion."""

    outcome: str
    improved: bool


def find_answer(connection: Connection, pipeline: str, run_id: str) -> Answer | None:
    """None while the training, or whoever has to approve of it, is not done."""
    version = find_version_of_run(connection, pipeline, run_id)
    decisions = [found for found in list_decisions(connection, pipeline) if found.candidate_version == version]
    if not decisions:
        return None
    improved = proves_better(decisions[-1].rules)
    if any(promotion.version == version for promotion in list_promotions(connection, pipeline)):
        return Answer("promoted", improved)
    return Answer("kept", improved) if decisions[-1].decision == "keep" else None


def proves_better(rules: Sequence[dict[str, Any]]) -> bool:
    """Whether the interval of the gain over the champion, in the records of the gate's rules, lies above zero."""
    low = find_figures(rules, "champion").get("gain_low")
    return low is not None and math.isfinite(low) and low > 0
