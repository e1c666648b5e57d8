"""Which rows hold the same, found by narrowing: a column at a time, only among rows that were alike so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from nightshift.core.batch.lazy_columns import Columns, read_frame


@dataclass(frozen=True)
class DuplicateGroups:
    """Rows that hold the same as another one of them: their positions, ascending, and a number for what each holds.

    As pandas compares cells: a missing one equals another, and 0.0 equals -0.0.
    """

    rows: np.ndarray
    groups: np.ndarray

    @classmethod
    def find(cls, columns: Columns, names: Sequence[str]) -> Self:
        """All rows that are alike in these columns."""
        everything = cls(np.arange(columns.num_rows), np.zeros(columns.num_rows, dtype=np.int64))
        return everything.narrow(columns, names)

    def narrow(self, columns: Columns, names: Sequence[str]) -> Self:
        """Those that are alike in these columns too. No further column is read once no row is left."""
        narrowed = self
        for name in names:
            if not len(narrowed.rows):
                break
            cells = read_frame(columns, [name])[name]
            narrowed = narrowed._narrow_by(cells if len(narrowed.rows) == len(cells) else cells.iloc[narrowed.rows])
        return narrowed

    def among(self, rows: np.ndarray) -> Self:
        """Those that are alike where only `rows` (a mask) count."""
        kept = rows[self.rows]
        return type(self)(self.rows[kept], self.groups[kept])._drop_single()

    def mask_later(self, rows: int) -> np.ndarray:
        """A mask over all `rows` rows: those that come after one that holds the same."""
        mask = np.zeros(rows, dtype=bool)
        mask[self.rows[pd.Series(self.groups).duplicated(keep="first").to_numpy()]] = True
        return mask

    def _narrow_by(self, cells: pd.Series) -> Self:
        # Most columns are settled by this alone, which takes less than to number what all cells hold.
        shared = cells.duplicated(keep=False).to_numpy()
        codes = pd.factorize(cells[shared])[0] + 1
        groups = self.groups[shared]
        # A number below the square of the rows: it fits into 64 bits.
        both = groups * (codes.max(initial=0) + 1) + codes
        return type(self)(self.rows[shared], pd.factorize(both)[0])._drop_single()

    def _drop_single(self) -> Self:
        shared = pd.Series(self.groups).duplicated(keep=False).to_numpy()
        return type(self)(self.rows[shared], self.groups[shared])
