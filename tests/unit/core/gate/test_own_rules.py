"""Rules of a project's own among those that ship."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nightshift.core.gate import Rule, judge
from nightshift.core.gate.case import GateCase
from nightshift.errors import NightshiftError
from nightshift.extension.gate_rules import GATE_RULES, GateRule
from tests.kits.gate import make_evidence, make_gate

Add = Callable[[Callable[[GateCase], Any]], None]


@pytest.fixture
def add() -> Iterator[Add]:
    """Registers a rule called `own`."""

    def register(check: Callable[[GateCase], Any]) -> None:
        GATE_RULES.register(GateRule("own", check))

    yield register
    GATE_RULES.unregister("own")


def decide() -> tuple[str, tuple[Rule, ...]]:
    return judge(make_evidence(), make_gate(), "binary_classification", "roc_auc", 7)


@pytest.mark.parametrize(("passed", "decision"), [(True, "promote"), (False, "keep"), (None, "keep")])
def test_it_decides_like_any_other_and_comes_last(add: Add, passed: bool | None, decision: str) -> None:
    before = decide()[1]
    add(lambda case: Rule("own", passed, {"metric": case.metric}, "because"))
    decided, rules = decide()
    assert (decided, rules[-1]) == (decision, Rule("own", passed, {"metric": "roc_auc"}, "because"))
    assert rules[:-1] == before


def test_it_may_not_apply_or_give_several_results(add: Add) -> None:
    add(lambda case: None)
    assert decide()[1][-1].name == "slices"
    GATE_RULES.unregister("own")
    add(lambda case: (Rule("own_a", True, {}, "a"), Rule("own_b", True, {}, "b")))
    assert [rule.name for rule in decide()[1][-3:]] == ["slices", "own_a", "own_b"]


@pytest.mark.parametrize("found", [True, "fine", (True,)])
def test_what_is_no_result_is_said_with_the_rules_name(add: Add, found: Any) -> None:
    add(lambda case: found)
    with pytest.raises(NightshiftError, match=r"^gate rule 'own' gave (bool|str); a check gives a Rule"):
        decide()
