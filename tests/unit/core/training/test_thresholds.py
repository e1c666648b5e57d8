"""The decision threshold, against every threshold there is."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from nightshift.config.sections.decision import DecisionRule
from nightshift.core.training.thresholds import choose_threshold, describe_decision, measure_decision

RULES = (
    {"rule": "cost", "false_positive": 1.0, "false_negative": 5.0},
    {"rule": "cost", "false_positive": 3.0, "false_negative": 1.0, "true_positive": -2.0},
    {"rule": "cost", "false_positive": 50.0, "false_negative": 1.0, "true_negative": 0.5},
    {"rule": "f_beta"},
    {"rule": "f_beta", "beta": 2.0},
    {"rule": "recall_at_precision", "precision": 0.7},
    {"rule": "recall_at_precision", "precision": 1.0},
    {"rule": "top_share", "share": 0.1},
    {"rule": "top_share", "share": 0.6},
)


def make_rule(**values: Any) -> Any:
    return TypeAdapter(DecisionRule).validate_python(values)


def regret(rule: Any, target: np.ndarray, chosen: np.ndarray) -> tuple[float, ...]:
    """What the rule wants small, spelled out row by row; a tuple where a second wish breaks ties."""
    hits, decided = float((chosen & (target == 1)).sum()), int(chosen.sum())
    misses, false = float((~chosen & (target == 1)).sum()), decided - hits
    if rule.rule == "cost":
        right = len(target) - hits - misses - false
        costs = (rule.true_positive, hits), (rule.false_positive, false), (rule.false_negative, misses)
        return (sum(cost * count for cost, count in (*costs, (rule.true_negative, right))),)
    if not decided:
        return (float("inf"),)
    if rule.rule == "f_beta":
        weight = rule.beta**2
        return (-(1 + weight) * hits / ((1 + weight) * hits + weight * misses + false),)
    if rule.rule == "top_share":
        return (abs(decided / len(target) - rule.share),)
    enough = hits / decided >= rule.precision
    return (0.0, -hits) if enough else (1 - hits / decided, -hits)


# Few levels, so that there are ties; the ends of the scale too.
SCORES = st.sampled_from([0.0, 0.05, 0.2, float(np.nextafter(0.2, 1)), 0.5, 0.7, 0.95, 1.0])


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0]), SCORES), min_size=1, max_size=25), st.sampled_from(RULES))
def test_no_other_threshold_serves_the_rule_better(rows: list[tuple[float, float]], values: dict[str, Any]) -> None:
    rule, (target, scores) = make_rule(**values), np.array(rows).T
    threshold = choose_threshold(rule, target, scores)
    reached = regret(rule, target, scores >= threshold)
    # Every way to cut the ranking: from each score on, and none.
    possible = [regret(rule, target, scores >= level) for level in (*np.unique(scores), 2.0)]
    np.testing.assert_allclose(reached, min(possible), atol=1e-12)
    fewer = [level for level in scores if level >= threshold and (scores >= level).sum() < (scores >= threshold).sum()]
    if fewer and rule.rule != "recall_at_precision":
        # Of equals the highest: cutting higher is strictly worse.
        assert min(regret(rule, target, scores >= level) for level in fewer) > tuple(np.subtract(reached, 1e-12))


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=30), st.sampled_from(RULES))
def test_a_threshold_is_a_probability_and_no_score_lies_on_it(scores: list[float], values: dict[str, Any]) -> None:
    target = np.arange(len(scores)) % 2.0
    threshold = choose_threshold(make_rule(**values), target, np.array(scores))
    assert 0 < threshold < 1


def test_a_threshold_lies_halfway_between_two_scores() -> None:
    target, scores = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.2, 0.4, 0.9])
    assert choose_threshold(make_rule(rule="f_beta"), target, scores) == pytest.approx(0.3)


def test_a_fixed_threshold_stays_as_configured() -> None:
    assert choose_threshold(make_rule(rule="fixed", threshold=0.3), np.array([0.0]), np.array([0.9])) == 0.3


def test_where_every_alarm_is_too_dear_no_row_is_decided_true() -> None:
    rule = make_rule(rule="cost", false_positive=100.0, false_negative=1.0)
    target, scores = np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.6, 0.2])
    threshold = choose_threshold(rule, target, scores)
    assert not (scores >= threshold).any()
    assert threshold > 1
    assert measure_decision(rule, target, scores, threshold)["cost"] == pytest.approx(1 / 3)


def test_more_recall_beats_more_precision_than_asked_for() -> None:
    target, scores = np.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    rule = make_rule(rule="recall_at_precision", precision=0.7)
    assert choose_threshold(rule, target, scores) == pytest.approx(0.55)


def test_scores_that_are_neighbours_are_told_apart() -> None:
    target, scores = np.array([0.0, 1.0]), np.array([0.2, np.nextafter(0.2, 1)])
    assert choose_threshold(make_rule(rule="f_beta"), target, scores) == scores[1]


def test_no_precise_enough_threshold_takes_the_most_precise_and_says_so() -> None:
    rule = make_rule(rule="recall_at_precision", precision=0.9)
    target, scores = np.array([0.0, 1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.8, 0.7, 0.3, 0.2])
    threshold = choose_threshold(rule, target, scores)
    assert threshold == pytest.approx(0.5)
    described = describe_decision(rule, target, scores, threshold)
    assert described["validation"] == {"precision": pytest.approx(2 / 3), "recall": 1.0, "share": 0.6}
    assert "no threshold reaches a precision of 0.9" in described["note"]


def test_a_precise_enough_threshold_needs_no_note() -> None:
    rule = make_rule(rule="recall_at_precision", precision=0.5)
    target, scores = np.array([0.0, 1.0]), np.array([0.1, 0.9])
    described = describe_decision(rule, target, scores, choose_threshold(rule, target, scores))
    assert "note" not in described
    assert (described["rule"], described["precision"], described["rows"]) == ("recall_at_precision", 0.5, 2)


def test_rows_of_one_score_are_never_parted() -> None:
    rule, scores = make_rule(rule="top_share", share=0.5), np.array([0.9, 0.9, 0.9, 0.9, 0.2])
    assert (scores >= choose_threshold(rule, np.zeros(5), scores)).sum() == 4


def test_figures_that_are_undefined_are_nan() -> None:
    figures = measure_decision(make_rule(rule="f_beta"), np.zeros(2), np.array([0.1, 0.2]), 0.5)
    assert np.isnan([figures["precision"], figures["recall"], figures["f_beta"]]).all()
    assert figures["share"] == 0


def test_without_rows_there_is_nothing_to_choose_from() -> None:
    with pytest.raises(ValueError, match="without validation rows"):
        choose_threshold(make_rule(rule="f_beta"), np.array([]), np.array([]))
