"""A feature that is far stronger than all others may know the outcome, below the limit of a certain leak."""

import math
from collections.abc import Collection, Mapping

from nightshift.core.gate.case import GateCase
from nightshift.core.gate.rule import Rule
from nightshift.extension.metrics import METRICS
from nightshift.extension.tasks import find_task

# Alone a feature reaches this share of the way from chance to certainty (ROC AUC .75, R² .5), and a third more than the
# next one. How often that is a leak: docs/explanation/gate.md.
STRONG = 0.5
FAR_STRONGER = 1.3


def find_suspect(strengths: Mapping[str, float], trusted: Collection[str]) -> str | None:
    """The one feature, none of `trusted`, that is far stronger than every other; strengths go from 0 to 1.

    >>> find_suspect({"duration": 0.79, "age": 0.2, "rate": 0.4}, trusted=())
    'duration'
    """
    known = {name: value for name, value in strengths.items() if math.isfinite(value)}
    first, *others = sorted(known, key=lambda name: -known[name]) or [""]
    if not first or first in trusted or known[first] < STRONG:
        return None
    second = max((known[name] for name in others), default=0.0)
    return first if known[first] >= FAR_STRONGER * max(second, 0.0) else None


def check_suspect(case: GateCase) -> Rule | None:
    """Told, and for the first model a person is asked where gate.approval lets one answer; never refused by itself."""
    evidence, metric = case.evidence, find_task(case.task).leak_metric
    if not evidence.alone:
        return None
    strengths = {name: _find_strength(metric, value) for name, value in evidence.alone.items()}
    name = find_suspect(strengths, evidence.made_before)
    if name is None:
        return Rule("suspect", True, {"suspect": None}, "no feature is far stronger than all others")
    label = METRICS.find(metric).label
    text = (
        f"suspect: {name} alone reaches {label} {evidence.alone[name]:.4f}, far more than any other feature; make sure "
        "that it is known when rows are scored, or list it under known_afterwards"
    )
    asks = evidence.champion_version is None and case.gate.approval != "never"
    return Rule("suspect", None if asks else True, {"suspect": name, "alone": evidence.alone[name]}, text)


def _find_strength(metric: str, value: float) -> float:
    """From 0, chance, to 1, certainty."""
    return 2 * abs(value - 0.5) if metric == "roc_auc" else value
