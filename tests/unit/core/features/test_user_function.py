"""features.py adds columns; it can't change keys, order or number of rows, and every fault names its file and line."""

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.core.features.build import _take_numbers
from nightshift.core.features.user_function import UserFunction, call_user_function

ROWS = pd.DataFrame({"shop": ["North", "South", None], "visit": [7, 8, 9], "spent": [1.0, 2.0, 3.0]})
HISTORY = pd.DataFrame({"partition_date": []})
KEYS = ("shop", "visit")


def call(function: Any) -> pd.DataFrame:
    return call_user_function(function, ROWS, HISTORY, KEYS)


def test_columns_are_joined_by_index_whatever_their_order() -> None:
    found = call(lambda rows, history: pd.DataFrame({"twice": 2 * rows["spent"]})[::-1])
    assert found["twice"].tolist() == [2.0, 4.0, 6.0]
    assert found[["shop", "visit", "spent"]].equals(ROWS)


def test_a_sorted_frame_with_its_index_is_as_good_and_columns_can_be_replaced() -> None:
    found = call(lambda rows, history: rows.assign(spent=rows["spent"] + 1).sort_values("visit", ascending=False))
    assert found["spent"].tolist() == [2.0, 3.0, 4.0]
    assert found["visit"].tolist() == [7, 8, 9]


def test_what_the_function_does_to_its_frame_does_not_reach_ours() -> None:
    def spoil(rows: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
        rows["visit"] = 0
        return pd.DataFrame({"one": 1.0}, index=rows.index)

    assert call(spoil)["visit"].tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda rows, history: rows.assign(visit=rows["visit"].to_numpy()[::-1]), "changed the key 'visit' of 2 rows"),
        (lambda rows, history: rows.assign(shop=rows["shop"].str.lower()), "such as 'North' to 'north'"),
        (lambda rows, history: rows.assign(visit=rows["visit"] + 1), "changed the key 'visit' of 3 rows"),
        (
            lambda rows, history: rows.sort_values("visit", ascending=False).reset_index(drop=True),
            "keep each row's index when sorting",
        ),
        (lambda rows, history: rows.iloc[:2], "returned 2 rows, it was given 3"),
        (lambda rows, history: rows.iloc[[0, 0, 1]], "returned the index 0 more than once"),
        (lambda rows, history: rows.set_index("visit", drop=False), "another index"),
        (lambda rows, history: rows[["spent", "spent"]], "returned the column 'spent' more than once"),
        (lambda rows, history: [1, 2, 3], "returned list"),
        (lambda rows, history: None, "returned NoneType"),
        (lambda rows, history: sys.exit(3), "SystemExit: 3"),
        (lambda rows, history: rows["nowhere"], "KeyError: 'nowhere'"),
    ],
)
def test_every_fault_is_one_message_with_file_and_line(function: UserFunction, problem: str) -> None:
    with pytest.raises(ValueError, match=r"test_user_function\.py:\d+: ") as raised:
        call(function)
    assert problem in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_line_is_the_one_that_failed() -> None:
    def fail(rows: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
        spent = rows["spent"]
        return spent / np.array([1, 2])

    first = fail.__code__.co_firstlineno
    with pytest.raises(ValueError, match=f"test_user_function.py:{first + 2}: ValueError"):
        call(fail)


def test_a_disk_that_fails_may_work_in_a_while() -> None:
    def fail(rows: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
        raise OSError("the disk is away")

    with pytest.raises(OSError, match="the disk is away"):
        call(fail)


def test_text_in_a_numeric_feature_is_refused_instead_of_becoming_missing() -> None:
    with pytest.raises(ValueError, match=r"the numeric feature spent has 'much' in 1 of 3 rows, which is no number"):
        _take_numbers(pd.Series(["1", "much", None], name="spent"))
    assert _take_numbers(pd.Series(["1", None, np.inf], name="spent")).tolist()[0] == 1.0
