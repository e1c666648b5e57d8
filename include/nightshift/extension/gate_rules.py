"""The record of a gate rule. Those that ship are registered in core/gate/shipped.py."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nightshift.extension.registry import Registry


@dataclass(frozen=True)
class GateRule:
    """One thing that a candidate must pass.

    `check(case)` gets a `nightshift.core.gate.case.GateCase` and gives a `nightshift.core.gate.rule.Rule`, a tuple of
    them, or None where the rule does not apply. A rule that fails, or is unclear, keeps the champion.
    """

    name: str
    check: Callable[[Any], Any]


GATE_RULES: Registry[GateRule] = Registry("gate rule", "nightshift.core.gate.shipped")
