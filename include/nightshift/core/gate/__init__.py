"""The gate: may the candidate take over? Every rule leaves its figures, also when it passes."""

from collections.abc import Sequence
from typing import Literal

from nightshift.config.sections.gate import Gate
from nightshift.core.gate.champion import check_champion
from nightshift.core.gate.evidence import Evidence, Served
from nightshift.core.gate.quality import (
    check_baseline,
    check_calibration,
    check_floor,
    check_floors,
    check_gap,
    check_leakage,
)
from nightshift.core.gate.rule import Rule
from nightshift.core.gate.serving import check_features, check_predictor, check_reload, check_rows, check_sanity
from nightshift.core.gate.slices import check_slices
from nightshift.extension.tasks import find_task

__all__ = ["Decision", "Evidence", "Rule", "Served", "decide", "explain", "judge", "may_challenge"]

Decision = Literal["promote", "keep", "needs_approval"]


def judge(evidence: Evidence, gate: Gate, task: str, metric: str, seed: int) -> tuple[Decision, tuple[Rule, ...]]:
    """Every rule's verdict, and what follows. The same evidence and seed give the same."""
    rules = [
        check_rows(evidence, gate),
        check_features(evidence),
        check_reload(evidence, gate),
        check_predictor(evidence),
        check_sanity(evidence, task),
        check_floor(evidence, gate, metric),
        *check_floors(evidence, gate),
        check_baseline(evidence, gate, metric, seed),
    ]
    if gate.leak_limit is not None:
        rules.append(check_leakage(evidence, gate.leak_limit, task))
    if gate.calibration_error is not None and find_task(task).decides:
        rules.append(check_calibration(evidence, gate.calibration_error))
    if gate.train_gap is not None:
        rules.append(check_gap(evidence, gate.train_gap, metric))
    rules += [check_champion(evidence, gate, metric, seed), check_slices(evidence, gate, task, metric, seed)]
    return decide(rules, gate), tuple(rules)


def decide(rules: Sequence[Rule], gate: Gate) -> Decision:
    """Promote only what passed everything. A person is asked only about a candidate of which something is known."""
    if any(rule.passed is False for rule in rules):
        return "keep"
    if all(rule.passed for rule in rules):
        return "needs_approval" if gate.approval == "required" else "promote"
    measured = any(rule.passed for rule in rules if rule.name == "floor")
    return "needs_approval" if measured and gate.approval != "never" else "keep"


def may_challenge(rules: Sequence[Rule]) -> bool:
    """Only the comparison with the champion keeps it from taking over: it can prove itself in the shadow."""
    open_rules = {rule.name for rule in rules if not rule.passed}
    champions = [rule for rule in rules if rule.name == "champion"]
    has_champion = any(rule.figures.get("champion_version") is not None for rule in champions)
    return has_champion and bool(open_rules) and open_rules <= {"champion", "slices"}


def explain(decision: Decision, rules: Sequence[Rule]) -> str:
    """One sentence: why."""
    failed = [rule for rule in rules if rule.passed is False]
    # What could not be judged often follows from what failed, so that is told alone.
    blocking = failed or [rule for rule in rules if rule.passed is None]
    if blocking:
        return "; ".join(f"{rule.name}: {rule.reason}" for rule in blocking)
    text = "; ".join(rule.reason for rule in rules if rule.name in ("floor", "champion"))
    return text if decision == "promote" else f"every rule passed, a person decides: {text}"
