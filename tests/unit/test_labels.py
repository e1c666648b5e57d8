"""The outcome column -> the target."""

import pandas as pd
import pytest

from include.config.learning import Label
from include.core.labels import make_target


def test_a_number_is_cut_into_classes() -> None:
    target = make_target(pd.Series([29.0, 30.0, None]), Label(column="late", at_least=30), "classification")
    assert target.tolist()[:2] == [0.0, 1.0]
    assert target.isna().tolist() == [False, False, True]


def test_booleans_are_classes() -> None:
    assert make_target(pd.Series([True, False]), Label(column="x"), "classification").tolist() == [1.0, 0.0]


def test_a_number_without_a_cut_is_no_class() -> None:
    with pytest.raises(ValueError, match=r"Set label\.at_least"):
        make_target(pd.Series([1.0, 2.0]), Label(column="x"), "classification")


def test_regression_takes_the_value() -> None:
    assert make_target(pd.Series(["3.5"]), Label(column="x"), "regression").tolist() == [3.5]
