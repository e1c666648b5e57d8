"""Outcomes -> what the model learns, and is measured by."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nightshift.config.sections.training import Label
from nightshift.extension.tasks import find_task

# Matched at a time: a merge takes some two hundred bytes a row while it works.
MATCHED_ROWS = 1_000_000


def match_outcomes(rows: pd.DataFrame, outcomes: pd.DataFrame, keys: Sequence[str], column: str) -> np.ndarray:
    """The outcome of each of `rows`, in their order, shape (rows,): float64, NaN where there is none.

    `outcomes` has a row per key, with its outcome in `column`, and its keys have the types that those of `rows` have.

    >>> rows, outcomes = pd.DataFrame({"id": [1, 2]}), pd.DataFrame({"id": [2], "late": [7.0]})
    >>> match_outcomes(rows, outcomes, ["id"], "late")
    array([nan,  7.])
    """
    names = list(keys)
    count = max(1, -(-max(len(rows), len(outcomes)) // MATCHED_ROWS))
    found = np.full(len(rows), np.nan)
    of_rows, of_outcomes = (_draw_parts(frame[names], count) for frame in (rows, outcomes))
    for part in range(count):
        mine = np.flatnonzero(of_rows == part)
        its_own = outcomes.iloc[np.flatnonzero(of_outcomes == part)]
        merged = rows[names].iloc[mine].merge(its_own, on=names, how="left", validate="many_to_one")
        found[mine] = merged[column].to_numpy("float64")
    return found


def _draw_parts(keys: pd.DataFrame, count: int) -> np.ndarray:
    """For each row the number of its part; the same for the same key."""
    if count == 1:
        return np.zeros(len(keys), dtype=np.uint16)
    return (pd.util.hash_pandas_object(keys, index=False, categorize=False) % count).to_numpy(np.uint16)


def choose_last(outcomes: pd.DataFrame, keys: Sequence[str], recorded_at: str | None) -> pd.DataFrame:
    """One row per key: the one recorded last. Of equal times, or without `recorded_at`, the last in the given order.

    An outcome without a time counts as recorded before all others.

    >>> known = pd.DataFrame({"id": [1, 1], "at": ["2026-01-02", "2026-01-01"], "late": [5, 9]})
    >>> choose_last(known, ["id"], "at")["late"].tolist()
    [5]
    """
    if recorded_at:
        outcomes = outcomes.sort_values(recorded_at, kind="stable", na_position="first")
    return outcomes.drop_duplicates(subset=list(keys), keep="last")


def make_target(values: pd.Series, label: Label, task: str) -> pd.Series:
    """The target as float64, missing where the outcome is. ValueError for outcomes that can't be the task's."""
    return find_task(task).make_target(values, label.column, label.positive_from)
