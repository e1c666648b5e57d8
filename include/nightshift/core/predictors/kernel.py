"""The two inner loops, compiled by numba. Import this module only where it is used: numba takes a while to load.

After QuickScorer: C. Lucchese et al., QuickScorer: A Fast Algorithm to Rank Documents with Additive Ensembles of
Regression Trees, SIGIR 2015. Both loops let other threads run, and neither starts threads: tasks are forked.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

# So many searches go on at a time.
SEARCHED = 256
# So many rows are summed up side by side.
ABREAST = 4
# Why the next process will have to compile as well; empty where what is compiled is kept.
not_kept: list[str] = []


@intrinsic
def _count_trailing_zeros(context: Any, word: Any) -> Any:
    """The place of the lowest bit of a uint32 that is not 0: one machine instruction, which NumPy has no name for."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from llvmlite import ir

        found = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.zext(found, ir.IntType(64))

    return types.int64(types.uint32), generate


def _read(kind: Any, dimensions: int = 1) -> Any:
    """An array that is only read: Arrow's memory can't be written to."""
    return types.Array(kind, dimensions, "C", readonly=True)


def _write(kind: Any) -> Any:
    return types.Array(kind, 1, "C")


def _compile(*arguments: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Compile for these types when the module is imported, and keep the result where numba finds a folder for it.

    That is NUMBA_CACHE_DIR where it is set, else __pycache__ beside this file, else the user's own cache folder: places
    that whoever may write to could change this program anyway. Never the lake.
    """

    def compile_cached(function: Callable[..., None]) -> Callable[..., None]:
        signature = types.void(*arguments)
        try:
            return numba.njit(signature, nogil=True, cache=True)(function)
        except Exception as error:  # there is no folder, no room in it, or what is kept there is damaged
            not_kept.append(str(error))
            return numba.njit(signature, nogil=True)(function)

    return compile_cached


@numba.njit(nogil=True, inline="always")
def _find_leaf(reachable: np.ndarray, leaves: np.ndarray, place: int) -> float:
    """The value of the first leaf that is reachable, from the tree's first word on."""
    while reachable[place] == 0:
        place += 1
    value: float = leaves[place, _count_trailing_zeros(reachable[place])]
    return value


@_compile(
    _read(types.float64), _read(types.float64), types.float64, types.float64, _read(types.uint16), types.int64,
    _write(types.uint16),
)  # fmt: skip
def rank_values(
    values: np.ndarray,
    thresholds: np.ndarray,
    low: float,
    scale: float,
    cells: np.ndarray,
    missing: int,
    ranks: np.ndarray,
) -> None:
    """Into `ranks` (uint16): how many of the sorted thresholds (float64) are less than each value; `missing` for NaN.

    `low`, `scale` and `cells` are the Grid of the thresholds. Where it has no cells, a search halves what is left for
    many values at a time, without branching on them: the processor does several at once.
    """
    last = len(cells) - 2
    if last >= 0:
        for row in range(len(values)):
            value = values[row]
            if np.isnan(value):
                ranks[row] = missing
                continue
            cell = int(min(max((value - low) * scale, 0.0), float(last)))
            place, end = cells[cell], cells[cell + 1]
            while place < end and thresholds[place] < value:
                place += 1
            ranks[row] = place
        return
    places = np.empty(SEARCHED, np.int64)
    for first in range(0, len(values), SEARCHED):
        count = min(SEARCHED, len(values) - first)
        places[:] = 0
        left = len(thresholds)
        while left > 0:
            half = (left + 1) >> 1
            for row in range(count):
                places[row] += half * (thresholds[places[row] + half - 1] < values[first + row])
            left -= half
        for row in range(count):
            ranks[first + row] = missing if np.isnan(values[first + row]) else places[row]


@_compile(
    _read(types.uint16, 2), _read(types.int64), _read(types.uint32, 2), _read(types.float64, 2), _read(types.int64),
    _read(types.int64), _write(types.float64),
)  # fmt: skip
def add_leaves(
    ranks: np.ndarray,
    starts: np.ndarray,
    masks: np.ndarray,
    leaves: np.ndarray,
    first_words: np.ndarray,
    blocks: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Add the value of the leaf that each row reaches in each tree to `sums`, tree by tree.

    ranks: uint16 (columns, rows), each value's bin; starts: int64 (columns,), the line of `masks` where each column's
    bins begin; masks: uint32 (lines, words), the leaves that are still reachable; leaves: float64 (words, 32);
    first_words: int64 (trees + 1,), where each tree's words begin; blocks: int64, the first tree of each block, then
    the number of trees: the masks of a block stay in the processor's cache. Rows are a multiple of ABREAST.
    """
    columns, rows = ranks.shape
    all_reachable = np.empty((ABREAST, masks.shape[1]), np.uint32)
    for block in range(len(blocks) - 1):
        first, last = blocks[block], blocks[block + 1]
        begin, end = first_words[first], first_words[last]
        for row in range(0, rows, ABREAST):
            for lane in range(ABREAST):
                # Slices, since the compiler joins several words at a time only where each loop begins at 0.
                reachable = all_reachable[lane][begin:end]
                reachable[:] = masks[starts[0] + ranks[0, row + lane]][begin:end]
                column = 1
                # Three at a time: what is reachable is written a third as often.
                while column + 3 <= columns:
                    one = masks[starts[column] + ranks[column, row + lane]][begin:end]
                    two = masks[starts[column + 1] + ranks[column + 1, row + lane]][begin:end]
                    three = masks[starts[column + 2] + ranks[column + 2, row + lane]][begin:end]
                    for word in range(len(reachable)):
                        reachable[word] &= one[word] & two[word] & three[word]
                    column += 3
                while column < columns:
                    one = masks[starts[column] + ranks[column, row + lane]][begin:end]
                    for word in range(len(reachable)):
                        reachable[word] &= one[word]
                    column += 1
            # Each sum waits for the one before it, so several rows are summed up side by side.
            one_sum, two_sum, three_sum, four_sum = sums[row], sums[row + 1], sums[row + 2], sums[row + 3]
            for tree in range(first, last):
                place = first_words[tree]
                one_sum += _find_leaf(all_reachable[0], leaves, place)
                two_sum += _find_leaf(all_reachable[1], leaves, place)
                three_sum += _find_leaf(all_reachable[2], leaves, place)
                four_sum += _find_leaf(all_reachable[3], leaves, place)
            sums[row], sums[row + 1], sums[row + 2], sums[row + 3] = one_sum, two_sum, three_sum, four_sum
