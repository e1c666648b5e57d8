"""The outcome column -> the target."""

import datetime

import numpy as np
import pandas as pd
import pytest

from nightshift.config.sections.training import Label
from nightshift.core.features import labels
from nightshift.core.features.labels import make_target, match_outcomes


def test_a_number_is_cut_into_classes() -> None:
    target = make_target(pd.Series([29.0, 30.0, None]), Label(column="late", positive_from=30), "classification")
    assert target.tolist()[:2] == [0.0, 1.0]
    assert target.isna().tolist() == [False, False, True]


def test_booleans_are_classes() -> None:
    assert make_target(pd.Series([True, False]), Label(column="x"), "classification").tolist() == [1.0, 0.0]


def test_a_number_without_a_cut_is_no_class() -> None:
    with pytest.raises(ValueError, match=r"Set label\.positive_from"):
        make_target(pd.Series([1.0, 2.0]), Label(column="x"), "classification")


def test_regression_takes_the_value() -> None:
    assert make_target(pd.Series(["3.5"]), Label(column="x"), "regression").tolist() == [3.5]


def draw_keys(rows: int) -> pd.DataFrame:
    """A key of every kind that a pipeline may have, in no order."""
    order = np.random.default_rng(3).permutation(rows)
    day = datetime.datetime(2026, 1, 1)
    frame = {
        "number": order.astype(np.int64),
        "word": [f"w{number % 7}" for number in order],
        "day": pd.to_datetime([day + datetime.timedelta(days=int(number % 5)) for number in order]),
    }
    return pd.DataFrame(frame)


@pytest.mark.parametrize("keys", [["number"], ["number", "word"], ["number", "word", "day"]])
@pytest.mark.parametrize("at_a_time", [1, 7, 100, 1_000])
def test_outcomes_are_matched_piece_by_piece(monkeypatch: pytest.MonkeyPatch, keys: list[str], at_a_time: int) -> None:
    """As one merge does it, in the order of the rows."""
    monkeypatch.setattr(labels, "MATCHED_ROWS", at_a_time)
    rows, others = draw_keys(300), draw_keys(400)
    outcomes = others.assign(y=np.where(others["number"] % 3, others["number"] / 2, np.nan))[[*keys, "y"]]
    known = rows.merge(outcomes, on=keys, how="left")["y"]
    assert 0 < known.notna().sum() < 300
    np.testing.assert_array_equal(match_outcomes(rows, outcomes, keys, "y"), known)


@pytest.mark.parametrize("empty", [slice(0), slice(None)])
def test_rows_without_any_outcome_have_none(empty: slice) -> None:
    rows, outcomes = draw_keys(3)[empty], draw_keys(3).iloc[:0].assign(y=0.0)
    assert np.isnan(match_outcomes(rows, outcomes, ["number", "word"], "y")).all()


def test_two_outcomes_for_a_key_are_refused() -> None:
    rows = draw_keys(3)
    with pytest.raises(pd.errors.MergeError):
        match_outcomes(rows, pd.concat([rows, rows]).assign(y=1.0), ["number"], "y")
