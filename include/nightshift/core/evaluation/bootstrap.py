"""How sure a metric, or the difference of two, is: a bootstrap over held-out rows, or over whole groups of them.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 (standard errors) and 8 (paired and
grouped data); for the interval Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69
(2015); for rows of a cluster that are alike MacKinnon, Nielsen and Webb, Fast and Reliable Jackknife and Bootstrap
Methods for Cluster-Robust Inference, Journal of Applied Econometrics 38 (2023).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from nightshift.config.sections.gate import Gate
from nightshift.core.evaluation.metrics import gain
from nightshift.core.evaluation.weighted_metrics import WeightedMetric, bind_metric, measure_rows

# Weights held at once. What fits the processor's cache is several times faster than what does not.
CELLS = 125_000
# Of more rows, a seeded choice of so many is resampled; its standard error shrinks to that of all rows by sqrt(n).
MAX_ROWS = 200_000
# More resamples than this in which the metric can't be computed: the rest would be a biased choice.
MAX_UNUSABLE = 0.1


@dataclass(frozen=True)
class Interval:
    """A value with its two-sided interval, its standard error and the degrees of freedom; NaN where unknown.

    `design_effect`: how many times the variance is what independent rows would give; NaN where that was not asked for.
    """

    value: float
    low: float
    high: float
    error: float
    freedom: float
    design_effect: float = math.nan

    def prove_below(self, limit: float) -> float:
        """One-sided p-value of "the true value lies below `limit`"; NaN where the error is unknown."""
        if not math.isfinite(self.value) or not math.isfinite(self.error):
            return math.nan
        if self.error == 0:
            return 0.0 if self.value < limit else 1.0
        return float(stdtr(self.freedom, (self.value - limit) / self.error))


@dataclass(frozen=True)
class Resampling:
    """How often what is drawn, and how sure the interval is to be.

    `groups`, shape (rows,): whole groups are drawn instead of rows, for rows of a group that are alike.
    `clusters`, shape (rows,): rows are drawn, and where rows of a cluster turn out to be alike the interval is wider.
    """

    resamples: int
    confidence: float
    seed: int
    groups: np.ndarray | None = None
    clusters: np.ndarray | None = None


def choose_resampling(gate: Gate, days: np.ndarray, resamples: int, seed: int) -> Resampling:
    """How gate.resample has rows drawn; `days` is the day of each, shape (rows,)."""
    groups = days if gate.resample == "partitions" else None
    clusters = days if gate.resample == "auto" else None
    return Resampling(resamples, gate.confidence, seed, groups, clusters)


def bootstrap_metric(metric: str, target: np.ndarray, predicted: np.ndarray, how: Resampling) -> Interval:
    """The metric of predictions (float64, shape (rows,)) with its interval. See bootstrap_gain for the rest."""
    value = measure_rows(metric, target, predicted)
    if not math.isfinite(value):
        return _unknown(value)
    chosen = _choose_rows((target, predicted), how.groups, how.seed)
    compute = bind_metric(metric, target[chosen], predicted[chosen])
    return _find_interval(value, compute, chosen, len(target), how)


def bootstrap_gain(
    metric: str, target: np.ndarray, candidate: np.ndarray, champion: np.ndarray, how: Resampling
) -> Interval:
    """How much better the candidate's predictions are than the champion's, in the metric's unit; paired.

    Both are measured on the same drawn rows, so what makes rows hard for both cancels out. The order of the rows does
    not matter. A value that can't be computed, or more than a tenth of the resamples in which it can't: NaN bounds.
    """
    value = gain(metric, measure_rows(metric, target, candidate), measure_rows(metric, target, champion))
    if not math.isfinite(value):
        return _unknown(value)
    chosen = _choose_rows((target, candidate, champion), how.groups, how.seed)
    ours, theirs = (bind_metric(metric, target[chosen], scores[chosen]) for scores in (candidate, champion))
    # The sign of a difference does not change its spread.
    return _find_interval(value, lambda weights: ours(weights) - theirs(weights), chosen, len(target), how)


def _find_interval(value: float, compute: WeightedMetric, chosen: np.ndarray, rows: int, how: Resampling) -> Interval:
    """From the `chosen` ones of `rows` rows."""
    spread = _measure_spread(compute, _draw(chosen, how)) * math.sqrt(len(chosen) / rows)
    units = rows if how.groups is None else len(np.unique(how.groups))
    found = make_interval(value, spread, units, how.resamples, how.confidence)
    return found if how.clusters is None else widen_by_clusters(found, compute, how.clusters[chosen], how.confidence)


def widen_by_clusters(found: Interval, compute: WeightedMetric, clusters: np.ndarray, confidence: float) -> Interval:
    """The interval for rows that may be alike within `clusters`, shape (rows,); never narrower than `found`.

    The standard error is the larger of the rows' and the clusters': that of the jackknife that leaves out one cluster
    at a time, which is not too small even for few clusters of unequal size (MacKinnon et al. 2023, CV3). The degrees of
    freedom are one less than the clusters, counted by their share of the rows (Carter, Schnepel and Steigerwald,
    Asymptotic Behavior of a t-Test Robust to Cluster Heterogeneity, Review of Economics and Statistics 99, 2017).
    """
    codes = np.unique(clusters, return_inverse=True)[1]
    error = find_jackknife_error(_leave_out(compute, codes))
    if not math.isfinite(error) or not math.isfinite(found.error):
        return _unknown(found.value)
    freedom, widest = min(found.freedom, count_freedom(codes)), max(error, found.error)
    reach = float(stdtrit(freedom, (1 + confidence) / 2)) * widest
    effect = (error / found.error) ** 2 if found.error else 1.0
    return Interval(found.value, found.value - reach, found.value + reach, widest, freedom, effect)


def count_freedom(codes: np.ndarray) -> float:
    """Degrees of freedom of clusters numbered from 0: unequal ones count for fewer; at least 1.

    >>> count_freedom(np.array([0, 0, 1, 1, 2, 2]))
    2.0
    """
    sizes = np.bincount(codes)
    return max(1.0, float(sizes.sum() ** 2 / np.square(sizes).sum() - 1))


def find_jackknife_error(left_out: np.ndarray) -> float:
    """The standard error from the values without each cluster, shape (clusters,); NaN with one, or where one is NaN.

    >>> round(find_jackknife_error(np.array([0.70, 0.74, 0.72])), 4)
    0.0231
    """
    count = len(left_out)
    return math.sqrt((count - 1) / count * np.square(left_out - left_out.mean()).sum()) if count > 1 else math.nan


def _leave_out(compute: WeightedMetric, codes: np.ndarray) -> np.ndarray:
    """The value without each cluster."""
    count, size = int(codes.max()) + 1, max(1, CELLS // len(codes))
    chunks = (np.arange(start, min(start + size, count)) for start in range(0, count, size))
    return np.concatenate([compute((codes[:, None] != chunk).astype(np.float64)) for chunk in chunks])


def draw_weights(rows: int, resamples: int, seed: int, groups: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """How often each row was drawn, in chunks of resamples: float64 of shape (rows, resamples of the chunk).

    >>> weights = next(draw_weights(rows=4, resamples=2, seed=1))
    >>> weights.shape
    (4, 2)
    >>> weights.sum(axis=0)
    array([4., 4.])
    """
    generator = np.random.default_rng(seed)
    codes = None if groups is None else np.unique(groups, return_inverse=True)[1]
    units = rows if codes is None else int(codes.max()) + 1
    chunk = max(1, CELLS // rows)
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        cells = generator.integers(0, units, size=(units, size))
        cells *= size
        cells += np.arange(size)
        counts = np.bincount(cells.ravel(), minlength=units * size).reshape(units, size).astype(np.float64)
        yield counts if codes is None else counts[codes]


def make_interval(value: float, spread: float, units: int, resamples: int, confidence: float) -> Interval:
    """The value plus and minus Student's t times the standard error, of `units` drawn rows or groups.

    `spread`, the standard deviation over resamples, is too narrow by sqrt((units - 1) / units), and so are normal
    quantiles; both are corrected: Hesterberg (2015), section 4. It is itself an estimate from `resamples` values, so
    these limit the degrees of freedom too. How it does beside the percentile and BCa intervals (Efron and Tibshirani,
    chapters 13 and 14): `benchmarks/interval_coverage.py`.

    >>> found = make_interval(0.1, spread=0.02, units=100, resamples=200, confidence=0.95)
    >>> round(found.low, 3), round(found.high, 3)
    (0.06, 0.14)
    """
    if units < 2 or not math.isfinite(spread):
        return _unknown(value)
    error = spread * math.sqrt(units / (units - 1))
    freedom = min(units, resamples) - 1
    reach = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    return Interval(value, value - reach, value + reach, error, freedom)


def _choose_rows(columns: tuple[np.ndarray, ...], groups: np.ndarray | None, seed: int) -> np.ndarray:
    """Positions of the rows to resample, in an order that depends only on what the rows hold.

    So the same seed draws the same rows, in whatever order they come. Groups are never cut.
    """
    keys = columns if groups is None else (groups, *columns)
    order = np.lexsort(keys[::-1])
    if groups is not None or len(order) <= MAX_ROWS:
        return order
    return order[np.sort(np.random.default_rng(seed).choice(len(order), MAX_ROWS, replace=False))]


def _draw(chosen: np.ndarray, how: Resampling) -> Iterator[np.ndarray]:
    return draw_weights(len(chosen), how.resamples, how.seed, None if how.groups is None else how.groups[chosen])


def _measure_spread(compute: WeightedMetric, draws: Iterator[np.ndarray]) -> float:
    """The standard deviation over the resamples; NaN where too many of them can't be computed."""
    values = np.concatenate([compute(weights) for weights in draws])
    usable = values[np.isfinite(values)]
    return float(np.std(usable, ddof=1)) if len(usable) >= (1 - MAX_UNUSABLE) * len(values) else math.nan


def _unknown(value: float) -> Interval:
    return Interval(value, math.nan, math.nan, math.nan, 0)
