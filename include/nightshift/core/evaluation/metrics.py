"""Metrics: by name, with the direction that is better."""

from collections.abc import Iterable

import numpy as np
from sklearn import metrics as sklearn_metrics

from nightshift.extension.metrics import METRICS

# Scikit-learn's log loss takes a hundred bytes a row while it works; a mean can be taken piece by piece.
PIECE = 1_000_000


def measure(metric: str, target: np.ndarray, predicted: np.ndarray) -> float:
    """One metric of predictions (probabilities or values, float64, shape (rows,)); NaN where it can't be computed.

    A ranking metric of a single class, R² of a constant target, or anything of rows that are not finite, can't be.

    >>> import numpy as np
    >>> outcomes, scores = np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.9, 0.1])
    >>> measure("roc_auc", outcomes, scores)
    0.5
    """
    record = METRICS.find(metric)
    if len(target) == 0 or not np.isfinite(predicted).all():
        return float("nan")
    if record.needs_variation and target.min() == target.max():
        return float("nan")
    return float(record.function(target, predicted))


def measure_all(metrics: Iterable[str], target: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Each of these metrics, by name."""
    return {name: measure(name, target, predicted) for name in metrics}


def is_higher_better(metric: str) -> bool:
    """Whether more of the metric is better."""
    return METRICS.find(metric).higher_is_better


def gain(metric: str, value: float, other: float) -> float:
    """How much better `value` is than `other`, in the metric's unit; negative where it is worse.

    >>> gain("rmse", 3.0, 5.0)
    2.0
    >>> gain("roc_auc", 0.75, 0.5)
    0.25
    """
    return value - other if is_higher_better(metric) else other - value


def measure_rmse(target: np.ndarray, predicted: np.ndarray) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(sklearn_metrics.mean_squared_error(target, predicted)))


def measure_log_loss(target: np.ndarray, predicted: np.ndarray) -> float:
    """Scikit-learn's, also of a single class."""
    pieces = [slice(start, start + PIECE) for start in range(0, len(target), PIECE)]
    losses = [sklearn_metrics.log_loss(target[piece], predicted[piece], labels=[0.0, 1.0]) for piece in pieces]
    return float(np.average(losses, weights=[len(target[piece]) for piece in pieces]))


def measure_roc_auc(target: np.ndarray, predicted: np.ndarray) -> float:
    """Scikit-learn's."""
    return float(sklearn_metrics.roc_auc_score(_as_classes(target), predicted))


def measure_average_precision(target: np.ndarray, predicted: np.ndarray) -> float:
    """Scikit-learn's."""
    return float(sklearn_metrics.average_precision_score(_as_classes(target), predicted))


def _as_classes(target: np.ndarray) -> np.ndarray:
    """Small whole numbers: scikit-learn looks for the distinct ones several times, which sorts floats."""
    return target.astype(np.int8)
