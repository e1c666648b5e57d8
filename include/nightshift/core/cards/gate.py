"""The gate's decision as a card shows it."""

from collections.abc import Sequence
from typing import Any

from nightshift.core.cards.card_inputs import Record

UNJUDGED = "the gate has not evaluated this version"


def list_rules(decision: Record | None) -> Sequence[Record]:
    """The records of the gate's rules; none where it has not decided."""
    return decision["rules"] if decision else ()


def describe_decision(decision: Record | None) -> dict[str, Any]:
    """Decision, reason, when, and against which version; then every rule with its verdict."""
    if decision is None:
        return {"decision": None, "reason": UNJUDGED, "decided_at": None, "champion_version": None, "rules": []}
    return {
        "decision": decision["decision"],
        "reason": decision["reason"],
        "decided_at": decision["decided_at"],
        "champion_version": decision["champion_version"],
        "rules": [_describe_rule(rule) for rule in decision["rules"]],
    }


def _describe_rule(rule: Record) -> dict[str, Any]:
    """A rule's record without its nested figures, which have a section of their own."""
    plain = {name: value for name, value in rule["figures"].items() if not isinstance(value, dict | list | tuple)}
    return {"name": rule["name"], "passed": rule["passed"], "reason": rule["reason"], "figures": plain}
