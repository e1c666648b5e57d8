"""The gate: only what passes every rule takes over, and each refusal says its reason."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nightshift.core.gate import Evidence, Rule, decide, explain, judge, may_challenge
from nightshift.core.predictors import Parity
from tests.kits.gate import (
    GOOD_PARITY,
    GOOD_SERVED,
    ROWS,
    blur,
    draw_signal,
    find,
    make_evidence,
    make_gate,
    squash,
)

TARGET, SIGNAL = draw_signal()


def rule_of(name: str, evidence: Evidence, **gate: Any) -> Rule:
    return find(judge(evidence, make_gate(**gate), "classification", "roc_auc", 7)[1], name)


def make_regression(**changes: Any) -> Evidence:
    target = SIGNAL + np.random.default_rng(4).normal(size=ROWS)
    values: dict[str, Any] = {
        "target": target,
        "candidate": SIGNAL,
        "baseline": np.full(ROWS, target.mean()),
        "champion": SIGNAL + 0.5 * np.random.default_rng(5).normal(size=ROWS),
        "target_range": (-4.0, 4.0),
        "train_value": 1.0,
    }
    return make_evidence(**{**values, **changes})


def test_a_better_candidate_is_promoted() -> None:
    decision, rules = judge(make_evidence(), make_gate(), "classification", "roc_auc", 7)
    assert decision == "promote", explain(decision, rules)
    assert "gain" in explain(decision, rules)


def test_the_rules_stand_in_one_order() -> None:
    gate = make_gate(floors={"log_loss": 0.6, "brier": 0.25}, train_gap=0.2)
    _, rules = judge(make_evidence(), gate, "classification", "roc_auc", 7)
    quality = "floor floor_log_loss floor_brier baseline leakage suspect calibration gap"
    expected = f"min_rows features reload predictor sanity {quality}"
    assert [rule.name for rule in rules] == [*expected.split(), "champion", "slices"]


def test_rules_that_are_not_asked_for_are_left_out() -> None:
    gate = make_gate(leak_limit=None, calibration_error=None)
    names = {rule.name for rule in judge(make_evidence(), gate, "classification", "roc_auc", 7)[1]}
    assert not names & {"leakage", "calibration", "gap"}
    names = {rule.name for rule in judge(make_regression(), make_gate(floor=5.0), "regression", "rmse", 7)[1]}
    assert "calibration" not in names


def test_the_same_evidence_and_seed_give_the_same_figures() -> None:
    gate = make_gate(slices={"columns": ("shop",)})
    first, second = (judge(make_evidence(), gate, "classification", "roc_auc", 7)[1] for _ in range(2))
    assert [rule.to_record() for rule in first] == [rule.to_record() for rule in second]


def test_the_figures_are_plain_json_also_when_they_are_not_numbers() -> None:
    gate = make_gate(slices={"columns": ("shop", "spent")}, train_gap=0.1, floors={"log_loss": 0.6})
    for evidence in (make_evidence(), make_evidence(candidate=np.full(ROWS, math.nan), train_value=math.nan)):
        _, rules = judge(evidence, gate, "classification", "roc_auc", 7)
        text = json.dumps([rule.to_record() for rule in rules], allow_nan=False)
        assert "slices" in text
        assert all(rule.passed in (True, False, None) for rule in rules)
    assert "null" in text


def test_too_few_rows_are_unclear() -> None:
    rule = rule_of("min_rows", make_evidence(), min_rows=ROWS + 1)
    assert rule.passed is None
    assert rule.figures == {"rows": ROWS, "min_rows": ROWS + 1}
    assert rule_of("min_rows", make_evidence(), min_rows=ROWS).passed is True


def test_a_missing_feature_is_named_and_what_follows_is_not_judged() -> None:
    evidence = make_evidence(candidate=None, missing_features=("tenure", "age"))
    decision, rules = judge(evidence, make_gate(approval="on_unclear"), "classification", "roc_auc", 7)
    assert decision == "keep"
    assert find(rules, "features").passed is False
    assert "tenure, age" in explain(decision, rules)
    unjudged = ("sanity", "floor", "baseline", "leakage", "calibration", "champion", "slices")
    assert [find(rules, name).passed for name in unjudged] == [None] * len(unjudged)
    assert "champion" not in explain(decision, rules)


@pytest.mark.parametrize(
    ("changes", "passed", "said"),
    [
        ({}, True, "predicts the same"),
        ({"problem": "its hash is not the recorded one"}, False, "its hash is not the recorded one"),
        ({"difference": 1e-6}, False, "other scores"),
        ({"difference": math.nan}, False, "other scores"),
        ({"seconds": 3.0}, False, "gate.serving.seconds"),
        ({"megabytes": 2000.0}, False, "gate.serving.megabytes"),
        ({"difference": None}, None, "unclear"),
        ({"rows": 0}, None, "unclear"),
    ],
)
def test_the_artifact_is_judged_by_what_a_fresh_process_made_of_it(
    changes: dict[str, Any], passed: bool | None, said: str
) -> None:
    rule = rule_of("reload", make_evidence(served=replace(GOOD_SERVED, **changes)))
    assert rule.passed is passed
    assert said in rule.reason


def test_an_artifact_that_was_not_tried_is_unclear() -> None:
    assert rule_of("reload", make_evidence(served=None)).passed is None
    assert rule_of("predictor", make_evidence(served=None)).passed is None


@pytest.mark.parametrize(
    ("changes", "passed", "said"),
    [
        ({}, True, "4500 golden and drawn rows"),
        ({"difference": 1e-9}, True, "to 1e-09"),
        ({"difference": 2e-9, "worst": "unseen categories"}, False, "by up to 2e-09 on unseen categories"),
        ({"difference": math.inf}, False, "by up to inf"),
        ({"difference": math.nan}, False, "by up to nan"),
        ({"sha256": "b" * 64}, False, "other lookup tables than were recorded"),
        ({"kind": "native", "sha256": None, "reason": "no numba"}, False, "no numba"),
    ],
)
def test_the_tables_that_will_score_are_compared_with_the_model(
    changes: dict[str, Any], passed: bool, said: str
) -> None:
    served = replace(GOOD_SERVED, parity=replace(GOOD_PARITY, **changes))
    rule = rule_of("predictor", make_evidence(served=served))
    assert rule.passed is passed
    assert said in rule.reason


def test_a_model_without_tables_passes_as_native() -> None:
    served = replace(GOOD_SERVED, parity=Parity.of_native("a Ridge has no tables"), recorded=None)
    rule = rule_of("predictor", make_evidence(served=served))
    assert rule.passed and "native" in rule.reason and "a Ridge has no tables" in rule.reason


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (np.where(np.arange(ROWS) < 3, np.nan, squash(SIGNAL)), "3 of 1000 predictions are not numbers"),
        (np.where(np.arange(ROWS) < 3, np.inf, squash(SIGNAL)), "not numbers"),
        (SIGNAL, "possible is 0 to 1"),
        (np.full(ROWS, 0.3), "0.3 for every row"),
    ],
)
def test_insane_predictions_are_refused(candidate: np.ndarray, said: str) -> None:
    evidence = make_evidence(candidate=candidate)
    rule = rule_of("sanity", evidence)
    assert rule.passed is False
    assert said in rule.reason
    assert judge(evidence, make_gate(approval="on_unclear"), "classification", "roc_auc", 7)[0] == "keep"


def test_a_regression_may_predict_a_range_beyond_the_targets_that_it_saw() -> None:
    gate = make_gate(floor=5.0)
    inside = make_regression(target_range=(-2.0, 2.0))
    assert find(judge(inside, gate, "regression", "rmse", 7)[1], "sanity").passed is True
    outside = make_regression(candidate=SIGNAL + np.where(np.arange(ROWS) == 0, 100.0, 0.0), target_range=(-2.0, 2.0))
    assert find(judge(outside, gate, "regression", "rmse", 7)[1], "sanity").passed is False
    unknown = make_regression(target_range=(math.nan, math.nan))
    assert find(judge(unknown, gate, "regression", "rmse", 7)[1], "sanity").passed is None


def test_the_floor_is_inclusive_and_has_a_direction() -> None:
    value = rule_of("floor", make_evidence()).figures["candidate"]
    assert rule_of("floor", make_evidence(), floor=value).passed is True
    assert rule_of("floor", make_evidence(), floor=value + 1e-6).passed is False
    error = find(judge(make_regression(), make_gate(floor=0.5), "regression", "rmse", 7)[1], "floor")
    assert error.passed is False
    assert "at most 0.5" in error.reason


def test_further_floors_have_rules_of_their_own() -> None:
    gate = make_gate(floors={"log_loss": 0.01, "average_precision": 0.5})
    decision, rules = judge(make_evidence(), gate, "classification", "roc_auc", 7)
    assert decision == "keep"
    assert find(rules, "floor_log_loss").passed is False
    assert find(rules, "floor_average_precision").passed is True


def test_a_metric_that_cant_be_computed_fails_the_floor() -> None:
    for evidence in (make_evidence(target=np.zeros(ROWS)), make_evidence(candidate=np.full(ROWS, np.nan))):
        rule = rule_of("floor", evidence)
        assert rule.passed is False
        assert rule.reason == "roc_auc could not be computed"


def test_shuffled_labels_fail_the_baseline_whichever_way_they_fall() -> None:
    for seed in range(8):
        target = np.random.default_rng(seed).permutation(TARGET)
        rule = rule_of("baseline", make_evidence(target=target), floor=0.0)
        assert rule.passed is False, rule.reason
    lucky = [seed for seed in range(8) if _measure_luck(seed) > 0.5]
    assert lucky, "one of them must have had luck, or nothing was tested"


def _measure_luck(seed: int) -> float:
    target = np.random.default_rng(seed).permutation(TARGET)
    return float(rule_of("floor", make_evidence(target=target)).figures["candidate"])


def test_the_margin_over_the_baseline_is_asked_for() -> None:
    assert rule_of("baseline", make_evidence()).passed is True
    rule = rule_of("baseline", make_evidence(), baseline_margin=0.45)
    assert rule.passed is False
    assert "+0.4500" in rule.reason


def test_a_baseline_that_cant_be_measured_is_unclear() -> None:
    assert rule_of("baseline", make_evidence(baseline=np.full(ROWS, np.nan))).passed is None


def test_a_leaking_feature_is_named_with_what_to_do() -> None:
    rule = rule_of("leakage", make_evidence(alone={"refund": 0.999, "spent": 0.6, "odd": math.nan}))
    assert rule.passed is False
    assert rule.figures["leaking"] == ["refund"]
    assert "refund alone" in rule.reason
    assert "known_afterwards" in rule.reason


def test_a_model_that_knows_the_outcome_is_refused() -> None:
    rule = rule_of("leakage", make_evidence(candidate=0.1 + 0.8 * TARGET))
    assert rule.passed is False
    assert "ROC AUC 1.0000" in rule.reason
    assert rule_of("leakage", make_evidence(candidate=blur(SIGNAL, 0.0)), leak_limit=0.7).passed is False


def test_leakage_of_a_regression_is_measured_by_r2() -> None:
    target = SIGNAL * 2
    rules = judge(
        make_regression(target=target, candidate=target + 1e-3), make_gate(floor=5.0), "regression", "rmse", 7
    )[1]
    assert find(rules, "leakage").passed is False
    assert find(judge(make_regression(), make_gate(floor=5.0), "regression", "rmse", 7)[1], "leakage").passed is True


def test_leakage_is_unclear_where_the_outcome_never_varies() -> None:
    evidence = make_evidence(target=np.zeros(ROWS), alone={})
    rule = find(judge(evidence, make_gate(), "classification", "log_loss", 7)[1], "leakage")
    assert rule.passed is None


def test_probabilities_must_mean_what_they_say_or_no_less_than_the_champions() -> None:
    bold = np.clip(squash(SIGNAL) + 0.3, 0, 1)
    assert rule_of("calibration", make_evidence()).passed is True
    assert rule_of("calibration", make_evidence(candidate=bold)).passed is False
    assert rule_of("calibration", make_evidence(candidate=bold, champion=None, champion_version=None)).passed is False
    worse = rule_of("calibration", make_evidence(candidate=bold, champion=np.clip(squash(SIGNAL) + 0.4, 0, 1)))
    assert worse.passed is True
    assert "the champion's" in worse.reason


def test_a_gap_to_the_training_rows_is_refused_where_a_limit_is_set() -> None:
    assert rule_of("gap", make_evidence(train_value=0.85), train_gap=0.1).passed is True
    assert rule_of("gap", make_evidence(train_value=0.99), train_gap=0.1).passed is False
    assert rule_of("gap", make_evidence(train_value=math.nan), train_gap=0.1).passed is None


def test_the_gap_of_an_error_has_the_other_direction() -> None:
    gate = make_gate(floor=5.0, train_gap=0.3)
    assert find(judge(make_regression(train_value=0.2), gate, "regression", "rmse", 7)[1], "gap").passed is False
    assert find(judge(make_regression(train_value=2.0), gate, "regression", "rmse", 7)[1], "gap").passed is True


def make_rules(**verdicts: bool | None) -> list[Rule]:
    names = {"floor": True, "champion": True, **verdicts}
    return [Rule(name, passed, {"champion_version": 3}, f"why {name}") for name, passed in names.items()]


@pytest.mark.parametrize(
    ("verdicts", "never", "on_unclear", "required"),
    [
        ({}, "promote", "promote", "needs_approval"),
        ({"champion": None}, "keep", "needs_approval", "needs_approval"),
        ({"champion": False}, "keep", "keep", "keep"),
        ({"champion": None, "slices": False}, "keep", "keep", "keep"),
        # Nothing was measured: nothing to ask a person about.
        ({"min_rows": None, "floor": None, "champion": None}, "keep", "keep", "keep"),
    ],
)
def test_the_decision_follows_from_the_verdicts_and_from_who_decides(
    verdicts: dict[str, bool | None], never: str, on_unclear: str, required: str
) -> None:
    rules = make_rules(**verdicts)
    decisions = [decide(rules, make_gate(approval=approval)) for approval in ("never", "on_unclear", "required")]
    assert decisions == [never, on_unclear, required]


def test_no_held_out_rows_never_promote_nor_ask() -> None:
    nothing = np.array([])
    evidence = make_evidence(
        target=nothing, candidate=nothing, baseline=nothing, champion=nothing, champion_version=None, alone={}
    )
    for approval in ("never", "on_unclear", "required"):
        assert judge(evidence, make_gate(approval=approval, min_rows=1), "classification", "roc_auc", 7)[0] == "keep"


def test_an_artifact_that_cant_be_served_is_refused_with_its_problem() -> None:
    served = replace(GOOD_SERVED, problem="one byte differs from what was stored")
    evidence = make_evidence(candidate=None, served=served)
    decision, rules = judge(evidence, make_gate(approval="required"), "classification", "roc_auc", 7)
    assert decision == "keep"
    assert explain(decision, rules) == "reload: it can't be served: one byte differs from what was stored"


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ({"champion": False}, True),
        ({"champion": None, "slices": False}, True),
        ({"champion": False, "calibration": False}, False),
        ({"champion": False, "min_rows": None}, False),
        ({}, False),
    ],
)
def test_only_the_comparison_may_leave_a_challenger(verdicts: dict[str, bool | None], expected: bool) -> None:
    assert may_challenge(make_rules(**verdicts)) is expected


def test_without_a_champion_there_is_no_challenger() -> None:
    rules = [Rule("champion", False, {"champion_version": None}, "")]
    assert may_challenge(rules) is False


def test_the_reason_tells_failures_before_what_is_unclear() -> None:
    assert explain("keep", make_rules(champion=None, slices=False)) == "slices: why slices"
    assert explain("keep", make_rules(champion=None)) == "champion: why champion"
    assert explain("needs_approval", make_rules()).startswith("every rule passed, a person decides: ")


def test_a_worse_model_is_kept_out() -> None:
    evidence = make_evidence(candidate=blur(SIGNAL, 1.0), champion=squash(SIGNAL))
    decision, rules = judge(evidence, make_gate(), "classification", "roc_auc", 7)
    assert decision == "keep"
    assert find(rules, "champion").passed is False
