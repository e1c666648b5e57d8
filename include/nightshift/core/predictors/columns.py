"""A table's columns: how values become bins. All values of a bin are alike to every tree of the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Bins are kept in 16 bits.
MAX_BINS = 2**16
# Cells of a grid, and the most thresholds that one of them may have for the grid to be worth it.
GRID_CELLS, MAX_IN_CELL = 1024, 8
_UNSEEN = "unseen"


@dataclass(frozen=True)
class Grid:
    """Where to begin looking for a value's place among sorted thresholds: cells of equal width, from `low` on.

    The cell of a value is (value - low) * scale, cut to whole numbers and to the first and last cell; it rises with the
    value. cells: uint16, for each cell, and once more at the end, how many thresholds lie in those before it. Without
    cells where the thresholds are so uneven that too many of them would share one.
    """

    low: float
    scale: float
    cells: np.ndarray


def make_grid(thresholds: np.ndarray) -> Grid:
    """The grid of sorted thresholds (float64)."""
    none = Grid(0.0, 0.0, np.empty(0, np.uint16))
    with np.errstate(over="ignore", divide="ignore"):
        scale = GRID_CELLS / (thresholds[-1] - thresholds[0]) if len(thresholds) > 1 else 0.0
    if not 0 < scale < np.inf:
        return none
    low = float(thresholds[0])
    own = np.minimum((thresholds - low) * scale, GRID_CELLS - 1).astype(np.int64)
    counts = np.bincount(own, minlength=GRID_CELLS)
    if counts.max() > MAX_IN_CELL:
        return none
    return Grid(low, float(scale), np.concatenate([[0], np.cumsum(counts)]).astype(np.uint16))


@dataclass(frozen=True)
class NumericColumn:
    """Sorted distinct thresholds, float64: bin `i` holds the values above threshold `i - 1` up to `i`; the last NaN."""

    name: str
    thresholds: np.ndarray

    @cached_property
    def grid(self) -> Grid:
        """For `rank_values`."""
        return make_grid(self.thresholds)

    @property
    def bins(self) -> int:
        """Between the thresholds, below and above them, and missing."""
        return len(self.thresholds) + 2

    def list_examples(self) -> pa.Array:
        """A value of each bin."""
        return pa.array([*self.thresholds, np.finfo(np.float64).max, None], pa.float64(), from_pandas=True)


@dataclass(frozen=True)
class TextColumn:
    """A bin for each category, then one for the missing and one for what was not seen in training."""

    name: str
    categories: tuple[str, ...]

    @property
    def bins(self) -> int:
        """Categories, missing, unseen."""
        return len(self.categories) + 2

    def list_examples(self) -> pa.Array:
        """A value of each bin."""
        unseen = _UNSEEN
        while unseen in self.categories:
            unseen += "_"
        return pa.array([*self.categories, None, unseen], pa.string())


Column = NumericColumn | TextColumn


class UnknownType(Exception):
    """A batch has a column of a type that the tables were not made for."""


def read_numbers(column: pa.Array) -> np.ndarray:
    """As float64 of shape (rows,), NaN where null; no copy where it is that already. UnknownType where it is no number.

    Integers that float64 can't hold are rounded to the nearest, as NumPy does it.
    """
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        raise UnknownType(str(kind))
    numbers = column if kind == pa.float64() else column.cast(pa.float64(), safe=False)
    return np.require(numbers.to_numpy(zero_copy_only=False), requirements=["C", "A"])


def find_categories(column: pa.Array, categories: Sequence[str]) -> np.ndarray:
    """Each row's bin of a TextColumn, of shape (rows,). UnknownType where it is no text.

    Of a dictionary's values each is looked up once, where it has fewer than there are rows.
    """
    if pa.types.is_dictionary(column.type) and len(column.dictionary) > len(column):
        return find_categories(column.dictionary_decode(), categories)
    if pa.types.is_dictionary(column.type):
        known = np.append(find_categories(column.dictionary, categories), len(categories))
        return known[column.indices.fill_null(len(column.dictionary)).to_numpy(zero_copy_only=False)]
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise UnknownType(str(column.type))
    found = pc.index_in(column, value_set=pa.array([*categories, None], column.type))
    return found.fill_null(len(categories) + 1).to_numpy(zero_copy_only=False)
