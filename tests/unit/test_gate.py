"""The gate: only what passes every rule takes over."""

import json
import math

import pytest

from include.config.learning import Gate
from include.core.gate import Evidence, explain, judge

GATE = Gate(floor=0.6, baseline_margin=0.05, champion_margin=0.01, min_rows=100)
GOOD = Evidence(rows=1000, candidate=0.75, baseline=0.5, champion=0.74)


def change(**values: float | int | None) -> Evidence:
    return Evidence(**{**GOOD.__dict__, **values})


def test_a_better_candidate_is_promoted() -> None:
    decision, rules = judge(GOOD, GATE, "roc_auc")
    assert decision == "promote"
    assert [rule.name for rule in rules] == ["min_rows", "floor", "baseline", "champion"]


def test_the_first_candidate_needs_no_champion() -> None:
    assert judge(change(champion=None), GATE, "roc_auc")[0] == "promote"


@pytest.mark.parametrize(
    ("evidence", "rule", "passed"),
    [
        (change(rows=99), "min_rows", None),
        (change(candidate=0.59, champion=0.5), "floor", False),
        (change(candidate=math.nan), "floor", None),
        (change(baseline=0.71), "baseline", False),
        (change(baseline=math.nan), "baseline", None),
        (change(champion=0.77), "champion", False),
        (change(champion=math.nan), "champion", None),
    ],
)
def test_one_rule_that_does_not_pass_keeps_the_champion(evidence: Evidence, rule: str, passed: bool | None) -> None:
    decision, rules = judge(evidence, GATE, "roc_auc")
    assert decision == "keep"
    assert next(item for item in rules if item.name == rule).passed is passed
    assert rule in explain(decision, rules)


def test_for_an_error_less_is_better() -> None:
    gate = Gate(floor=100.0, champion_margin=2.0, min_rows=1)
    assert judge(Evidence(10, 50.0, 80.0, 49.0), gate, "rmse")[0] == "promote"
    assert judge(Evidence(10, 52.0, 80.0, 49.0), gate, "rmse")[0] == "keep"
    assert judge(Evidence(10, 101.0, 180.0, None), gate, "rmse")[0] == "keep"


def test_the_figures_are_plain_json_also_when_they_are_nan() -> None:
    _, rules = judge(change(candidate=math.nan), GATE, "roc_auc")
    text = json.dumps([rule.to_record() for rule in rules], allow_nan=False)
    assert "null" in text
