"""Trees are followed by native code that checks no index, so every index is checked once, when they are loaded.

A model whose tree points outside of its nodes, its features or its categories loads well, and its first prediction
reads foreign memory or ends the process (scikit-learn pull request 34558); one that points back never ends.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from nightshift.io.artifacts.allowed import is_object
from nightshift.io.artifacts.refusal import Refused

# Bits for 256 categories in words of 32.
_BITSET_WORDS = 8


def check_trees(model: Any) -> None:
    """Refused where any tree inside of the model could lead its native code astray."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        value = waiting.pop()
        if id(value) not in seen:
            seen.add(id(value))
            waiting.extend(_check_and_open(value))


def _check_and_open(value: Any) -> Iterable[Any]:
    """What is inside of a value; an estimator with trees is checked instead of opening its trees."""
    name = type(value).__name__
    if name in ("Tree", "TreePredictor"):
        raise Refused(f"it has a {name} outside of an estimator")
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, np.ndarray):
        return value.ravel() if value.dtype.hasobject else ()
    if not is_object(f"{type(value).__module__}.{name}"):
        return ()
    _refuse_hidden_methods(value)
    inner = dict(vars(value))
    if name.startswith("DecisionTree"):
        _check_decision_tree(value, inner.pop("tree_", None))
    elif name.startswith("RandomForest"):
        _check_forest(value, inner.get("estimators_", []))
    elif name.startswith("HistGradientBoosting"):
        _check_boosting(value, inner.pop("_predictors", []))
    return inner.values()


def _refuse_hidden_methods(value: Any) -> None:
    """An attribute in a method's place would be called instead of it, past the checks that the method makes."""
    for name in vars(value):
        if callable(getattr(type(value), name, None)):
            raise Refused(f"its {type(value).__name__} hides its own method {name}")


def _check_decision_tree(owner: Any, tree: Any) -> None:
    if tree is None:
        return
    if type(tree).__name__ != "Tree":
        raise Refused(f"the tree of its {type(owner).__name__} is a {type(tree).__name__}")
    leaf = tree.children_left == -1
    inner = np.flatnonzero(~leaf)
    _check_children(owner, inner, tree.children_left[inner], tree.children_right[inner], tree.node_count)
    _check_indices(owner, "feature", tree.feature[inner], _read_features(owner))


def _check_forest(owner: Any, members: Any) -> None:
    if not isinstance(members, list):
        raise Refused(f"the trees of its {type(owner).__name__} are no list")
    for member in members:
        # A forest checks its input once for all of its trees, so they must expect the same.
        if not type(member).__name__.startswith("DecisionTree") or _read_features(member) != _read_features(owner):
            raise Refused(f"a tree of its {type(owner).__name__} expects other features than the forest")


def _check_boosting(owner: Any, rounds: Any) -> None:
    if vars(owner).get("_in_fit"):
        raise Refused(f"its {type(owner).__name__} claims to be in training")
    if not rounds:
        return
    width = _count_columns(owner)
    categorical = np.asarray(owner._bin_mapper.is_categorical_)
    if categorical.shape != (width,) or type(owner._bin_mapper).__name__ != "_BinMapper":
        raise Refused(f"its {type(owner).__name__} bins other features than it reads")
    for predictor in (predictor for predictors in rounds for predictor in predictors):
        if type(predictor).__name__ != "TreePredictor":
            raise Refused(f"a tree of its {type(owner).__name__} is a {type(predictor).__name__}")
        _refuse_hidden_methods(predictor)
        _check_predictor(owner, predictor, width, categorical.astype(bool))


def _check_predictor(owner: Any, predictor: Any, width: int, categorical: np.ndarray) -> None:
    nodes, bitsets = predictor.nodes, predictor.raw_left_cat_bitsets
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    _check_children(owner, inner, nodes["left"][inner], nodes["right"][inner], len(nodes))
    _check_indices(owner, "feature", nodes["feature_idx"][inner], width)
    by_category = inner[nodes["is_categorical"][inner] != 0]
    if (
        bitsets.ndim != 2
        or bitsets.shape[1] != _BITSET_WORDS
        or not categorical[nodes["feature_idx"][by_category]].all()
    ):
        raise Refused(f"a tree of its {type(owner).__name__} has categories where there are none")
    _check_indices(owner, "set of categories", nodes["bitset_idx"][by_category], len(bitsets))


def _count_columns(owner: Any) -> int:
    """How many columns the trees of a boosting see: those of its input, or those that its preprocessor selects."""
    preprocessor = owner._preprocessor
    if preprocessor is None:
        return _read_features(owner)
    if type(preprocessor).__name__ != "ColumnTransformer":
        raise Refused(f"its {type(owner).__name__} prepares its input by a {type(preprocessor).__name__}")
    count = 0
    for name, step, columns in preprocessor.transformers_:
        if isinstance(step, str):
            continue
        # scikit-learn selects by the mask in an array and by the numbers in a data frame.
        numbers = preprocessor._transformer_to_input_indices[name]
        # Both give as many columns as they take.
        known = type(step).__name__ in ("OrdinalEncoder", "FunctionTransformer")
        if not known or columns.dtype != bool or list(numbers) != np.flatnonzero(columns).tolist():
            raise Refused(f"its {type(owner).__name__} prepares its input in a way that scikit-learn does not")
        count += len(numbers)
    return count


def _read_features(owner: Any) -> int:
    count = vars(owner).get("n_features_in_")
    if type(count) is not int:
        raise Refused(f"its {type(owner).__name__} does not name its number of features")
    return count


def _check_children(owner: Any, parents: np.ndarray, left: np.ndarray, right: np.ndarray, count: int) -> None:
    """Children come after their parent, so that every way ends."""
    children = np.stack([left, right]).astype(np.int64)
    if not count or (children >= count).any() or (children <= parents).any():
        raise Refused(f"a tree of its {type(owner).__name__} points outside of itself, or back")


def _check_indices(owner: Any, what: str, indices: np.ndarray, count: int) -> None:
    if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < count:
        raise Refused(f"a tree of its {type(owner).__name__} asks for a {what} that does not exist")
