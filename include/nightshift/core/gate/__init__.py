"""The gate: may the candidate take over? Every rule leaves its figures, also when it passes."""

from collections.abc import Sequence
from typing import Literal

from nightshift.config.sections.gate import Gate
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.evidence import Evidence, Served
from nightshift.core.gate.rule import Rule, find_rule
from nightshift.errors import NightshiftError
from nightshift.extension.gate_rules import GATE_RULES, GateRule

__all__ = ["Decision", "Evidence", "Rule", "Served", "check_rules", "decide", "explain", "judge", "may_challenge"]

Decision = Literal["promote", "keep", "needs_approval"]


def judge(evidence: Evidence, gate: Gate, task: str, metric: str, seed: int) -> tuple[Decision, tuple[Rule, ...]]:
    """Every rule's result, and what follows. The same evidence and seed give the same."""
    rules = check_rules(GateCase(evidence, gate, task, metric, seed))
    return decide(rules, gate), rules


def check_rules(case: GateCase) -> tuple[Rule, ...]:
    """The results of all rules that apply, in the registry's order."""
    return tuple(result for rule in GATE_RULES for result in _check_rule(rule, case))


def _check_rule(rule: GateRule, case: GateCase) -> tuple[Rule, ...]:
    """What one rule says; NightshiftError where that is no result."""
    found = rule.check(case)
    results = found if isinstance(found, tuple) else () if found is None else (found,)
    for result in results:
        if not isinstance(result, Rule):
            raise NightshiftError(
                f"gate rule {rule.name!r} gave {type(result).__name__}; a check gives a Rule, a tuple of them, or None"
            )
    return results


def decide(rules: Sequence[Rule], gate: Gate) -> Decision:
    """Promote only what passed everything. A person is asked only about a candidate of which something is known."""
    if any(rule.passed is False for rule in rules):
        return "keep"
    if all(rule.passed for rule in rules):
        return "needs_approval" if gate.approval == "required" else "promote"
    floor = find_rule(rules, "floor")
    return "needs_approval" if floor and floor.passed and gate.approval != "never" else "keep"


def may_challenge(rules: Sequence[Rule]) -> bool:
    """Only the comparison with the champion keeps it from taking over: it can prove itself in the shadow."""
    open_rules = {rule.name for rule in rules if not rule.passed}
    champion = find_rule(rules, "champion")
    has_champion = champion is not None and champion.figures.get("champion_version") is not None
    return has_champion and bool(open_rules) and open_rules <= {"champion", "best_champion", "slices"}


def explain(decision: Decision, rules: Sequence[Rule]) -> str:
    """One sentence: why."""
    failed = [rule for rule in rules if rule.passed is False]
    # What could not be judged often follows from what failed, so that is told alone.
    blocking = failed or [rule for rule in rules if rule.passed is None]
    if blocking:
        return "; ".join(f"{rule.name}: {rule.reason}" for rule in blocking)
    told = [rule for rule in rules if rule.name in ("floor", "champion") or rule.figures.get("suspect")]
    text = "; ".join(rule.reason for rule in told)
    return text if decision == "promote" else f"every rule passed, a person decides: {text}"
