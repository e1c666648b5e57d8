"""Every metric as a function of the rows' weights, for many weightings at once: what a bootstrap computes.

A bootstrap resample is the same rows with other weights (how often each was drawn), so nothing is copied or sorted
again. Each metric equals scikit-learn's with `sample_weight`; a weighting in which it can't be computed gives NaN.
"""

from collections.abc import Callable

import numpy as np

from nightshift.core.evaluation.metrics import measure
from nightshift.extension.metrics import METRICS

WeightedMetric = Callable[[np.ndarray], np.ndarray]


def bind_metric(metric: str, target: np.ndarray, predicted: np.ndarray) -> WeightedMetric:
    """The metric of these rows: takes float64 weights of shape (rows, weightings), returns shape (weightings,).

    >>> outcomes, scores = np.array([0.0, 1.0]), np.array([0.2, 0.9])
    >>> bind_metric("brier", outcomes, scores)(np.array([[1.0, 2.0], [1.0, 0.0]])).round(3)
    array([0.025, 0.04 ])
    """
    bind = METRICS.find(metric).bind
    return bind(target, predicted) if bind else _bind_by_repeating(metric, target, predicted)


def measure_rows(metric: str, target: np.ndarray, predicted: np.ndarray) -> float:
    """The metric with every row once, as `evaluation.measure`; without the checks, which cost more than few rows do."""
    if len(target) == 0 or not np.isfinite(predicted).all():
        return float("nan")
    return float(bind_metric(metric, target, predicted)(np.ones((len(target), 1)))[0])


def measure_losses(metric: str, target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """How wrong each row's prediction is, shape (rows,), larger is worse.

    The metric's own loss where it is a mean over rows; else the squared error, which for a probability is the Brier
    loss: proper, bounded, and defined for a single row.

    >>> measure_losses("mae", np.array([1.0, 2.0]), np.array([1.5, 2.0]))
    array([0.5, 0. ])
    """
    losses = METRICS.find(metric).losses or take_squared_errors
    return losses(target, predicted)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)


def bind_roc_auc(target: np.ndarray, predicted: np.ndarray) -> WeightedMetric:
    """The share of (positive, negative) pairs in the right order, ties half: Mann and Whitney (1947)."""
    order = np.argsort(predicted, kind="stable")
    # Running sums are what costs, so they are taken over the rarer class.
    rare_positive = 2 * np.count_nonzero(target == 1) <= len(target)
    rare = (target[order] == 1) == rare_positive
    few, many = order[rare], order[~rare]
    below = np.searchsorted(predicted[few], predicted[many], side="left")
    upto = np.searchsorted(predicted[few], predicted[many], side="right")
    tied = bool((below != upto).any())

    def compute(weights: np.ndarray) -> np.ndarray:
        seen = np.zeros((len(few) + 1, weights.shape[1]))
        np.cumsum(weights[few], axis=0, out=seen[1:])
        beaten = 0.5 * (seen[below] + seen[upto]) if tied else seen[below]
        drawn = weights[many]
        share = _divide(np.einsum("ij,ij->j", drawn, beaten), drawn.sum(axis=0) * seen[-1])
        return 1 - share if rare_positive else share

    return compute


def bind_average_precision(target: np.ndarray, predicted: np.ndarray) -> WeightedMetric:
    """The mean over positives of the precision among the rows that score at least as high."""
    order = np.argsort(-predicted, kind="stable")
    positives = order[target[order] == 1]
    upto = np.searchsorted(-predicted[order], -predicted[positives], side="right") - 1
    upto_positive = np.searchsorted(-predicted[positives], -predicted[positives], side="right") - 1

    def compute(weights: np.ndarray) -> np.ndarray:
        drawn = weights[positives]
        right = np.cumsum(drawn, axis=0)[upto_positive]
        chosen = np.cumsum(weights[order], axis=0)[upto]
        precision = np.divide(right, chosen, out=np.zeros_like(right), where=chosen > 0)
        return _divide(np.einsum("ij,ij->j", drawn, precision), drawn.sum(axis=0))

    return compute


def take_log_losses(target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Of each row, bounded as scikit-learn bounds it."""
    epsilon = np.finfo(np.float64).eps
    likely = np.clip(np.where(target == 1, predicted, 1 - predicted), epsilon, 1 - epsilon)
    return -np.log(likely)


def take_squared_errors(target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Of each row."""
    return np.square(target - predicted)


def take_absolute_errors(target: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Of each row."""
    return np.abs(target - predicted)


def _bind_mean(losses: np.ndarray) -> WeightedMetric:
    return lambda weights: _divide(losses @ weights, weights.sum(axis=0))


def bind_log_loss(target: np.ndarray, predicted: np.ndarray) -> WeightedMetric:
    """The mean of the rows' losses."""
    return _bind_mean(take_log_losses(target, predicted))


def bind_squared_error(target: np.ndarray, predicted: np.ndarray) -> WeightedMetric:
    """The mean of the rows' squared errors."""
    return _bind_mean(take_squared_errors(target, predicted))


def bind_absolute_error(target: np.ndarray, predicted: np.ndarray) -> WeightedMetric:
    """The mean of the rows' absolute errors."""
    return _bind_mean(take_absolute_errors(target, predicted))


def _bind_by_repeating(metric: str, target: np.ndarray, predicted: np.ndarray) -> WeightedMetric:
    """For a metric without a way of its own: rows are repeated as often as they were drawn."""

    def compute(weights: np.ndarray) -> np.ndarray:
        if (weights % 1).any():
            raise ValueError(f"{metric} can't be weighed by fractions: give the metric a `bind`")
        drawn = (np.repeat(np.arange(len(target)), column) for column in weights.T.astype(np.int64))
        return np.array([measure(metric, target[rows], predicted[rows]) for rows in drawn])

    return compute


def bind_rmse(target: np.ndarray, predicted: np.ndarray) -> WeightedMetric:
    """The root of the mean squared error."""
    mean = bind_squared_error(target, predicted)
    return lambda weights: np.sqrt(mean(weights))


def bind_r2(target: np.ndarray, predicted: np.ndarray) -> WeightedMetric:
    """Of a target that varies; around its own mean in each weighting."""
    # Sums of squares around a value near the mean lose no digits.
    centred = target - target.mean() if len(target) else target
    terms = np.stack([np.square(target - predicted), centred, np.square(centred)])
    smallest = 1e-12 * float(np.mean(terms[2])) if len(target) else 0.0

    def compute(weights: np.ndarray) -> np.ndarray:
        rows = weights.sum(axis=0)
        wrong, total, squares = terms @ weights
        spread = squares - _divide(np.square(total), rows)
        return 1 - _divide(wrong, np.where(spread > smallest * rows, spread, 0.0))

    return compute
