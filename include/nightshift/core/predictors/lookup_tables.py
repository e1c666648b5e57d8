"""Boosted trees as lookup tables: for each bin of each column, the leaves of all trees that its values can still reach.

A row's leaf in a tree is the first one that every column's bin allows (C. Lucchese et al., QuickScorer, SIGIR 2015;
here the nodes that a value makes false are joined in advance). The model's own steps are asked what they make of a
value of each bin, so imputing and encoding are part of the tables and cost nothing when rows are scored.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from nightshift.core.predictors.columns import MAX_BINS, Column, NumericColumn, TextColumn
from nightshift.core.predictors.trees import Origin, Split, Tree, Unsupported, list_trees, open_pipeline, trace_columns

# Part of the hash: tables of another making are other tables.
FORMAT = "nightshift tables 1"
MAX_BYTES = 128 * 2**20
# So many words a line of a block: what the trees of a block need of the masks stays in the cache.
BLOCK_WORDS = 128
_BITS = 32


@dataclass(frozen=True)
class Tables:
    """The arrays are described in kernel.py; `columns` are those that some tree asks.

    `takes_infinity`: whether the model's own steps let infinite numbers through.
    """

    columns: tuple[Column, ...]
    starts: np.ndarray
    masks: np.ndarray
    leaves: np.ndarray
    first_words: np.ndarray
    blocks: np.ndarray
    baseline: float
    takes_infinity: bool

    def compute_sha256(self) -> str:
        """The same trees give the same hash, on every machine."""
        digest = hashlib.sha256(FORMAT.encode())
        for column in self.columns:
            parts = column.categories if isinstance(column, TextColumn) else ()
            digest.update(repr((type(column).__name__, column.name, parts)).encode())
        thresholds = [column.thresholds for column in self.columns if isinstance(column, NumericColumn)]
        baseline = np.array([self.baseline, self.takes_infinity], dtype=np.float64)
        for array in (*thresholds, self.starts, self.masks, self.leaves, self.first_words, baseline):
            digest.update(repr((array.dtype.kind, array.shape)).encode())
            digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()


def build_tables(pipeline: Any, numeric: Sequence[str], categorical: Sequence[str]) -> Tables:
    """The tables of a fitted Pipeline of columns and boosted trees. Unsupported where it can't be told in tables."""
    prepare, boosting = open_pipeline(pipeline)
    names, trees = [*numeric, *categorical], list(list_trees(boosting))
    origins = trace_columns(prepare, boosting, names)
    asked = {split.feature for tree in trees for split in tree.splits}
    used = sorted({origins[feature].column for feature in asked}) or [0]
    columns = tuple(_make_column(names[place], place, len(numeric), prepare, origins, trees) for place in used)
    starts = np.cumsum([0, *(column.bins for column in columns)], dtype=np.int64)
    first_words = np.cumsum([0, *(-(-len(tree.leaves) // _BITS) for tree in trees)], dtype=np.int64)
    _require_small(starts, first_words, columns)
    frame = _list_examples(columns, names, len(numeric))
    encoded = np.asarray(_encode(prepare, boosting, frame), dtype=np.float64)
    _require_plain(encoded, columns, used, starts, origins, asked)
    lines = {place: slice(starts[i], starts[i + 1]) for i, place in enumerate(used)}
    return Tables(
        columns=columns,
        starts=starts[:-1],
        masks=_make_masks(trees, origins, encoded, lines, first_words),
        leaves=_place_leaves(trees, first_words),
        first_words=first_words,
        blocks=_cut_blocks(first_words),
        baseline=float(boosting._baseline_prediction.ravel()[0]),
        takes_infinity=_takes_infinity(prepare, boosting, frame),
    )


def _make_column(
    name: str, place: int, numbers: int, prepare: Any, origins: Sequence[Origin], trees: Sequence[Tree]
) -> Column:
    if place >= numbers:
        return TextColumn(name, _list_categories(prepare, name))
    direct = {feature for feature, origin in enumerate(origins) if origin == Origin(place, derived=False)}
    splits = [split for tree in trees for split in tree.splits if origins[split.feature].column == place]
    if any(split.node["is_categorical"] for split in splits):
        raise Unsupported(f"{name} is a number that the trees take for a category")
    thresholds = [float(split.node["num_threshold"]) for split in splits if split.feature in direct]
    return NumericColumn(name, np.unique(np.array(thresholds, dtype=np.float64)))


def _list_categories(prepare: Any, name: str) -> tuple[str, ...]:
    """What the encoder knows of the column, without the missing."""
    for _, step, selected in prepare.transformers_:
        parts = dict(step.steps).values() if hasattr(step, "steps") else [step]
        for part in parts:
            if name in selected and hasattr(part, "categories_"):
                known = [value for value in part.categories_[list(selected).index(name)] if not pd.isna(value)]
                if all(isinstance(value, str) for value in known):
                    return tuple(str(value) for value in known)
    raise Unsupported(f"the categories of {name} are no text")


def _require_small(starts: np.ndarray, first_words: np.ndarray, columns: Sequence[Column]) -> None:
    size = int(starts[-1]) * int(first_words[-1]) * 4
    if size > MAX_BYTES or max(column.bins for column in columns) > MAX_BINS:
        raise Unsupported(f"the tables would take {size / 2**20:.0f} MiB, at most {MAX_BYTES / 2**20:.0f} are allowed")


def _list_examples(columns: Sequence[Column], names: Sequence[str], numbers: int) -> pd.DataFrame:
    """A row for each bin of each column: that column has a value of the bin, the others are missing."""
    examples = {column.name: column.list_examples() for column in columns}
    rows = sum(len(values) for values in examples.values())
    made, before = {}, 0
    for place, name in enumerate(names):
        kind = pa.float64() if place < numbers else pa.string()
        values = examples.get(name, pa.nulls(0, kind))
        after = rows - before - len(values) if len(values) else rows
        head = before if len(values) else 0
        made[name] = pa.concat_arrays([pa.nulls(head, kind), values, pa.nulls(after, kind)])
        before += len(values)
    return pa.RecordBatch.from_pydict(made).to_pandas()


def _encode(prepare: Any, boosting: Any, frame: pd.DataFrame) -> Any:
    """What the trees see of the rows."""
    return boosting._preprocess_X(prepare.transform(frame), reset=False)


def _takes_infinity(prepare: Any, boosting: Any, frame: pd.DataFrame) -> bool:
    numbers = frame.select_dtypes("number").columns
    try:
        _encode(prepare, boosting, frame.iloc[:1].assign(**dict.fromkeys(numbers, np.inf)))
    except ValueError:
        return False
    return True


def _require_plain(
    encoded: np.ndarray,
    columns: Sequence[Column],
    used: Sequence[int],
    starts: np.ndarray,
    origins: Sequence[Origin],
    asked: set[int],
) -> None:
    """Unsupported unless numbers reach the trees as they are, but for the missing."""
    for feature in asked:
        place = used.index(origins[feature].column)
        column, values = columns[place], encoded[starts[place] : starts[place + 1], feature]
        if isinstance(column, NumericColumn):
            present = values[:-1]
            kept = column.list_examples().to_numpy(zero_copy_only=False)[:-1]
            if not np.array_equal(present, np.full_like(kept, present[0]) if origins[feature].derived else kept):
                raise Unsupported(f"{column.name} is changed before the trees see it")


def _make_masks(
    trees: Sequence[Tree],
    origins: Sequence[Origin],
    encoded: np.ndarray,
    lines: dict[int, slice],
    first_words: np.ndarray,
) -> np.ndarray:
    """uint32 (lines, words): a bit for each leaf that values of the line's bin may reach, or that does not exist."""
    masks = np.full((int(first_words[-1]), len(encoded)), 2**_BITS - 1, dtype=np.uint32)
    for tree, first_word in zip(trees, first_words, strict=False):
        for split in tree.splits:
            place = lines[origins[split.feature].column]
            right = ~split.is_left(encoded[place, split.feature])
            _forbid_left(masks[first_word:, place], split, right)
    return np.ascontiguousarray(masks.T)


def _forbid_left(masks: np.ndarray, split: Split, right: np.ndarray) -> None:
    """Whoever goes right reaches no leaf on the left: it is enough to say that, since the first one left counts."""
    for word in range(split.first_leaf // _BITS, (split.last_leaf - 1) // _BITS + 1):
        first, last = max(split.first_leaf - word * _BITS, 0), min(split.last_leaf - word * _BITS, _BITS)
        masks[word, right] &= np.uint32((2**_BITS - 1) ^ ((1 << last) - (1 << first)))


def _place_leaves(trees: Sequence[Tree], first_words: np.ndarray) -> np.ndarray:
    leaves = np.zeros((int(first_words[-1]), _BITS))
    for tree, first_word in zip(trees, first_words, strict=False):
        leaves[first_word:].reshape(-1)[: len(tree.leaves)] = tree.leaves
    return leaves


def _cut_blocks(first_words: np.ndarray) -> np.ndarray:
    """The first tree of each block of at most BLOCK_WORDS words, or of one tree, then the number of trees."""
    blocks = [0]
    for tree in range(1, len(first_words) - 1):
        if first_words[tree + 1] - first_words[blocks[-1]] > BLOCK_WORDS:
            blocks.append(tree)
    return np.array([*blocks, len(first_words) - 1], dtype=np.int64)
