"""Time splits."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.core.training.splits import choose_window, make_folds, split_window

DAY = date(2026, 1, 10)


def test_the_window_ends_where_outcomes_are_known() -> None:
    assert choose_window(DAY, 1, 3, None, None) == (date(2026, 1, 8), date(2026, 1, 10))
    assert choose_window(DAY, 0, 1, None, None) == (DAY, DAY)
    assert choose_window(DAY, 5, 2, None, None) == (date(2026, 1, 5), date(2026, 1, 6))


def test_a_window_of_unknown_outcomes_is_refused() -> None:
    with pytest.raises(ValueError, match="has not matured"):
        choose_window(DAY, 3, 5, None, DAY)
    with pytest.raises(ValueError, match="is after"):
        choose_window(DAY, 1, 5, DAY, date(2026, 1, 1))


@given(st.integers(3, 60), st.integers(1, 20))
def test_the_held_out_days_are_the_last_ones(count: int, holdout: int) -> None:
    days = [DAY + timedelta(days=i) for i in range(count)]
    window = split_window(days, holdout)
    assert window.train_from == days[0] <= window.train_to < window.holdout_from <= window.holdout_to == days[-1]
    assert (window.holdout_to - window.holdout_from).days + 1 <= holdout


@given(st.integers(2, 30), st.integers(2, 6))
def test_folds_never_learn_from_the_future(count: int, folds: int) -> None:
    days = np.repeat(np.datetime64("2026-01-01") + np.arange(count), 3)
    made = make_folds(days, folds)
    assert 1 <= len(made) <= folds
    for train, validate in made:
        assert len(train) and len(validate)
        assert days[train].max() < days[validate].min()
