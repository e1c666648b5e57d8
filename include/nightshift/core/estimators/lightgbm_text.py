"""LightGBM's text form of boosted trees: what is kept of it, and whether it is sound.

LightGBM's parser and predictor follow the numbers in the text without asking whether they lie within their arrays.
"""

import re
from collections.abc import Mapping

import numpy as np

END = "end of trees\n"
_HEADER = {
    "version": "v4",
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "label_index": "0",
    "objective": "binary sigmoid:1|regression",
}
_PER_FEATURE = ("feature_names", "feature_infos")
_PER_NODE = (
    "split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
    "internal_value", "internal_weight", "internal_count",
)  # fmt: skip
_PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
_OTHER = ("num_leaves", "num_cat", "cat_boundaries", "cat_threshold", "is_linear", "shrinkage")
_NUMBERS = re.compile(r"[-+0-9.einfa ]*", re.ASCII)
# Bit 0: by category; bit 1: the missing go left; bits 2 and 3: what counts as missing, up to 2.
_MAX_DECISION = 11


def keep_trees(text: str) -> str:
    """Header and trees of a model's text, without offsets into it and what only a further training needs."""
    trees = text[: text.index(END)]
    return "".join(line for line in trees.splitlines(keepends=True) if not line.startswith("tree_sizes=")) + END


def check_trees(text: str, features: int) -> None:
    """ValueError unless `text`, as `keep_trees` makes it, is trees over `features` columns and nothing else."""
    try:
        if not text.startswith("tree\n") or not text.endswith(END):
            raise ValueError("no beginning or no end")
        header, *trees = text[len("tree\n") : -len(END)].split("\nTree=")
        _check_header(_read_lines(header), features)
        for number, tree in enumerate(trees):
            first, _, lines = tree.partition("\n")
            if first != str(number):
                raise ValueError(f"tree {number} is missing")
            _check_tree(_read_lines(lines), features)
    except (ValueError, KeyError) as error:
        raise ValueError(f"the trees are damaged: {error}") from error


def _read_lines(text: str) -> dict[str, str]:
    pairs = [line.partition("=") for line in text.split("\n") if line]
    read = {key: value for key, _, value in pairs}
    if len(read) < len(pairs):
        raise ValueError("a line appears twice")
    return read


def _check_header(read: Mapping[str, str], features: int) -> None:
    if read.keys() != {*_HEADER, *_PER_FEATURE, "max_feature_idx"} or read["max_feature_idx"] != str(features - 1):
        raise ValueError(f"the header is not that of trees over {features} columns")
    if any(read[key] not in values.split("|") for key, values in _HEADER.items()):
        raise ValueError("the header is not that of two classes or a value")
    if any(len(read[key].split(" ")) != features for key in _PER_FEATURE):
        raise ValueError("columns are missing")


def _check_tree(read: Mapping[str, str], features: int) -> None:
    if not read.keys() <= {*_PER_NODE, *_PER_LEAF, *_OTHER} or read["is_linear"] != "0":
        raise ValueError("a line is unknown")
    numbers = {key: _read_numbers(value) for key, value in read.items()}
    leaves = len(numbers["leaf_value"])
    _require(leaves >= 1 and numbers["num_leaves"].tolist() == [leaves], "num_leaves")
    _require(len(numbers["shrinkage"]) == 1, "shrinkage")
    if leaves == 1:
        # LightGBM reads no further.
        return
    for key in (*_PER_NODE, *_PER_LEAF):
        _require(len(numbers[key]) == (leaves if key in _PER_LEAF else leaves - 1), key)
    _check_nodes(numbers, features)
    _check_categories(numbers)


def _check_nodes(numbers: Mapping[str, np.ndarray], features: int) -> None:
    """Every leaf, -1 and below, and every node but the first is the child of exactly one: so every path ends."""
    nodes = len(numbers["left_child"])
    children = np.sort(np.concatenate([numbers["left_child"], numbers["right_child"]]))
    _require(np.array_equal(children, [*range(-nodes - 1, 0), *range(1, nodes)]), "children")
    _require(_are_whole(numbers["split_feature"], features - 1), "split_feature")
    _require(_are_whole(numbers["decision_type"], _MAX_DECISION), "decision_type")


def _check_categories(numbers: Mapping[str, np.ndarray]) -> None:
    by_category = numbers["decision_type"].astype(int) % 2 == 1
    used = numbers["threshold"][by_category]
    if numbers["num_cat"].tolist() == [0.0]:
        _require(not len(used), "num_cat")
        return
    boundaries, words = numbers["cat_boundaries"], numbers["cat_threshold"]
    _require(numbers["num_cat"].tolist() == [len(boundaries) - 1], "num_cat")
    _require(_are_whole(used, len(boundaries) - 2), "threshold")
    _require(_are_whole(words, 2**32 - 1), "cat_threshold")
    ends = boundaries[0] == 0 and boundaries[-1] == len(words)
    _require(bool(ends and _are_whole(boundaries, len(words)) and (np.diff(boundaries) >= 0).all()), "cat_boundaries")


def _read_numbers(value: str) -> np.ndarray:
    if not _NUMBERS.fullmatch(value):
        raise ValueError(f"not numbers: {value[:40]!r}")
    return np.array(value.split(" ") if value else [], dtype=np.float64)


def _are_whole(values: np.ndarray, most: int) -> bool:
    return bool(((values >= 0) & (values <= most) & (values == np.floor(values))).all())


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"{what} is out of bounds")
