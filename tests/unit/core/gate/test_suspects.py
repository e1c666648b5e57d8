"""A feature far stronger than all others is told; a person is asked about the first model where one may answer."""

from typing import Any

import pytest

from nightshift.core.gate import explain, judge
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.rule import Rule
from nightshift.core.gate.suspects import check_suspect
from tests.kits.gate import make_evidence, make_gate

DURATION = {"duration": 0.896, "age": 0.6, "rate": 0.7}
FIRST = {"champion": None, "champion_version": None}


def check(alone: dict[str, float], approval: str = "never", **changes: Any) -> Rule:
    evidence = make_evidence(alone=alone, **changes)
    rule = check_suspect(GateCase(evidence, make_gate(approval=approval), "classification", "roc_auc", 7))
    assert rule is not None
    return rule


@pytest.mark.parametrize(
    ("alone", "suspect"),
    [
        (DURATION, "duration"),
        ({"flag": 0.84, "age": 0.6}, "flag"),
        ({"flag": 0.16, "age": 0.6}, "flag"),
        ({"rate": 0.84, "age": 0.78}, None),
        ({"rate": 0.72, "age": 0.5}, None),
        ({"rate": float("nan"), "age": float("nan")}, None),
    ],
)
def test_only_what_is_strong_and_far_stronger_is_suspect(alone: dict[str, float], suspect: str | None) -> None:
    rule = check(alone)
    assert rule.passed is True
    assert rule.figures["suspect"] == suspect
    assert (f"suspect: {suspect} alone reaches ROC AUC" in rule.reason) is (suspect is not None)


def test_what_is_made_of_the_clock_or_earlier_days_can_not_leak() -> None:
    assert check(DURATION, made_before=frozenset({"duration"})).figures["suspect"] is None


@pytest.mark.parametrize(
    ("approval", "changes", "passed"),
    [("on_unclear", FIRST, None), ("required", FIRST, None), ("never", FIRST, True), ("on_unclear", {}, True)],
)
def test_a_person_is_asked_about_the_first_model_alone(approval: str, changes: Any, passed: bool | None) -> None:
    assert check(DURATION, approval, **changes).passed is passed


def test_the_decision_tells_it_also_where_it_promotes() -> None:
    evidence = make_evidence(alone=DURATION, **FIRST)
    decision, rules = judge(evidence, make_gate(), "classification", "roc_auc", 7)
    assert decision == "promote"
    assert "suspect: duration alone reaches ROC AUC 0.8960" in explain(decision, rules)
    asked, _ = judge(evidence, make_gate(approval="on_unclear"), "classification", "roc_auc", 7)
    assert asked == "needs_approval"
