"""Metrics: by name, with the direction that is better."""

from collections.abc import Callable, Mapping

import numpy as np
from sklearn import metrics

from nightshift.config.metrics import CLASSIFICATION_METRICS, REGRESSION_METRICS, Metric, Task

HIGHER_IS_BETTER: frozenset[str] = frozenset({"roc_auc", "average_precision", "r2"})
# Scikit-learn's log loss takes a hundred bytes a row while it works; a mean can be taken piece by piece.
PIECE = 1_000_000


def _rmse(target: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.sqrt(metrics.mean_squared_error(target, predicted)))


def _log_loss(target: np.ndarray, predicted: np.ndarray) -> float:
    pieces = [slice(start, start + PIECE) for start in range(0, len(target), PIECE)]
    losses = [metrics.log_loss(target[piece], predicted[piece], labels=[0.0, 1.0]) for piece in pieces]
    return float(np.average(losses, weights=[len(target[piece]) for piece in pieces]))


def _roc_auc(target: np.ndarray, predicted: np.ndarray) -> float:
    return float(metrics.roc_auc_score(_as_classes(target), predicted))


def _average_precision(target: np.ndarray, predicted: np.ndarray) -> float:
    return float(metrics.average_precision_score(_as_classes(target), predicted))


def _as_classes(target: np.ndarray) -> np.ndarray:
    """Small whole numbers: scikit-learn looks for the distinct ones several times, which sorts floats."""
    return target.astype(np.int8)


_FUNCTIONS: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier": metrics.mean_squared_error,
    "r2": metrics.r2_score,
    "rmse": _rmse,
    "mae": metrics.mean_absolute_error,
}


def measure(metric: str, target: np.ndarray, predicted: np.ndarray) -> float:
    """One metric of predictions (probabilities or values, float64, shape (rows,)); NaN where it can't be computed.

    A ranking metric of a single class, R² of a constant target, or anything of rows that are not finite, can't be.
    """
    if len(target) == 0 or not np.isfinite(predicted).all():
        return float("nan")
    if metric in ("roc_auc", "average_precision", "r2") and target.min() == target.max():
        return float("nan")
    return float(_FUNCTIONS[metric](target, predicted))


def measure_all(task: Task, target: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Every metric of the task."""
    names = CLASSIFICATION_METRICS if task == "classification" else REGRESSION_METRICS
    return {name: measure(name, target, predicted) for name in names}


def gain(metric: Metric, value: float, other: float) -> float:
    """How much better `value` is than `other`, in the metric's unit; negative where it is worse."""
    return value - other if metric in HIGHER_IS_BETTER else other - value
