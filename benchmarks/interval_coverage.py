"""Which bootstrap interval holds what it promises? The shipped one, the percentile interval and BCa, side by side.

`PYTHONPATH=include:. python benchmarks/interval_coverage.py [--repeats N]` prints the table of
docs/explanation/gate.md: how often the 95 % interval of a paired gain misses the true gain. 5 % is what it should be;
more is a promise not kept.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from benchmarks.gate_decisions import METRICS, draw_rows, draw_truth, find_noise, predict_candidate
from nightshift.core.evaluation.bootstrap import draw_weights, make_interval
from nightshift.core.evaluation.metrics import is_higher_better
from nightshift.core.evaluation.weighted_metrics import WeightedMetric, bind_metric

CONFIDENCE = 0.95
RESAMPLES = 1_000
SIZES = (200, 1_000)
# Of margins: unequal models, so that the gain is not symmetric around 0.
BETTER = 2.0
KINDS = ("t (shipped)", "percentile", "BCa")


def bind_gain(metric: str, target: np.ndarray, candidate: np.ndarray, champion: np.ndarray) -> WeightedMetric:
    """The gain as a function of weights."""
    sign = 1.0 if is_higher_better(metric) else -1.0
    ours, theirs = bind_metric(metric, target, candidate), bind_metric(metric, target, champion)
    return lambda weights: sign * (ours(weights) - theirs(weights))


def find_bca_shares(values: np.ndarray, value: float, left_out: np.ndarray) -> list[float]:
    """Which quantiles BCa takes: Efron and Tibshirani (1993), equations 14.10 to 14.15."""
    bias = ndtri(np.clip((values < value).mean(), 1e-3, 1 - 1e-3))
    apart = left_out.mean() - left_out
    acceleration = (apart**3).sum() / (6 * ((apart**2).sum()) ** 1.5)
    normal = [bias + ndtri(share) for share in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)]
    return [float(ndtr(bias + z / (1 - acceleration * z))) for z in normal]


def make_intervals(compute: WeightedMetric, rows: int, seed: int) -> list[tuple[float, float]]:
    """One interval per kind."""
    value = float(compute(np.ones((rows, 1)))[0])
    values = np.concatenate([compute(weights) for weights in draw_weights(rows, RESAMPLES, seed)])
    left_out = compute(1 - np.eye(rows))
    shipped = make_interval(value, float(np.std(values, ddof=1)), rows, RESAMPLES, CONFIDENCE)
    shares = [[(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], find_bca_shares(values, value, left_out)]
    others = [np.quantile(values, share) for share in shares]
    return [(shipped.low, shipped.high), *((float(low), float(high)) for low, high in others)]


def count_misses(task: str, metric: str, rows: int, repeats: int) -> list[float]:
    """Per kind, the share of intervals that do not hold the true gain."""
    truth = draw_truth(task)
    own = find_noise(task, metric, BETTER)
    candidate = predict_candidate(task, truth, own)
    true = bind_gain(metric, truth.target, candidate, truth.champion)(np.ones((len(truth.target), 1)))[0]
    missed = np.zeros(len(KINDS))
    for number in range(repeats):
        drawn = draw_rows(task, rows, np.random.default_rng([4, number]))
        compute = bind_gain(metric, drawn.target, predict_candidate(task, drawn, own), drawn.champion)
        missed += [not low <= true <= high for low, high in make_intervals(compute, rows, number)]
    print(f"{metric} {rows}: done", file=sys.stderr)
    return list(missed / repeats)


def write_row(cells: Sequence[str]) -> str:
    """As Markdown."""
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=2_000, help="simulated comparisons per line")
    repeats = parser.parse_args().repeats
    print(write_row(["metric", "rows", "n", *KINDS]), write_row(["---"] * (3 + len(KINDS))), sep="\n")
    for task, metric in METRICS:
        for rows in SIZES:
            many = repeats if rows == SIZES[0] else repeats // 4
            shares = count_misses(task, metric, rows, many)
            print(write_row([metric, str(rows), str(many), *(f"{share:.1%}" for share in shares)]))


if __name__ == "__main__":
    main()
