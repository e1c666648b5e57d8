"""The candidate against the champion: what the interval proves, and the margin."""

import math
from typing import Any

import numpy as np
import pytest

from nightshift.core.evaluation.bootstrap import Interval
from nightshift.core.gate import Evidence, Rule
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.champion import check_champion, find_margin, judge_gain
from tests.kits.gate import ROWS, blur, draw_signal, make_evidence, make_gate, squash

TARGET, SIGNAL = draw_signal()


def check(evidence: Evidence, **gate: Any) -> Rule:
    return check_champion(GateCase(evidence, make_gate(**gate), "classification", "roc_auc", 7))


@pytest.mark.parametrize(
    ("policy", "low", "high", "expected"),
    [
        ("non_inferior", -0.01, 0.05, True),
        ("non_inferior", -0.011, 0.05, None),
        ("non_inferior", -0.05, -0.01, None),
        ("non_inferior", -0.05, -0.011, False),
        ("superior", 0.001, 0.05, True),
        ("superior", 0.0, 0.05, None),
        ("superior", -0.05, 0.0, False),
    ],
)
def test_what_an_interval_proves(policy: str, low: float, high: float, expected: bool | None) -> None:
    found = Interval((low + high) / 2, low, high, 0.01, 999)
    assert judge_gain(found, make_gate(policy=policy), 0.01) is expected


def test_the_default_margin_is_a_twentieth_of_the_champions_own_gain() -> None:
    rule = check(make_evidence())
    assert rule.figures["margin"] == pytest.approx(0.05 * (rule.figures["champion"] - 0.5))
    assert find_margin(make_evidence(), make_gate(champion_margin=0.02), "roc_auc") == 0.02


def test_a_champion_worse_than_the_baseline_gives_nothing_away() -> None:
    assert find_margin(make_evidence(champion=squash(-SIGNAL)), make_gate(), "roc_auc") == 0.0


def test_the_figures_hold_both_and_the_interval() -> None:
    figures = check(make_evidence()).figures
    assert figures["gain"] == pytest.approx(figures["candidate"] - figures["champion"])
    assert figures["gain_low"] < figures["gain"] < figures["gain_high"]
    assert (figures["policy"], figures["confidence"], figures["champion_version"]) == ("non_inferior", 0.95, 3)


def test_the_first_model_has_no_champion_to_beat() -> None:
    rule = check(make_evidence(champion=None, champion_version=None))
    assert rule.passed is True
    assert rule.reason == "there is no champion yet"


def test_a_champion_that_cant_be_judged_is_unclear_and_says_what_to_do() -> None:
    rule = check(make_evidence(champion=None, champion_problem="its artifact is gone"))
    assert rule.passed is None
    assert "version 3" in rule.reason
    assert "its artifact is gone; repair that and train again" in rule.reason


def test_the_same_model_again_is_no_worse_but_not_better() -> None:
    evidence = make_evidence(candidate=squash(SIGNAL), champion=squash(SIGNAL))
    rule = check(evidence, champion_margin=0.0)
    assert rule.passed is True
    assert rule.figures["gain_low"] == rule.figures["gain_high"] == 0.0
    assert check(evidence, policy="superior").passed is False


def test_equal_models_are_unclear_under_superior() -> None:
    evidence = make_evidence(candidate=blur(SIGNAL, 0.5, seed=8), champion=blur(SIGNAL, 0.5, seed=9))
    rule = check(evidence, policy="superior")
    assert rule.passed is None
    assert "unclear whether it is better" in rule.reason


def test_a_narrow_margin_on_few_rows_is_unclear() -> None:
    evidence = make_evidence(candidate=blur(SIGNAL, 0.5, seed=8), champion=blur(SIGNAL, 0.5, seed=9))
    rule = check(evidence, champion_margin=1e-6)
    assert rule.passed is None
    assert "hold out more rows" in rule.reason


def test_predictions_that_are_not_numbers_are_unclear() -> None:
    assert check(make_evidence(champion=np.full(ROWS, math.nan))).passed is None
    assert check(make_evidence(candidate=np.full(ROWS, math.nan))).passed is None


def test_alike_days_widen_the_interval_when_whole_days_are_drawn() -> None:
    lucky = 1.0 * np.random.default_rng(6).normal(size=14).repeat(ROWS // 14 + 1)[:ROWS]
    days = np.datetime64("2026-01-01") + np.arange(ROWS) // (ROWS // 14 + 1)
    evidence = make_evidence(
        candidate=squash(SIGNAL + lucky * np.sign(TARGET - 0.5)), champion=squash(SIGNAL), days=days
    )
    rows, partitions = check(evidence, resample="rows").figures, check(evidence, resample="partitions").figures
    assert partitions["gain"] == pytest.approx(rows["gain"])
    assert partitions["gain_high"] - partitions["gain_low"] > 1.5 * (rows["gain_high"] - rows["gain_low"])


def test_too_few_days_to_draw_from_are_unclear() -> None:
    days = np.datetime64("2026-01-01") + np.arange(ROWS) % 9
    rule = check(make_evidence(days=days), resample="partitions")
    assert rule.passed is None
    assert "9 held-out days" in rule.reason
    assert "training.holdout" in rule.reason
