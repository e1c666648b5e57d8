"""The band: whether outcomes are worse than promised, and not by chance."""

from datetime import date, timedelta

import numpy as np
import pytest

from nightshift.config.sections.retrain import Tolerance
from nightshift.core.performance.tolerance import Night, check_tolerance, choose_nights, find_limit

FIRST = date(2026, 1, 1)
BAND = Tolerance(window_days=3, min_rows=200, tolerance=0.1)


def draw_nights(count: int, rows: int = 500, noise: float = 1.0, seed: int = 0) -> list[Night]:
    """Regression: the signal has a variance of 1, so R² is about 1 / (1 + noise²)."""
    generator = np.random.default_rng(seed)
    nights = []
    for number in range(count):
        predicted = generator.normal(size=rows)
        target = predicted + noise * generator.normal(size=rows)
        nights.append(Night(FIRST + timedelta(days=number), target, predicted))
    return nights


@pytest.mark.parametrize(
    ("metric", "promised", "limit"),
    [("roc_auc", 0.7, 0.67), ("r2", 0.9, 0.89), ("rmse", 10.0, 11.0), ("log_loss", 0.5, 0.55)],
)
def test_the_limit_allows_a_share_more_error(metric: str, promised: float, limit: float) -> None:
    assert find_limit(metric, promised, 0.1) == pytest.approx(limit)


@pytest.mark.parametrize(("noise", "below"), [(1.0, False), (1.02, False), (1.5, True)])
def test_worse_by_more_than_the_tolerance_is_out_of_the_band(noise: float, below: bool) -> None:
    verdict = check_tolerance(draw_nights(5, noise=noise), "r2", 0.5, 5000, BAND, seed=1)
    assert verdict is not None
    assert verdict.below is below
    assert (verdict.rows, verdict.first, verdict.last) == (1500, FIRST + timedelta(days=2), FIRST + timedelta(days=4))


def test_what_chance_explains_is_no_alarm() -> None:
    """Beyond the limit, but from so few rows that it proves nothing."""
    nights = [draw_nights(1, rows=200, seed=seed)[0] for seed in range(40)]
    values = [check_tolerance([night], "r2", 0.53, 200, BAND, seed=1) for night in nights]
    worse = [verdict for verdict in values if verdict and verdict.value < verdict.limit]
    assert len(worse) > 5
    assert sum(bool(verdict.below) for verdict in worse) <= 2


def test_the_promise_has_an_error_of_its_own() -> None:
    """The same figures prove less against a promise from few rows."""
    nights = draw_nights(3, noise=1.3, rows=800)
    against_many, against_few = (check_tolerance(nights, "r2", 0.5, rows, BAND, seed=1) for rows in (100_000, 100))
    assert against_many and against_many.below
    assert against_few and against_few.below is False


@pytest.mark.parametrize(("rows", "chosen"), [(500, 3), (50, 4), (10, 6)])
def test_few_rows_reach_further_back(rows: int, chosen: int) -> None:
    assert len(choose_nights(draw_nights(6, rows=rows), BAND)) == chosen


def test_too_few_rows_are_unknown_and_say_how_many_are_needed() -> None:
    verdict = check_tolerance(draw_nights(6, rows=10, noise=9), "r2", 0.5, 5000, BAND, seed=1)
    assert verdict is not None
    assert verdict.below is None
    assert "60 rows" in verdict.reason
    assert "200" in verdict.reason


def test_a_metric_that_can_not_be_computed_is_unknown() -> None:
    night = Night(FIRST, np.ones(500), np.linspace(0, 1, 500))
    verdict = check_tolerance([night], "roc_auc", 0.7, 5000, BAND, seed=1)
    assert verdict is not None
    assert verdict.below is None


def test_nights_without_rows_are_no_nights() -> None:
    empty = Night(FIRST + timedelta(days=9), np.array([]), np.array([]))
    assert check_tolerance([empty], "r2", 0.5, 5000, BAND, seed=1) is None
    verdict = check_tolerance([*draw_nights(3), empty], "r2", 0.5, 5000, BAND, seed=1)
    assert verdict is not None
    assert verdict.last == FIRST + timedelta(days=2)


def test_the_same_rows_give_the_same_verdict() -> None:
    nights = draw_nights(4)
    assert check_tolerance(nights, "r2", 0.5, 900, BAND, seed=1) == check_tolerance(
        nights, "r2", 0.5, 900, BAND, seed=1
    )
