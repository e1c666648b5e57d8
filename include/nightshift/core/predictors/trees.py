"""What of a fitted model can become tables: its trees, and what it makes of each column before them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder


class Unsupported(Exception):
    """The model stays as it is, for this reason."""


@dataclass(frozen=True)
class Origin:
    """The column of the data frame that a column of the trees is made of; `derived` where it only says: missing."""

    column: int
    derived: bool


@dataclass(frozen=True)
class Split:
    """An inner node: which column of the trees it asks, and which leaves lie on its left, numbered from left to right.

    `is_left`: of values of that column (float64, of shape (values,)), whether they go left.
    """

    feature: int
    first_leaf: int
    last_leaf: int
    node: Any
    left_set: np.ndarray
    known_set: np.ndarray

    def is_left(self, values: np.ndarray) -> np.ndarray:
        """As HistGradientBoosting's predictor decides; bool of shape (values,)."""
        if not self.node["is_categorical"]:
            return np.where(
                np.isnan(values), self.node["missing_go_to_left"] == 1, values <= self.node["num_threshold"]
            )
        unusable = np.isnan(values) | (values < 0)
        codes = np.where(unusable, 0, values).astype(np.uint8)
        left, known = _is_in(self.left_set, codes), _is_in(self.known_set, codes)
        return np.where(unusable | ~(left | known), self.node["missing_go_to_left"] == 1, left)


@dataclass(frozen=True)
class Tree:
    """Its splits, and its leaves' values from left to right."""

    splits: tuple[Split, ...]
    leaves: np.ndarray


def _is_in(words: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return (words[codes // 32] >> (codes % 32)) & 1 == 1


def open_pipeline(model: Any) -> tuple[ColumnTransformer, Any]:
    """The step that prepares the columns, and the boosted trees behind it. Unsupported for any other model."""
    if not isinstance(model, Pipeline) or len(model.steps) != 2:
        raise Unsupported(f"a {type(model).__name__} is no pipeline of columns and trees")
    columns, trees = model[0], model[1]
    if not isinstance(trees, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        raise Unsupported(f"a {type(trees).__name__} has no tables")
    if not isinstance(columns, ColumnTransformer):
        raise Unsupported(f"a {type(columns).__name__} in front of the trees has no tables")
    if trees.n_trees_per_iteration_ != 1:
        raise Unsupported("trees for more than two classes have no tables")
    return columns, trees


def list_trees(boosting: Any) -> Iterator[Tree]:
    """In the order in which their values are added."""
    known, places = boosting._bin_mapper.make_known_categories_bitsets()
    for (predictor,) in boosting._predictors:
        yield _read_tree(predictor, known, places)


def _read_tree(predictor: Any, known: np.ndarray, places: np.ndarray) -> Tree:
    """Children come after their parents, so one way through the nodes counts leaves and the other numbers them."""
    nodes = predictor.nodes
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    count, first = np.ones(len(nodes), dtype=np.int64), np.zeros(len(nodes), dtype=np.int64)
    for place in inner[::-1]:
        count[place] = count[left[place]] + count[right[place]]
    splits = []
    for place in inner:
        first[left[place]] = first[place]
        first[right[place]] = middle = first[place] + count[left[place]]
        splits.append(_make_split(predictor, nodes[place], int(first[place]), int(middle), known, places))
    is_leaf = nodes["is_leaf"] == 1
    leaves = nodes["value"][is_leaf][np.argsort(first[is_leaf], kind="stable")]
    return Tree(tuple(splits), leaves)


def _make_split(predictor: Any, node: Any, first: int, last: int, known: np.ndarray, places: np.ndarray) -> Split:
    feature, none = int(node["feature_idx"]), np.zeros(8, dtype=np.uint32)
    if not node["is_categorical"]:
        return Split(feature, first, last, node, none, none)
    return Split(feature, first, last, node, predictor.raw_left_cat_bitsets[node["bitset_idx"]], known[places[feature]])


def trace_columns(columns: ColumnTransformer, boosting: Any, names: Sequence[str]) -> list[Origin]:
    """Of each column that the trees see: which of the named columns it is made of."""
    prepared = _trace_transformer(columns, names)
    if boosting._preprocessor is None:
        return prepared
    # Its own encoder puts categories first.
    masks = [mask for _, step, mask in boosting._preprocessor.transformers_ if not isinstance(step, str)]
    return [prepared[place] for mask in masks for place in np.flatnonzero(mask)]


def _trace_transformer(columns: ColumnTransformer, names: Sequence[str]) -> list[Origin]:
    origins: list[Origin] = []
    for name, step, selected in columns.transformers_:
        place = columns.output_indices_[name]
        made = place.stop - place.start
        if not made:
            continue
        _require_columnwise(step)
        taken = [list(names).index(column) for column in selected]
        indicated = step.indicator_.features_ if getattr(step, "add_indicator", False) else []
        found = [Origin(column, False) for column in taken] + [Origin(taken[i], True) for i in indicated]
        if place.start != len(origins) or made != len(found):
            raise Unsupported(f"its step {name} makes {made} columns of {len(taken)}")
        origins += found
    return origins


def _require_columnwise(step: Any) -> None:
    """Unsupported unless each column that the step makes depends on one column alone."""
    parts = [part for _, part in step.steps] if isinstance(step, Pipeline) else [step]
    for part in parts:
        passes = isinstance(part, FunctionTransformer) and part.func is None
        if not (passes or isinstance(part, OrdinalEncoder | SimpleImputer)):
            raise Unsupported(f"a {type(part).__name__} in front of the trees has no tables")
    if isinstance(step, Pipeline) and any(getattr(part, "add_indicator", False) for part in parts):
        raise Unsupported("an indicator of missing values inside of a pipeline has no tables")
