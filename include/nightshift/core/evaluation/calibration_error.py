"""How far predicted probabilities are from what came true."""

from typing import Any

import numpy as np


def expected_calibration_error(target: np.ndarray, predicted: np.ndarray, bins: int = 10) -> float:
    """The mean distance between predicted and observed share over bins, weighted by rows; NaN without rows.

    M. Naeini, G. Cooper, M. Hauskrecht: Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015; with
    bins of equal mass as in J. Nixon et al.: Measuring Calibration in Deep Learning, 2019.

    >>> target, predicted = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.1, 0.6, 0.6])
    >>> round(expected_calibration_error(target, predicted), 3)
    0.25
    """
    table = reliability(target, predicted, bins)
    if not table:
        return float("nan")
    return sum(line["rows"] * abs(line["observed"] - line["predicted"]) for line in table) / len(target)


def reliability(target: np.ndarray, predicted: np.ndarray, bins: int = 10) -> list[dict[str, Any]]:
    """Per bin of predictions: low and high end, mean prediction, observed share of positives, rows.

    At most `bins` bins of equal mass; equal predictions share a bin, or the order of the rows would matter.
    """
    if not len(predicted):
        return []
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, bins + 1)[1:-1]))
    index = np.searchsorted(edges, predicted, side="right")
    table = []
    for number in np.unique(index):
        inside = index == number
        scores = predicted[inside]
        table.append(
            {
                "low": float(scores.min()),
                "high": float(scores.max()),
                "predicted": float(scores.mean()),
                "observed": float(target[inside].mean()),
                "rows": int(inside.sum()),
            }
        )
    return table
