"""Checks that hold for every pipeline, whatever its suite says: Great Expectations passes these cases silently."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from include.core.typing_columns import TypedTable

Reasons = dict[int, list[str]]


def find_misfits(typed: TypedTable, raw: pa.Table, declared: Mapping[str, str]) -> Reasons:
    """Rows with a cell that does not fit its column's type, with the cell in the reason."""
    reasons: Reasons = {}
    for name, mask in typed.misfits.items():
        values = raw.column(name)
        for row in np.flatnonzero(mask):
            shown = repr(values[int(row)].as_py())[:60]
            reasons.setdefault(int(row), []).append(f"{name}: {shown} is not a valid {declared[name]}")
    return reasons


def find_null_keys(frame: pd.DataFrame, keys: Sequence[str]) -> Reasons:
    """Rows without a key."""
    reasons: Reasons = {}
    for name in keys:
        for row in np.flatnonzero(frame[name].isna().to_numpy()):
            reasons.setdefault(int(row), []).append(f"{name}: the key is missing")
    return reasons


def find_foreign_rows(frame: pd.DataFrame, event_time: str | None, partition: date) -> Reasons:
    """Rows whose event time lies outside the partition."""
    if event_time is None:
        return {}
    days = pd.to_datetime(frame[event_time]).dt.normalize()
    foreign = (days.notna() & (days != pd.Timestamp(partition))).to_numpy()
    return {
        int(row): [f"{event_time}: {frame[event_time].iloc[row]} is outside partition {partition}"]
        for row in np.flatnonzero(foreign)
    }


def find_repeats(frame: pd.DataFrame) -> np.ndarray:
    """A mask of the rows that repeat an earlier row in every column."""
    return frame.duplicated(keep="first").to_numpy()


def find_conflicting_keys(frame: pd.DataFrame, keys: Sequence[str], rows: np.ndarray) -> Reasons:
    """Among `rows` (a mask): those that share a key but differ elsewhere. All of them, so that order can't matter."""
    shared = frame.loc[rows].duplicated(subset=list(keys), keep=False)
    return {int(row): [f"{', '.join(keys)}: the key stands more than once"] for row in shared.index[shared]}


def merge_reasons(*parts: Reasons) -> Reasons:
    """All reasons of every row."""
    merged: Reasons = {}
    for part in parts:
        for row, reasons in part.items():
            merged.setdefault(row, []).extend(reasons)
    return merged
