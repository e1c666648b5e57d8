"""Outcomes against the promise: whether the champion does worse than what it was promoted on."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
from scipy.stats import norm

from nightshift.config.sections.retrain import Tolerance
from nightshift.core.evaluation.bootstrap import Resampling, bootstrap_metric
from nightshift.core.evaluation.metrics import gain, is_higher_better

# One night in twenty would look worse by chance at 95 %: too often for something that is asked every night.
CONFIDENCE = 0.99
RESAMPLES = 200


@dataclass(frozen=True)
class Night:
    """The rows of one scored partition whose outcomes are known: float64, shape (rows,)."""

    partition: date
    target: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class ToleranceResult:
    """The metric over the last nights, and whether it fell below tolerance; `below` is None where nobody can tell."""

    value: float
    low: float
    high: float
    promised: float
    limit: float
    below: bool | None
    rows: int
    first: date
    last: date
    reason: str

    def to_record(self) -> dict[str, Any]:
        """As plain values, for XCom and the warehouse."""
        return {**asdict(self), "first": str(self.first), "last": str(self.last)}


def check_tolerance(
    nights: Sequence[Night], metric: str, promised: float, promised_rows: int, band: Tolerance, seed: int
) -> ToleranceResult | None:
    """The last nights' metric, together, against the one on the held-out rows (`promised`, of `promised_rows` rows).

    Out of the band: worse than the limit, and worse than the promise by more than the sampling errors of both explain
    (one-sided, 99 %). `nights` are in order of time; None where they have no rows.
    """
    chosen = choose_nights(nights, band)
    if not chosen:
        return None
    target, predicted = (np.concatenate([getattr(night, name) for night in chosen]) for name in ("target", "predicted"))
    measured = bootstrap_metric(metric, target, predicted, Resampling(RESAMPLES, CONFIDENCE, seed))
    limit = find_limit(metric, promised, band.tolerance)
    # The promise is a measurement too; its error shrinks with its rows as that of the nights does with theirs.
    error = measured.error * math.sqrt(1 + len(target) / max(promised_rows, 1))
    below = is_below(metric, measured.value, promised, limit, error) if len(target) >= band.min_rows else None
    return ToleranceResult(
        value=measured.value,
        low=measured.low,
        high=measured.high,
        promised=promised,
        limit=limit,
        below=below,
        rows=len(target),
        first=chosen[0].partition,
        last=chosen[-1].partition,
        reason=_explain(metric, measured.value, promised, limit, below, len(target), band),
    )


def choose_nights(nights: Sequence[Night], band: Tolerance) -> Sequence[Night]:
    """The last `band.window_days` nights that have rows; more of them where those have too few."""
    usable = [night for night in nights if len(night.target)]
    count = min(band.window_days, len(usable))
    while count < len(usable) and sum(len(night.target) for night in usable[-count:]) < band.min_rows:
        count += 1
    return usable[-count:] if count else []


def find_limit(metric: str, promised: float, tolerance: float) -> float:
    """The value at which the error is the promised one plus `tolerance` of it.

    >>> round(find_limit("roc_auc", 0.8, 0.05), 3), round(find_limit("rmse", 10.0, 0.05), 3)
    (0.79, 10.5)
    """
    if is_higher_better(metric):
        return 1 - (1 - promised) * (1 + tolerance)
    return promised * (1 + tolerance)


def is_below(metric: str, value: float, promised: float, limit: float, error: float) -> bool | None:
    """Beyond the limit, and not by chance; None where the value or its error is unknown."""
    if not math.isfinite(value) or not math.isfinite(error) or not math.isfinite(promised):
        return None
    proven = -gain(metric, value, promised) > float(norm.ppf(CONFIDENCE)) * error
    return bool(gain(metric, value, limit) < 0 and proven)


def _explain(
    metric: str, value: float, promised: float, limit: float, below: bool | None, rows: int, band: Tolerance
) -> str:
    figures = f"{metric} {value:.4f} of {rows} rows, {promised:.4f} expected, limit {limit:.4f}"
    if below is None:
        return f"unknown: {figures}; {band.min_rows} rows with both outcomes are needed"
    return f"below tolerance: {figures}" if below else f"within tolerance: {figures}"
