"""Rows of a day that are alike widen what the gate knows, by as much as they are alike."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from nightshift.core.evaluation.bootstrap import Resampling, bootstrap_gain
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.champion import check_champion
from nightshift.core.gate.quality import check_baseline, check_calibration
from tests.kits.gate import ROWS, make_evidence, make_gate

DAYS = 7


def draw_days(deviation: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days, outcomes whose logit has an effect of the day, and scores that differ by day and know nothing."""
    generator = np.random.default_rng(seed)
    day = np.arange(ROWS) % DAYS
    target = (generator.random(ROWS) < expit(deviation * generator.normal(size=DAYS)[day])).astype(float)
    noise = generator.normal(size=DAYS)[day] + generator.normal(size=ROWS)
    return np.datetime64("2026-01-01") + day, target, expit(noise)


def promote_noise(resample: str, deviation: float) -> int:
    """How many of 40 noise models are better than the baseline."""
    passed = 0
    for seed in range(40):
        days, target, noise = draw_days(deviation, seed)
        evidence = make_evidence(
            target=target, days=days, candidate=noise, champion=None, champion_version=None, baseline=np.full(ROWS, 0.5)
        )
        gate = make_gate(resample=resample)
        passed += check_baseline(GateCase(evidence, gate, "classification", "roc_auc", seed)).passed is True
    return passed


def test_noise_is_not_better_than_the_baseline_where_days_differ() -> None:
    assert promote_noise("auto", 1.0) <= 3
    assert promote_noise("rows", 1.0) >= 6


def test_independent_rows_keep_nearly_their_interval_and_never_a_narrower_one() -> None:
    target, ours, theirs = np.random.default_rng(5).normal(size=(3, ROWS))
    days = np.arange(ROWS) % 20
    rows = bootstrap_gain("rmse", target, ours, theirs, Resampling(200, 0.95, 7))
    auto = bootstrap_gain("rmse", target, ours, theirs, Resampling(200, 0.95, 7, clusters=days))
    assert auto.value == rows.value
    assert auto.error >= rows.error
    assert (auto.high - auto.low) < 1.6 * (rows.high - rows.low)
    assert 0.2 < auto.design_effect < 3


def test_the_design_effect_is_the_one_that_was_drawn() -> None:
    """Losses with a variance of 1 within and .25 between days of 50 rows: 1 + 49 * .2 times the variance."""
    generator = np.random.default_rng(6)
    day = np.repeat(np.arange(400), 50)
    losses = 10 + generator.normal(size=len(day)) + 0.5 * generator.normal(size=400)[day]
    how = Resampling(400, 0.95, 7, clusters=day)
    found = bootstrap_gain("mae", np.zeros(len(day)), losses, np.full(len(day), 10.0), how)
    assert found.design_effect == pytest.approx(1 + 49 * 0.2, rel=0.25)


@pytest.mark.parametrize(("days", "passed"), [(4, None), (5, True)])
def test_fewer_than_five_days_are_unclear(days: int, passed: bool | None) -> None:
    evidence = make_evidence(days=np.datetime64("2026-01-01") + np.arange(ROWS) % days)
    rule = check_champion(GateCase(evidence, make_gate(), "classification", "roc_auc", 7))
    assert rule.passed is passed
    assert passed or "4 held-out days, and gate.resample: auto needs 5" in rule.reason


def calibrate(deviation: float, **gate: Any) -> bool | None:
    days, target, _ = draw_days(deviation, 3)
    scores = np.full(ROWS, 0.5)
    evidence = make_evidence(target=target, days=days, candidate=scores, champion=None, champion_version=None)
    return check_calibration(evidence, make_gate(**gate), 0.02).passed


def test_a_calibration_error_that_days_explain_is_unclear_and_not_a_failure() -> None:
    assert calibrate(1.0) is None
    assert calibrate(1.0, resample="rows") is False
