"""One wild value sets no unit: distances are measured within what is ordinary for the reference."""

import numpy as np
import pandas as pd
import pytest

from nightshift.config.sections.drift import Drift
from nightshift.core.drift.columns import compare_column, find_bound
from nightshift.core.drift.null_distribution import NullDistribution
from nightshift.core.drift.ordinary import find_ordinary_range
from nightshift.core.drift.result import ColumnDrift, conclude_drift, is_extreme
from nightshift.extension.drift_measures import find_distance

ROWS = 1000


def compare(reference: pd.Series, current: pd.Series, weight: float = 1.0) -> ColumnDrift:
    noise = NullDistribution(len(reference), None, 1, len(current), len(reference), 7)
    bound = find_bound("numeric", reference)
    score = find_distance("numeric").measure(bound(reference), bound(current))
    return compare_column("size", "numeric", score, weight, (reference, current), noise, Drift())


def draw(seed: int) -> pd.Series:
    return pd.Series(np.random.default_rng(seed).normal(size=ROWS))


@pytest.mark.parametrize("outlier", [1e30, -1e300])
@pytest.mark.parametrize("side", [0, 1])
def test_an_outlier_neither_hides_a_shift_nor_is_one(outlier: float, side: int) -> None:
    sides = [draw(1), draw(2)]
    sides[side][0] = outlier
    assert compare(*sides).drifted is False
    moved = compare(sides[0], sides[1] + 3)
    assert moved.drifted
    assert moved.score == pytest.approx(3, rel=0.1)


def test_an_ordinary_column_keeps_its_distance() -> None:
    then, now = draw(1), draw(2) + 0.3
    assert compare(then, now).score == pytest.approx(find_distance("numeric").measure(then, now), rel=1e-9)


def test_a_mostly_zero_column_has_the_range_of_its_other_values() -> None:
    values = pd.Series([0.0] * 990 + [*range(1, 11)])
    assert find_ordinary_range(values).high > 30


@pytest.mark.parametrize("constant", [0.0, 7.0])
def test_a_constant_column_that_moves_is_found_and_one_that_does_not_is_not(constant: float) -> None:
    reference = pd.Series([constant] * ROWS)
    assert compare(reference, reference).drifted is False
    assert compare(reference, reference + 1).drifted


def test_no_drift_says_what_is_beyond_ordinary_values_all_the_same() -> None:
    moved = compare(draw(1), draw(2) + 100, weight=0.01)
    assert is_extreme(moved.drifted, moved.kind, moved.score)
    result = conclude_drift([moved], Drift(), [])
    assert result.drifted is False
    assert "size: beyond any ordinary value" in result.reason
