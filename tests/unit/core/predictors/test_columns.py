"""Bins of numbers: the grid, and the search where there is none, find what a search over all thresholds finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.core.predictors import kernel
from nightshift.core.predictors.columns import GRID_CELLS, MAX_IN_CELL, NumericColumn, make_grid

HUGE = float(np.finfo(np.float64).max)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-3, 3),
    st.integers(-1000, 1000).map(float),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, HUGE, -HUGE]),
)


def rank(thresholds: np.ndarray, values: np.ndarray) -> np.ndarray:
    column = NumericColumn("x", thresholds)
    grid, ranks = column.grid, np.full(len(values), 9999, np.uint16)
    kernel.rank_values(values, thresholds, grid.low, grid.scale, grid.cells, column.bins - 1, ranks)
    return ranks


def search(thresholds: np.ndarray, values: np.ndarray) -> np.ndarray:
    found = np.searchsorted(thresholds, values, side="left")
    return np.where(np.isnan(values), len(thresholds) + 1, found)


def list_near(thresholds: np.ndarray) -> np.ndarray:
    """The thresholds, and the numbers beside them."""
    with np.errstate(over="ignore"):
        beside = [np.nextafter(thresholds, side) for side in (np.inf, -np.inf)]
    return np.concatenate([thresholds, *beside])


@given(st.lists(NUMBERS, max_size=60), st.lists(NUMBERS, max_size=30))
def test_every_value_gets_the_bin_of_a_plain_search(some: list[float], drawn: list[float]) -> None:
    thresholds = np.unique(np.array(some, dtype=np.float64))
    values = np.concatenate([drawn, list_near(thresholds), [np.nan, np.inf, -np.inf]])
    assert (rank(thresholds, values) == search(thresholds, values)).all()


SPREADS = {
    "even": np.linspace(-1, 1, 255),
    "normal": np.unique(np.random.default_rng(1).normal(size=255)),
    "as many as bins allow": np.arange(2**16 - 2) / 100,
    "whole numbers": np.arange(60) + 0.5,
    "far apart": np.array([-HUGE, HUGE]),
    "two neighbours": np.array([1.0, np.nextafter(1.0, 2.0)]),
    "the smallest numbers": np.array([0.0, 5e-324, 1e-323]),
    "a crowd and one far away": np.append(np.linspace(0, 1, 200), 1e9),
    "one": np.array([0.5]),
    "none": np.array([]),
}


@pytest.mark.parametrize("spread", SPREADS)
def test_thresholds_of_any_spread(spread: str) -> None:
    thresholds = SPREADS[spread]
    near = list_near(thresholds)
    values = np.concatenate([near, np.random.default_rng(2).normal(size=1000), [np.nan, np.inf, -np.inf, HUGE, -HUGE]])
    assert (rank(thresholds, values) == search(thresholds, values)).all()


@pytest.mark.parametrize(
    ("spread", "cells"),
    [("even", GRID_CELLS + 1), ("normal", GRID_CELLS + 1), ("a crowd and one far away", 0), ("far apart", 0),
     ("as many as bins allow", 0), ("one", 0), ("none", 0)],
)  # fmt: skip
def test_a_grid_is_used_where_it_pays(spread: str, cells: int) -> None:
    grid = make_grid(SPREADS[spread])
    assert len(grid.cells) == cells
    assert np.diff(grid.cells.astype(int)).max(initial=0) <= MAX_IN_CELL
