"""Outcomes -> what the model learns, and is measured by."""

from collections.abc import Sequence

import pandas as pd

from include.config.learning import Label
from include.config.metrics import Task


def choose_last(outcomes: pd.DataFrame, keys: Sequence[str], recorded_at: str | None) -> pd.DataFrame:
    """One row per key: the one recorded last. Of equal times, or without `recorded_at`, the last in the given order.

    An outcome without a time counts as recorded before all others.
    """
    if recorded_at:
        outcomes = outcomes.sort_values(recorded_at, kind="stable", na_position="first")
    return outcomes.drop_duplicates(subset=list(keys), keep="last")


def make_target(values: pd.Series, label: Label, task: Task) -> pd.Series:
    """The target as float64, missing where the outcome is: 0/1 for classification, the value itself for regression.

    ValueError for a classification without `at_least` whose values are not 0/1 or booleans.
    """
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    if task == "regression":
        return numbers
    if label.at_least is not None:
        return (numbers >= label.at_least).astype("float64").where(numbers.notna())
    strange = numbers.dropna()[~numbers.dropna().isin([0.0, 1.0])]
    if len(strange):
        raise ValueError(
            f"label.column {label.column!r} holds {strange.iloc[0]:g}; a class is 0 or 1. Set label.at_least to cut a "
            "number into classes"
        )
    return numbers
