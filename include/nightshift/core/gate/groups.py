"""Which groups of held-out rows are looked at: those of the configured columns, and those that look weak."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

# A column with more categories is sliced by its most frequent ones.
MAX_CATEGORIES = 50
QUARTERS = (0.25, 0.5, 0.75)
# The tree that looks for weak groups: few, large, describable leaves.
MAX_LEAVES = 8
MAX_CONDITIONS = 3
MAX_FOUND = 3
SHOWN_CATEGORIES = 5


@dataclass(frozen=True)
class Group:
    """Rows with something in common: `mask` is boolean, of shape (rows,); `found` where the tree proposed it."""

    name: str
    mask: np.ndarray
    found: bool = False


def list_groups(rows: pd.DataFrame, columns: Sequence[str]) -> list[Group]:
    """Per column: each category, or each quarter of a number's values, and the rows in which it is missing."""
    groups = []
    for name in columns:
        if name not in rows:
            continue
        values = rows[name]
        numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        few = values.nunique() <= len(QUARTERS) + 1
        groups += _split_number(name, values) if numeric and not few else _split_categories(name, values)
        missing = values.isna().to_numpy(dtype=bool)
        if missing.any():
            groups.append(Group(f"{name} is missing", missing))
    return groups


def _split_categories(name: str, values: pd.Series) -> list[Group]:
    counts = values.value_counts()
    # Equal counts in a fixed order, so that the order of the rows does not choose.
    names = sorted(counts.index, key=lambda value: (-counts[value], str(value)))[:MAX_CATEGORIES]
    return [Group(f"{name} = {value}", (values == value).fillna(False).to_numpy(dtype=bool)) for value in names]


def _split_number(name: str, values: pd.Series) -> list[Group]:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    edges = [-np.inf, *np.unique(np.nanquantile(numbers, QUARTERS)), np.inf]
    groups = [
        Group(_name_interval(name, low, high), (numbers > low) & (numbers <= high)) for low, high in pairwise(edges)
    ]
    return [group for group in groups if group.mask.any()]


def _name_interval(name: str, low: float, high: float) -> str:
    if np.isneginf(low):
        return f"{name} <= {high:.6g}"
    return f"{name} > {low:.6g}" if np.isposinf(high) else f"{low:.6g} < {name} <= {high:.6g}"


def find_weak_groups(rows: pd.DataFrame, harm: np.ndarray, min_rows: int, seed: int) -> list[Group]:
    """Groups in which a shallow tree expects harm; `harm`, shape (rows,), is positive where the candidate does worse.

    The tree sees one seeded half of the rows, and the masks hold rows of the other half only: a group is not evaluated
    on the rows that made it look weak, which would find harm in noise. S. Athey and G. Imbens, Recursive partitioning
    for heterogeneous causal effects, PNAS 113 (2016), call such a tree honest.
    """
    count = len(rows)
    if count < 4 * min_rows or rows.shape[1] == 0:
        return []
    seen = np.zeros(count, dtype=bool)
    seen[np.random.default_rng(seed).permutation(count)[: count // 2]] = True
    codes = [encode_column(rows[name], harm, seen) for name in rows.columns]
    matrix = np.column_stack([values for values, _ in codes])
    tree = DecisionTreeRegressor(
        max_depth=MAX_CONDITIONS, max_leaf_nodes=MAX_LEAVES, min_samples_leaf=min_rows, random_state=seed
    )
    leaves = tree.fit(matrix[seen], harm[seen]).apply(matrix)
    expected = tree.tree_.value[:, 0, 0]
    worst = sorted((leaf for leaf in np.unique(leaves[seen]) if expected[leaf] > 0), key=lambda leaf: -expected[leaf])
    if tree.tree_.node_count == 1:
        return []
    bounds = _find_bounds(tree)
    categories = [names for _, names in codes]
    return [
        Group(_name_leaf(bounds[leaf], rows, categories, leaves == leaf), (leaves == leaf) & ~seen, found=True)
        for leaf in worst[:MAX_FOUND]
    ]


def encode_column(values: pd.Series, harm: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """As numbers for a tree, with the names of the codes where it has categories; missing and unseen are NaN.

    Categories are put in the order of their mean harm among the `seen` rows: the best split of categories into two
    groups is then one of that order (Fisher 1958; Breiman et al., Classification and Regression Trees, section 9.4).
    """
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(numbers), numbers, np.nan), []
    means = pd.Series(harm[seen]).groupby(values[seen].to_numpy()).mean()
    names = sorted(means.index, key=lambda name: (means[name], str(name)))
    codes = pd.Index(names).get_indexer(pd.Index(values)).astype(np.float64)
    return np.where(codes < 0, np.nan, codes), [str(name) for name in names]


def _find_bounds(tree: DecisionTreeRegressor) -> dict[int, dict[int, tuple[float, float]]]:
    """Per node: feature -> (low, high], what its rows have in common."""
    nodes = tree.tree_
    bounds: dict[int, dict[int, tuple[float, float]]] = {0: {}}
    for node in range(nodes.node_count):
        if nodes.children_left[node] < 0:
            continue
        feature, threshold = int(nodes.feature[node]), float(nodes.threshold[node])
        low, high = bounds[node].get(feature, (-np.inf, np.inf))
        bounds[int(nodes.children_left[node])] = bounds[node] | {feature: (low, min(high, threshold))}
        bounds[int(nodes.children_right[node])] = bounds[node] | {feature: (max(low, threshold), high)}
    return bounds


def _name_leaf(
    bounds: dict[int, tuple[float, float]], rows: pd.DataFrame, categories: Sequence[list[str]], mask: np.ndarray
) -> str:
    parts = []
    for feature, (low, high) in sorted(bounds.items()):
        name = str(rows.columns[feature])
        names = [value for code, value in enumerate(categories[feature]) if low < code <= high]
        part = f"{name} in {_list_names(names)}" if categories[feature] else _name_interval(name, low, high)
        parts.append(part + (" or missing" if rows[name][mask].isna().any() else ""))
    return " and ".join(parts)


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_CATEGORIES} more" if len(names) > SHOWN_CATEGORIES else ""
    return f"({', '.join(names[:SHOWN_CATEGORIES])}{more})"
