"""The evaluation part of a model card: every metric with its interval, calibration, and decisions at the threshold."""

import math
from typing import Any

import numpy as np
from scipy.special import ndtri

from nightshift.config.pipeline import PipelineSpec
from nightshift.core.cards.card_inputs import HeldOut, KnownModel
from nightshift.core.cards.gate import list_rules
from nightshift.core.evaluation.bootstrap import bootstrap_metric, choose_resampling
from nightshift.core.evaluation.calibration_error import expected_calibration_error, reliability
from nightshift.core.evaluation.metrics import is_higher_better
from nightshift.core.gate.rule import find_figures
from nightshift.extension.tasks import find_task

# An interval from a standard error needs no more: Efron and Tibshirani (1993), section 6.4.
RESAMPLES = 200
BINS = 10


def measure_evaluation(known: KnownModel) -> dict[str, Any]:
    """Rows, how the intervals were made, and the metrics."""
    spec, held_out = known.config.spec, known.held_out
    return {
        "rows": len(held_out.target),
        "days": len(np.unique(held_out.days)),
        "confidence": spec.gate.confidence,
        "resampled": spec.gate.resample,
        "problem": held_out.problem or None,
        "metrics": [_measure_metric(name, known) for name in spec.metrics],
    }


def _measure_metric(metric: str, known: KnownModel) -> dict[str, Any]:
    """The recorded value, its interval, and the values that it stands beside."""
    spec, recorded = known.config.spec, known.version["metrics"]
    judged = metric == spec.training.metric
    low, high = _find_interval(metric, spec, known.held_out)
    return {
        "metric": metric,
        "judged": judged,
        "better": "higher" if is_higher_better(metric) else "lower",
        "value": recorded.get(metric),
        "low": low,
        "high": high,
        "baseline": recorded.get("baseline", {}).get(metric),
        "champion": find_figures(list_rules(known.decision), "champion").get("champion") if judged else None,
        "train": recorded.get("train", {}).get(metric),
    }


def _find_interval(metric: str, spec: PipelineSpec, held_out: HeldOut) -> tuple[float | None, float | None]:
    if held_out.predicted is None:
        return None, None
    how = choose_resampling(spec.gate, held_out.days, RESAMPLES, spec.training.seed)
    interval = bootstrap_metric(metric, held_out.target, held_out.predicted, how)
    return interval.low, interval.high


def measure_calibration(spec: PipelineSpec, held_out: HeldOut) -> dict[str, Any] | None:
    """Classification: the reliability diagram with Wilson intervals. Regression: observed against predicted."""
    if held_out.predicted is None or not np.isfinite(held_out.predicted).all():
        return None
    if not find_task(spec.task).decides:
        return {"kind": "values", "error": None, "bins": bin_values(held_out.target, held_out.predicted)}
    bins = []
    for found in reliability(held_out.target, held_out.predicted, BINS):
        low, high = wilson_interval(found["observed"], found["rows"], spec.gate.confidence)
        bins.append({**found, "observed_low": low, "observed_high": high})
    error = expected_calibration_error(held_out.target, held_out.predicted, BINS)
    return {"kind": "probabilities", "error": error, "bins": bins}


def bin_values(target: np.ndarray, predicted: np.ndarray, bins: int = BINS) -> list[dict[str, float]]:
    """Bins of about equally many rows in order of prediction: mean prediction, mean and 10 to 90 % of the outcomes."""
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(bins, len(predicted)))
    return [
        {
            "low": float(predicted[part].min()),
            "high": float(predicted[part].max()),
            "predicted": float(predicted[part].mean()),
            "observed": float(target[part].mean()),
            "observed_low": float(np.quantile(target[part], 0.1)),
            "observed_high": float(np.quantile(target[part], 0.9)),
            "rows": len(part),
        }
        for part in parts
    ]


def wilson_interval(share: float, rows: float, confidence: float) -> tuple[float, float]:
    """The interval of a share of `rows` rows; Wilson, Journal of the American Statistical Association 22 (1927).

    >>> [round(bound, 3) for bound in wilson_interval(0.5, rows=100, confidence=0.95)]
    [0.404, 0.596]
    """
    if not rows or not math.isfinite(share):
        return math.nan, math.nan
    z = float(ndtri((1 + confidence) / 2))
    centre = share + z * z / (2 * rows)
    reach = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def count_decisions(held_out: HeldOut, threshold: float | None, confidence: float) -> dict[str, Any] | None:
    """The confusion figures at the threshold, and the shares that follow with their Wilson intervals."""
    if threshold is None or held_out.predicted is None:
        return None
    decided, positive = held_out.predicted >= threshold, held_out.target == 1
    counts = {
        "true_positive": int((decided & positive).sum()),
        "false_positive": int((decided & ~positive).sum()),
        "false_negative": int((~decided & positive).sum()),
        "true_negative": int((~decided & ~positive).sum()),
    }
    hits = counts["true_positive"]
    shares = [
        _describe_share("precision", hits, int(decided.sum()), confidence),
        _describe_share("recall", hits, int(positive.sum()), confidence),
        _describe_share("specificity", counts["true_negative"], int((~positive).sum()), confidence),
        _describe_share("decided true", int(decided.sum()), len(decided), confidence),
        _describe_share("truly positive", int(positive.sum()), len(positive), confidence),
    ]
    return {"counts": counts, "shares": shares}


def _describe_share(name: str, part: int, whole: int, confidence: float) -> dict[str, Any]:
    share = part / whole if whole else math.nan
    low, high = wilson_interval(share, whole, confidence)
    return {"name": name, "value": share, "low": low, "high": high, "of": whole}
