"""Rows that are looked at a column at a time, so that a day of any size needs only the memory of a few columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


class Columns(Protocol):
    """As much of a pa.Table as whoever reads single columns needs; a column may be read anew each time."""

    @property
    def schema(self) -> pa.Schema:
        """All columns, in order."""

    @property
    def num_rows(self) -> int:
        """How many cells each column has."""

    @property
    def column_names(self) -> list[str]:
        """The names of all columns, in order."""

    def column(self, name: str, /) -> pa.ChunkedArray:
        """The column of that name."""


@dataclass(frozen=True)
class LazyColumns:
    """Columns that are made by `read` when they are asked for by name."""

    schema: pa.Schema
    num_rows: int
    read: Callable[[str], pa.ChunkedArray]

    @property
    def column_names(self) -> list[str]:
        """The names of all columns, in order."""
        return self.schema.names

    def column(self, name: str, /) -> pa.ChunkedArray:
        """The column of that name."""
        return self.read(name)


def read_table(columns: Columns) -> pa.Table:
    """All columns in memory."""
    return pa.Table.from_arrays([columns.column(name) for name in columns.column_names], schema=columns.schema)


def take_rows(columns: Columns, mask: np.ndarray) -> pa.Table:
    """The rows of the mask, with all of their columns, in memory; other rows are there one column at a time."""
    rows = pa.array(mask)
    taken = [columns.column(name).filter(rows) for name in columns.column_names]
    return pa.Table.from_arrays(taken, schema=columns.schema)


def read_frame(columns: Columns, names: Sequence[str], mask: np.ndarray | None = None) -> pd.DataFrame:
    """These columns for pandas: all rows, or those of the mask; the index counts from 0.

    A column's pandas type follows from all of its rows, whatever the mask.
    """
    frame = pa.table({name: columns.column(name) for name in names}).to_pandas(date_as_object=False)
    return frame if mask is None or mask.all() else frame[mask].reset_index(drop=True)


def sort_rows(columns: Columns, names: Sequence[str], mask: np.ndarray) -> np.ndarray:
    """The positions of the mask's rows, ascending by these columns; missing cells come last, equal rows as they are."""
    positions = np.flatnonzero(mask)
    keys = pa.table({name: columns.column(name).filter(pa.array(mask)) for name in names})
    return positions[np.asarray(pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in names]))]
