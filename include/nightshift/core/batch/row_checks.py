"""Checks that hold for every pipeline, whatever its suite says: Great Expectations passes these cases silently."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.core.batch.casting import TypedTable
from nightshift.core.batch.duplicates import DuplicateGroups
from nightshift.core.batch.lazy_columns import Columns, read_frame

Reasons = dict[int, list[str]]
EPOCH = pd.Timestamp(1970, 1, 1)
FIRST_YEAR, LAST_YEAR = 1800, 2199
# An entry of PostgreSQL's index takes 2704 bytes.
LONGEST_KEY = 2000


def find_cast_failures(typed: TypedTable, raw: Columns, declared: Mapping[str, str]) -> Reasons:
    """Rows with a cell that does not fit its column's type, with the cell in the reason."""
    reasons: Reasons = {}
    for name, mask in typed.misfits.items():
        if mask.any():
            cells = raw.column(name).filter(pa.array(mask)).to_pylist()
            for row, cell in zip(np.flatnonzero(mask), cells, strict=True):
                reasons.setdefault(int(row), []).append(f"{name}: {repr(cell)[:60]} is not a valid {declared[name]}")
    return reasons


def find_null_keys(columns: Columns, keys: Sequence[str]) -> Reasons:
    """Rows without a key."""
    reasons: Reasons = {}
    for name in keys:
        for row in np.flatnonzero(columns.column(name).is_null()):
            reasons.setdefault(int(row), []).append(f"{name}: the key is missing")
    return reasons


def find_long_keys(columns: Columns, keys: Sequence[str]) -> Reasons:
    """Rows whose key has more bytes than a database can index."""
    sizes = np.zeros(columns.num_rows, dtype=np.int64)
    for name in keys:
        if pa.types.is_string(columns.schema.field(name).type):
            sizes += np.asarray(pc.fill_null(pc.binary_length(columns.column(name)), 0))
    return {
        int(row): [f"{', '.join(keys)}: the key has {sizes[row]:,} bytes; {LONGEST_KEY:,} are the most"]
        for row in np.flatnonzero(sizes > LONGEST_KEY)
    }


def find_foreign_rows(columns: Columns, event_time: str | None, partition: date) -> Reasons:
    """Rows whose event time lies outside the partition."""
    if event_time is None:
        return {}
    moments = read_frame(columns, [event_time])[event_time]
    days = pd.to_datetime(moments).dt.normalize()
    foreign = (days.notna() & (days != pd.Timestamp(partition))).to_numpy()
    return {
        int(row): [f"{event_time}: {moments.iloc[row]} is outside partition {partition}"]
        for row in np.flatnonzero(foreign)
    }


def find_sentinel_dates(columns: Columns, names: Sequence[str]) -> Reasons:
    """Rows with a date that stands for none: the first moment of 1970 (a zero), or one before 1800 or after 2199."""
    reasons: Reasons = {}
    for name in names:
        moments = read_frame(columns, [name])[name]
        strange = (moments == EPOCH) | (moments.dt.year < FIRST_YEAR) | (moments.dt.year > LAST_YEAR)
        for row in np.flatnonzero(strange.to_numpy()):
            reasons.setdefault(int(row), []).append(f"{name}: {moments.iloc[row]} is not a date")
    return reasons


def find_empty_columns(columns: Columns, names: Sequence[str], rows: np.ndarray) -> list[str]:
    """Those of the columns that lack in every one of the `rows` (a mask); none where there are no rows."""
    return [name for name in names if rows.any() and not np.asarray(columns.column(name).is_valid())[rows].any()]


def find_repeats(columns: Columns, duplicates: DuplicateGroups) -> np.ndarray:
    """A mask of the rows that repeat an earlier row in every column; `duplicates` are those that do in some of them."""
    return duplicates.narrow(columns, columns.column_names).mask_later(columns.num_rows)


def find_conflicting_keys(duplicates: DuplicateGroups, keys: Sequence[str], rows: np.ndarray) -> Reasons:
    """Among `rows` (a mask): those that share a key but differ elsewhere. All of them, so that order can't matter."""
    return {int(row): [f"{', '.join(keys)}: the key appears more than once"] for row in duplicates.among(rows).rows}


def merge_reasons(*parts: Reasons) -> Reasons:
    """All reasons of every row."""
    merged: Reasons = {}
    for part in parts:
        for row, reasons in part.items():
            merged.setdefault(row, []).extend(reasons)
    return merged
