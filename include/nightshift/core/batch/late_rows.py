"""Rows that came in with another day's batch: which day is theirs, and whether they are there already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.config.model import ColumnType
from nightshift.core.batch.casting import type_column, type_columns
from nightshift.core.batch.duplicates import DuplicateGroups
from nightshift.core.batch.lazy_columns import Columns, LazyColumns, read_table
from nightshift.core.batch.row_checks import Reasons


@dataclass(frozen=True)
class Arrivals:
    """Masks over the rows of a partition: `late` came with another batch, `moved` were given to their own day."""

    late: np.ndarray
    moved: np.ndarray

    @classmethod
    def on_time(cls, rows: int) -> Self:
        """All rows came with their own batch and stay."""
        return cls(np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool))

    def choose_counted(self) -> np.ndarray:
        """A mask of the rows whose share in quarantine can stop the batch: those on time; where none is, the late."""
        on_time = ~self.late & ~self.moved
        return on_time if on_time.any() else ~self.moved


def stack_rows(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of all tables below each other, with all of their columns, in memory."""
    return read_table(stack_columns(tables))


def stack_columns(tables: Sequence[Columns]) -> LazyColumns:
    """The rows of all tables below each other, with all of their columns.

    A column that came in two types becomes text, which every declared type can be read from without a loss.
    """
    names = list(dict.fromkeys(name for table in tables for name in table.column_names))
    kinds = {name: _choose_kind([table for table in tables if name in table.column_names], name) for name in names}

    def read(name: str) -> pa.ChunkedArray:
        parts = [_take_column(table, name, kinds[name]) for table in tables]
        return pa.chunked_array([chunk for part in parts for chunk in part.chunks], kinds[name])

    return LazyColumns(pa.schema(kinds), sum(table.num_rows for table in tables), read)


def identify_rows(table: pa.Table, declared: Mapping[str, ColumnType]) -> pa.Table:
    """What makes two rows the same one: the declared cells by value, and as text where they don't fit their type.

    The rows may be older than a declared column: then they have nothing in it.
    """
    for name in declared:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows))
    typed = type_columns(table.select(list(declared)), declared)
    cells = typed.table
    for name, mask in typed.misfits.items():
        text = np.full(table.num_rows, None, dtype=object)
        text[mask] = [str(cell) for cell in table.column(name).filter(pa.array(mask)).to_pylist()]
        cells = cells.append_column(f"{name} as text", pa.array(text, pa.string()))
    return cells


def are_among(rows: pa.Table, others: pa.Table) -> np.ndarray:
    """A mask of the `rows` that stand among `others` as well; both come from `identify_rows`."""
    both = pa.concat_tables([others, rows]).to_pandas(date_as_object=False, integer_object_nulls=True)
    codes = both.groupby(list(both.columns), dropna=False, sort=False).ngroup().to_numpy()
    return np.isin(codes[others.num_rows :], codes[: others.num_rows])


def find_days(table: Columns, declared: Mapping[str, ColumnType], event_time: str) -> pd.Series:
    """The day of each row's event, as a midnight; NaT where it has none."""
    typed, _ = type_column(table.column(event_time), declared[event_time])
    frame = pa.table({event_time: typed}).to_pandas(date_as_object=False)
    return pd.to_datetime(frame[event_time]).dt.normalize()


def find_taken_keys(duplicates: DuplicateGroups, keys: Sequence[str], good: np.ndarray, late: np.ndarray) -> Reasons:
    """Late rows whose key another good row has. What came on time stays: moving rows can't take any from a day."""
    reason = f"{', '.join(keys)}: the key of this late row is already in its day"
    return {int(row): [reason] for row in duplicates.among(good).rows if late[row]}


def _choose_kind(tables: Sequence[Columns], name: str) -> pa.DataType:
    kinds = {table.schema.field(name).type for table in tables} - {pa.null()}
    return kinds.pop() if len(kinds) == 1 else pa.string() if kinds else pa.null()


def _take_column(table: Columns, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    if name not in table.column_names or pa.types.is_null(table.schema.field(name).type):
        return pa.chunked_array([pa.nulls(table.num_rows, kind)])
    column = table.column(name)
    return column if column.type == kind else _write_text(column)


def _write_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type) and column.type.tz:
        column = pc.local_timestamp(column)
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.chunked_array([[None if cell is None else str(cell) for cell in column.to_pylist()]], pa.string())
