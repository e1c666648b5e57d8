"""How much each feature alone knows about the outcome: near certainty is a leak until shown otherwise."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nightshift.core.evaluation.metrics import measure
from nightshift.extension.tasks import find_task

# A leak shows in few rows; more would only cost time.
MAX_ROWS = 20_000
MIN_LEAF_ROWS = 5

# Rows with the target of each, float64 of shape (rows,).
Labelled = tuple[pd.DataFrame, np.ndarray]


def measure_single_features(
    train: Labelled, holdout: Labelled, numeric: Sequence[str], categorical: Sequence[str], task: str, seed: int
) -> dict[str, float]:
    """Per feature: ROC AUC or R² on the held-out rows of a small tree fitted on that feature of the training rows.

    Targets are float64 of shape (rows,). NaN where it can't be computed. At most 20,000 rows each, seeded.
    """
    (rows, target), (later, known) = (_choose_rows(*part, seed) for part in (train, holdout))
    alone = {}
    for name in [*numeric, *categorical]:
        seen, unseen = rows[name], later[name]
        encoded = _encode_numbers(seen, unseen) if name in numeric else _encode_categories(seen, unseen, target)
        alone[name] = _measure_feature(*encoded, target, known, task, seed)
    return alone


def _choose_rows(rows: pd.DataFrame, target: np.ndarray, seed: int) -> Labelled:
    if len(rows) <= MAX_ROWS:
        return rows, target
    chosen = np.sort(np.random.default_rng(seed).choice(len(rows), MAX_ROWS, replace=False))
    return rows.iloc[chosen], target[chosen]


def _encode_numbers(seen: pd.Series, unseen: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    first, second = (
        pd.to_numeric(part, errors="coerce").to_numpy(np.float64, na_value=np.nan) for part in (seen, unseen)
    )
    return np.where(np.isfinite(first), first, np.nan), np.where(np.isfinite(second), second, np.nan)


def _encode_categories(seen: pd.Series, unseen: pd.Series, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each category as the mean target of its training rows; missing and new ones are NaN."""
    means = pd.Series(target).groupby(seen.to_numpy()).mean()
    return seen.map(means).to_numpy(np.float64), unseen.map(means).to_numpy(np.float64)


def _measure_feature(
    seen: np.ndarray, unseen: np.ndarray, target: np.ndarray, known: np.ndarray, task: str, seed: int
) -> float:
    if np.isnan(seen).all() or len(np.unique(target)) < 2 or len(known) == 0:
        return float("nan")
    limits = {"min_samples_leaf": MIN_LEAF_ROWS, "random_state": seed}
    kind = find_task(task)
    tree = kind.make_probe(**limits).fit(seen[:, None], target)
    return measure(kind.leak_metric, known, kind.predict(tree, unseen[:, None]))
