"""Expected metrics of calibrated probabilities, and how far they can be trusted."""

import itertools
import math
from datetime import date, timedelta

import numpy as np
import pytest

from nightshift.config.sections.retrain import Tolerance
from nightshift.core.evaluation.metrics import measure_all
from nightshift.core.performance.estimates import (
    check_estimated_tolerance,
    check_estimates,
    estimate,
    estimate_all,
    withhold_estimate,
)
from nightshift.core.performance.tolerance import Night
from nightshift.extension.metrics import list_metrics
from nightshift.extension.tasks import BINARY

DAY = date(2026, 1, 1)
BAND = Tolerance(window_days=3, min_rows=100, tolerance=0.1)


def draw(rows: int, seed: int, spread: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities of a rarer class, and outcomes that follow them."""
    generator = np.random.default_rng(seed)
    predicted = 1 / (1 + np.exp(-generator.normal(-1.0, spread, rows)))
    return (generator.random(rows) < predicted).astype(float), predicted


def expect_by_enumeration(name: str, predicted: np.ndarray) -> float:
    """The mean of the metric over every possible outcome of a few rows, each as probable as it is."""
    total = 0.0
    for outcome in itertools.product([0.0, 1.0], repeat=len(predicted)):
        target = np.array(outcome)
        chance = float(np.prod(np.where(target == 1, predicted, 1 - predicted)))
        total += chance * measure_all(list_metrics("classification"), target, predicted)[name]
    return total


@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_the_estimate_of_a_mean_is_the_exact_expectation(name: str) -> None:
    predicted = np.array([0.05, 0.3, 0.3, 0.8, 0.99, 0.5])
    assert estimate(name, predicted) == pytest.approx(expect_by_enumeration(name, predicted), rel=1e-9)  # type: ignore[arg-type]


@pytest.mark.parametrize("spread", [0.3, 1.5, 4.0])
def test_estimates_of_calibrated_scores_are_close_to_what_comes_true(spread: float) -> None:
    target, predicted = draw(200_000, 1, spread)
    realised = measure_all(list_metrics("classification"), target, predicted)
    for name, expected in estimate_all(list_metrics(BINARY), predicted).items():
        assert expected == pytest.approx(realised[name], abs=0.006), name


def test_estimates_of_small_nights_are_right_on_average() -> None:
    """In 400 nights of 200 rows the mean error is within its own sampling error: nothing is biased but a little."""
    errors: dict[str, list[float]] = {name: [] for name in list_metrics(BINARY)}
    for seed in range(400):
        target, predicted = draw(200, seed)
        realised, expected = (
            measure_all(list_metrics("classification"), target, predicted),
            estimate_all(list_metrics(BINARY), predicted),
        )
        for name, found in errors.items():
            found.append(expected[name] - realised[name])
    for name, found in errors.items():
        bias = 0.015 if name == "average_precision" else 0.0
        assert abs(np.mean(found)) < bias + 3 * np.std(found) / math.sqrt(len(found)), name


def test_equal_scores_rank_nothing_and_no_row_is_its_own_pair() -> None:
    assert estimate("roc_auc", np.full(50, 0.3)) == pytest.approx(0.5)
    assert estimate("roc_auc", np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(1.0)
    # With itself as a pair, the row between would count for half a tie.
    assert estimate("roc_auc", np.array([0.0, 0.5, 1.0])) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("predicted", "unknown"),
    [
        (np.empty(0), set(list_metrics(BINARY))),
        (np.array([0.2, np.nan, 0.4]), set(list_metrics(BINARY))),
        (np.array([0.2, 1.4]), set(list_metrics(BINARY))),
        (np.full(50, 1e-6), {"roc_auc", "average_precision"}),
    ],
)
def test_what_can_not_be_estimated_is_nan(predicted: np.ndarray, unknown: set[str]) -> None:
    assert {
        name for name, value in estimate_all(list_metrics(BINARY), predicted).items() if math.isnan(value)
    } == unknown


def test_the_order_of_the_rows_changes_nothing() -> None:
    _, predicted = draw(500, 3)
    shuffled = np.random.default_rng(0).permutation(predicted)
    assert estimate_all(list_metrics(BINARY), shuffled) == pytest.approx(
        estimate_all(list_metrics(BINARY), predicted), rel=1e-12
    )


def test_estimates_are_trusted_only_after_three_nights_within_the_margin() -> None:
    assert not check_estimates([], 0.02).trusted
    assert not check_estimates([0.0, 0.0], 0.02).trusted
    assert check_estimates([0.01, -0.01, 0.005], 0.02).trusted
    assert not check_estimates([0.01, -0.05, 0.03], 0.02).trusted
    assert not check_estimates([0.01, 0.01, math.nan], 0.02).trusted


def make_nights(spread: float) -> list[Night]:
    parts = [draw(800, seed, spread)[1] for seed in range(3)]
    return [Night(DAY + timedelta(days=number), np.empty(0), predicted) for number, predicted in enumerate(parts)]


def test_inputs_that_tell_less_fall_out_of_the_band_before_outcomes_are_known() -> None:
    promised = estimate("roc_auc", draw(100_000, 9)[1])
    check = check_estimates([0.004, -0.003, 0.002, 0.001], 0.02)
    usual = check_estimated_tolerance(make_nights(1.5), "roc_auc", promised, 2000, BAND, check)
    worse = check_estimated_tolerance(make_nights(0.6), "roc_auc", promised, 2000, BAND, check)
    assert usual is not None
    assert worse is not None
    assert (usual.below, worse.below) == (False, True)
    assert worse.low < worse.value < worse.high < worse.limit
    assert (worse.rows, worse.first, worse.last) == (2400, DAY, DAY + timedelta(days=2))


def test_the_estimate_is_corrected_by_the_error_seen() -> None:
    nights = make_nights(1.5)
    low, high = (
        check_estimated_tolerance(nights, "roc_auc", 0.8, 2000, BAND, check_estimates([e, e, e], 0.1))
        for e in (0.03, -0.03)
    )
    assert low is not None
    assert high is not None
    assert high.value - low.value == pytest.approx(0.06)


def test_without_trust_without_rows_or_with_few_of_them_nothing_is_below() -> None:
    trusted, untrusted = check_estimates([0.0, 0.0, 0.001], 0.02), check_estimates([0.2, 0.2, 0.2], 0.02)
    found = check_estimated_tolerance(make_nights(0.3), "roc_auc", 0.9, 2000, BAND, untrusted)
    assert found is not None
    assert found.below is None
    assert "not trusted" in found.reason
    few = [Night(DAY, np.empty(0), draw(30, 1, 0.3)[1])]
    scarce = check_estimated_tolerance(few, "roc_auc", 0.9, 2000, BAND, trusted)
    assert scarce is not None
    assert scarce.below is None
    assert check_estimated_tolerance([], "roc_auc", 0.9, 2000, BAND, trusted) is None


def test_a_changed_relation_leaves_the_estimate_as_it_was_and_costs_it_the_trust() -> None:
    """A known limit: the scores alone can't show that the outcomes no longer follow them."""
    errors = []
    for seed in range(5):
        target, predicted = draw(800, seed)
        changed = np.random.default_rng(seed).permutation(target)
        assert estimate("roc_auc", predicted) > 0.75
        errors.append(
            estimate("roc_auc", predicted) - measure_all(list_metrics("classification"), changed, predicted)["roc_auc"]
        )
    assert not check_estimates(errors, 0.03).trusted


@pytest.mark.parametrize("below", [True, False])
def test_an_estimate_is_withheld_while_inputs_have_moved(below: bool) -> None:
    record = {"below": below, "value": 0.7, "reason": "estimated, within tolerance: roc_auc 0.7000 of 900 rows"}
    found = withhold_estimate(record, ["spent", "visits", "region", "age", "plan"])
    assert found == {
        "below": None,
        "value": 0.7,
        "reason": "estimated, unknown: not trusted while spent, visits, region and 2 more drifted in the same days; "
        "roc_auc 0.7000 of 900 rows",
    }
    assert withhold_estimate(record, []) is record
    assert withhold_estimate(None, ["spent"]) is None
