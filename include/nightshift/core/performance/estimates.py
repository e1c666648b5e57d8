"""How good a classifier probably is before outcomes are known, from its own calibrated probabilities.

Confidence-based performance estimation (CBPE; NannyML's documentation, "Estimation of Performance of the Monitored
Model"): where probabilities are calibrated, a row scored p is positive with weight p and negative with weight 1 - p, so
every metric has an expected value. It sees a change of the inputs, never one of the relation between inputs and outcome
alone: then the estimate stays, and only outcomes tell. Hence the standing check below.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from nightshift.config.sections.retrain import Tolerance
from nightshift.core.performance.tolerance import (
    CONFIDENCE,
    Night,
    ToleranceResult,
    choose_nights,
    find_limit,
    is_below,
)
from nightshift.extension.metrics import METRICS

# Of the columns that have drifted, named in a reason.
MAX_NAMED = 3
MIN_NIGHTS = 3
# Expected rows of either class below which a ranking metric is more luck than estimate.
MIN_CLASS = 1.0
# Where log loss stops growing, as in scikit-learn for float64.
EDGE = float(np.finfo(np.float64).eps)


def estimate_all(metrics: Iterable[str], predicted: np.ndarray) -> dict[str, float]:
    """The expected value of those metrics that have one; `predicted` are probabilities, shape (rows,)."""
    return {name: estimate(name, predicted) for name in metrics if METRICS.find(name).estimate}


def estimate(metric: str, predicted: np.ndarray) -> float:
    """The expected metric of these probabilities, O(rows log rows); NaN where it can't be told.

    That is without rows, where one is no probability, and for ranking metrics where a class is hardly expected.

    >>> round(estimate("brier", np.array([0.1, 0.5, 0.9])), 4)
    0.1433
    """
    if len(predicted) == 0 or not ((predicted >= 0) & (predicted <= 1)).all():
        return math.nan
    of_probabilities = METRICS.find(metric).estimate
    return math.nan if of_probabilities is None else of_probabilities(predicted)


def estimate_brier(predicted: np.ndarray) -> float:
    """The expected squared error."""
    return float(np.mean(predicted * (1 - predicted)))


def estimate_log_loss(predicted: np.ndarray) -> float:
    """The expected loss, bounded as scikit-learn bounds it."""
    inner = np.clip(predicted, EDGE, 1 - EDGE)
    return float(-np.mean(predicted * np.log(inner) + (1 - predicted) * np.log1p(-inner)))


def _expects_both(predicted: np.ndarray) -> bool:
    return min(float(predicted.sum()), len(predicted) - float(predicted.sum())) >= MIN_CLASS


def _group(predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected positives and negatives of each distinct score, rising; equal scores can't be ranked."""
    scores, counts = np.unique(predicted, return_counts=True)
    return scores * counts, (1 - scores) * counts


def estimate_roc_auc(predicted: np.ndarray) -> float:
    """Expected pairs in the right order, ties half, over expected pairs. No row makes a pair with itself."""
    if not _expects_both(predicted):
        return math.nan
    positives, negatives = _group(predicted)
    below = np.cumsum(negatives) - negatives
    own = float(np.sum(predicted * (1 - predicted)))
    right = float(np.sum(positives * (below + 0.5 * negatives))) - 0.5 * own
    pairs = float(positives.sum() * negatives.sum()) - own
    return right / pairs if pairs > 0 else math.nan


def estimate_average_precision(predicted: np.ndarray) -> float:
    """The mean over expected positives of the expected precision among the rows that score at least as high."""
    if not _expects_both(predicted):
        return math.nan
    positives, negatives = (values[::-1] for values in _group(predicted))
    right, chosen = np.cumsum(positives), np.cumsum(positives + negatives)
    return float(np.sum(positives * right / chosen) / right[-1])


