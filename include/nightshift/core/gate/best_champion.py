"""The margin is spent once: a candidate must not fall behind the last champion that proved better, step by small step.

Against the champion alone each candidate may be a margin worse than the one before, which was a margin worse than its
own: the creep of non-inferiority trials (D'Agostino, Massaro and Sullivan, Statistics in Medicine 22, 2003).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nightshift.core.gate.case import GateCase
from nightshift.core.gate.champion import find_margin, judge_gain
from nightshift.core.gate.comparison import compare, count_fewer, format_interval, show_interval
from nightshift.core.gate.rule import Rule
from nightshift.core.gate.unseen import find_seen, take_unseen


@dataclass(frozen=True)
class Succession:
    """A promotion: who followed whom, and the lower end of the gain; None where the gate did not compare them."""

    version: int
    previous_version: int | None
    gain_low: float | None


def find_best_champion(champion: int, successions: Iterable[Succession]) -> int:
    """The last champion that proved better than its predecessor, or that no comparison made one.

    `successions`, the newest first, end with the one that made `champion` champion.

    >>> find_best_champion(4, [Succession(4, 3, -0.01), Succession(3, 2, 0.02), Succession(2, 1, -0.01)])
    3
    """
    version = champion
    for step in successions:
        if step.version != version:
            continue
        if step.previous_version is None or step.gain_low is None or not step.gain_low <= 0:
            break
        version = step.previous_version
    return version


def check_best_champion(case: GateCase) -> Rule | None:
    """Not provably within the margin of the best champion: kept. None where the champion itself is the best one."""
    evidence, gate, metric = take_unseen(case.evidence), case.gate, case.metric
    if evidence.best is None or evidence.candidate is None or gate.policy == "superior":
        return None
    if find_seen(case.evidence, gate):
        return None
    margin = find_margin(evidence, gate, metric)
    figures: dict[str, Any] = {"best_version": evidence.best_version, "margin": margin, "confidence": gate.confidence}
    found = compare(replace(case, evidence=evidence), evidence.candidate, evidence.best, resamples=count_fewer(gate))
    figures |= show_interval(found)
    if not math.isfinite(found.low) or not math.isfinite(margin) or not np.isfinite(evidence.best).all():
        return Rule("best_champion", True, figures, f"version {evidence.best_version} can't be compared with any more")
    passed = judge_gain(found, gate, margin)
    text = (
        f"against version {evidence.best_version}, the last that proved better, {metric} gains {found.value:+.4f}, "
        f"{format_interval(found, gate)}"
    )
    said = {
        True: f"not worse by more than {margin:.4f}",
        False: f"worse by more than {margin:.4f}: what was given up since then adds up",
        None: f"unclear whether what was given up since then stays below {margin:.4f}: hold out more rows",
    }
    return Rule("best_champion", passed, figures, f"{text}; {said[passed]}")
