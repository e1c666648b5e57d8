"""The gate: may the candidate take over? Every rule leaves its figures, also when it passes."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from include.config.learning import Gate, Metric
from include.core.evaluation import HIGHER_IS_BETTER, gain

Decision = Literal["promote", "keep", "needs_approval"]


@dataclass(frozen=True)
class Rule:
    """One rule's verdict: None where it could not be judged, which keeps the champion."""

    name: str
    passed: bool | None
    figures: dict[str, float | int | str | None]
    reason: str

    def to_record(self) -> dict[str, Any]:
        """As plain values for ml.gate_decisions.rules; NaN becomes null."""
        record = asdict(self)
        record["figures"] = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in self.figures.items()
        }
        return record


@dataclass(frozen=True)
class Evidence:
    """The metric of the three on the same held-out rows; `champion` is None where there is none."""

    rows: int
    candidate: float
    baseline: float
    champion: float | None


def judge(evidence: Evidence, gate: Gate, metric: Metric) -> tuple[Decision, tuple[Rule, ...]]:
    """Promote only when every rule passed; a rule that could not be judged keeps the champion."""
    rules = (
        check_rows(evidence, gate),
        check_floor(evidence, gate, metric),
        check_baseline(evidence, gate, metric),
        check_champion(evidence, gate, metric),
    )
    return ("promote" if all(rule.passed for rule in rules) else "keep"), rules


def check_rows(evidence: Evidence, gate: Gate) -> Rule:
    """Enough held-out rows to say anything."""
    figures: dict[str, float | int | str | None] = {"rows": evidence.rows, "min_rows": gate.min_rows}
    if evidence.rows < gate.min_rows:
        return Rule("min_rows", None, figures, f"unclear: {evidence.rows} held-out rows, {gate.min_rows} are needed")
    return Rule("min_rows", True, figures, f"{evidence.rows} held-out rows")


def check_floor(evidence: Evidence, gate: Gate, metric: Metric) -> Rule:
    """Good enough at all."""
    figures: dict[str, float | int | str | None] = {"candidate": evidence.candidate, "floor": gate.floor}
    if not math.isfinite(evidence.candidate):
        return Rule("floor", None, figures, f"unclear: the candidate's {metric} could not be computed")
    passed = gain(metric, evidence.candidate, gate.floor) >= 0
    bound = "at least" if metric in HIGHER_IS_BETTER else "at most"
    return Rule("floor", passed, figures, f"{metric} {evidence.candidate:.4f}; {bound} {gate.floor:g} is asked for")


def check_baseline(evidence: Evidence, gate: Gate, metric: Metric) -> Rule:
    """Better than predicting the mean."""
    return _compare("baseline", evidence.candidate, evidence.baseline, gate.baseline_margin, metric)


def check_champion(evidence: Evidence, gate: Gate, metric: Metric) -> Rule:
    """Not worse than the champion on the same rows."""
    if evidence.champion is None:
        return Rule("champion", True, {"champion": None}, "there is no champion yet")
    return _compare("champion", evidence.candidate, evidence.champion, -gate.champion_margin, metric)


def _compare(name: str, candidate: float, other: float, margin: float, metric: Metric) -> Rule:
    figures: dict[str, float | int | str | None] = {"candidate": candidate, name: other, "margin": margin}
    better = gain(metric, candidate, other)
    if not math.isfinite(better):
        return Rule(name, None, figures, f"unclear: {metric} of the candidate or the {name} could not be computed")
    figures["gain"] = better
    text = f"{metric} {candidate:.4f} against the {name}'s {other:.4f} on the same rows: gain {better:+.4f}"
    return Rule(name, better >= margin, figures, f"{text}, at least {margin:+.4f} is asked for")


def explain(decision: Decision, rules: Sequence[Rule]) -> str:
    """One sentence: why."""
    if decision == "promote":
        return "; ".join(rule.reason for rule in rules if rule.name in ("floor", "champion"))
    return "; ".join(f"{rule.name}: {rule.reason}" for rule in rules if not rule.passed)