@dataclass(frozen=True)
class EstimateCheck:
    """What became of the last estimates, in the metric's unit; errors are estimated - realised."""

    nights: int
    mean_error: float
    mean_absolute_error: float
    spread: float
    trusted: bool
    reason: str


def check_estimates(errors: Sequence[float], margin: float) -> EstimateCheck:
    """Trusted where at least three nights were checked and the mean absolute error is within `margin`.

    The margin is what the metric may lose before it falls out of its band: a method that misses by more can't tell.
    """
    found = np.asarray(errors, dtype=np.float64)
    if len(found) < MIN_NIGHTS:
        reason = f"not trusted: {len(found)} days of this version have both estimate and outcomes, {MIN_NIGHTS} needed"
        mean, absolute = (float(np.mean(v)) if len(found) else math.nan for v in (found, np.abs(found)))
        return EstimateCheck(len(found), mean, absolute, math.nan, False, reason)
    mean, absolute = float(found.mean()), float(np.abs(found).mean())
    trusted = absolute <= margin
    figures = f"over {len(found)} days it missed by {absolute:.4f} on average ({mean:+.4f}), {margin:.4f} is allowed"
    return EstimateCheck(
        len(found), mean, absolute, float(found.std(ddof=1)), trusted, f"{'' if trusted else 'not '}trusted: {figures}"
    )


def check_estimated_tolerance(
    nights: Sequence[Night], metric: str, promised: float, promised_rows: int, band: Tolerance, check: EstimateCheck
) -> ToleranceResult | None:
    """What `check_tolerance` says of outcomes, of nights that have none yet: their `target` is not looked at.

    The estimate is corrected by the mean error that the check saw; how far its errors spread, for a night more, is its
    own error. `below` is None where the check does not trust it. None where there are no rows at all.
    """
    chosen = choose_nights([Night(night.partition, night.predicted, night.predicted) for night in nights], band)
    if not chosen:
        return None
    predicted = np.concatenate([night.predicted for night in chosen])
    value = estimate(metric, predicted) - (check.mean_error if check.nights >= MIN_NIGHTS else 0.0)
    limit = find_limit(metric, promised, band.tolerance)
    share = len(predicted) / len(chosen) / max(promised_rows, 1)
    error = check.spread * math.sqrt(1 + 1 / max(check.nights, 1) + share)
    reach = float(norm.ppf((1 + CONFIDENCE) / 2)) * error
    usable = check.trusted and len(predicted) >= band.min_rows
    below = is_below(metric, value, promised, limit, error) if usable else None
    figures = f"{metric} {value:.4f} of {len(predicted)} rows, {promised:.4f} expected, limit {limit:.4f}"
    state = {None: "unknown", True: "below tolerance", False: "within tolerance"}[below]
    return ToleranceResult(
        value=value,
        low=value - reach,
        high=value + reach,
        promised=promised,
        limit=limit,
        below=below,
        rows=len(predicted),
        first=chosen[0].partition,
        last=chosen[-1].partition,
        reason=f"estimated, {state}: {figures}; {check.reason}",
    )


def withhold_estimate(record: dict[str, Any] | None, moved: Sequence[str]) -> dict[str, Any] | None:
    """An estimate's ToleranceResult, as a record, that says nothing while the columns in `moved` have drifted.

    What the scores imply is right only where inputs are as they were: past errors, from days without drift, can't say
    by how much it is wrong now.

    >>> found = {"below": False, "value": 0.74, "reason": "estimated, within tolerance: roc_auc 0.7400"}
    >>> withhold_estimate(found, ["spent"])["below"] is None
    True
    """
    if record is None or not moved:
        return record
    named = ", ".join(moved[:MAX_NAMED]) + (f" and {len(moved) - MAX_NAMED} more" if len(moved) > MAX_NAMED else "")
    figures = record["reason"].partition(": ")[2]
    reason = f"estimated, unknown: not trusted while {named} drifted in the same days; {figures}"
    return {**record, "below": None, "reason": reason}
