"""Two models on the same held-out rows: the paired bootstrap as the section `gate` configures it."""

import numpy as np

from nightshift.config.sections.gate import Gate
from nightshift.core.evaluation.bootstrap import Interval, bootstrap_gain, choose_resampling
from nightshift.core.gate.case import GateCase

# A standard error needs no more than 50 to 200 resamples: Efron and Tibshirani (1993), section 6.4. So what is compared
# beside the champion on all rows, the baseline and each slice, gets a fifth of gate.resamples, at least 200.
FEWER = 5
FEWEST = 200
# Fewer days say too little about how days differ, whatever number of rows they have. Whole days need more to be drawn
# from than Student's t needs to make up for: how often each is right stands in docs/explanation/gate.md.
MIN_DAYS = {"rows": 0, "auto": 5, "partitions": 10}


def has_enough_days(gate: Gate, days: np.ndarray) -> bool:
    """Whether gate.resample can say from these days how sure a gain is."""
    return len(np.unique(days)) >= MIN_DAYS[gate.resample]


def compare(
    case: GateCase, ours: np.ndarray, theirs: np.ndarray, *, resamples: int, within: np.ndarray | None = None
) -> Interval:
    """The gain of `ours` over `theirs` on the held-out rows, or on those in the mask `within`."""
    evidence = case.evidence
    chosen = np.ones(len(evidence.target), dtype=bool) if within is None else within
    days = evidence.days[chosen]
    how = choose_resampling(case.gate, days, resamples, case.seed)
    found = bootstrap_gain(case.metric, evidence.target[chosen], ours[chosen], theirs[chosen], how)
    return found if has_enough_days(case.gate, days) else Interval(found.value, np.nan, np.nan, np.nan, 0)


def count_fewer(gate: Gate) -> int:
    """The resamples of a comparison that is one of several."""
    return max(FEWEST, gate.resamples // FEWER)


def show_interval(found: Interval) -> dict[str, float]:
    """As figures of a rule."""
    figures = {"gain": found.value, "gain_low": found.low, "gain_high": found.high}
    return figures if np.isnan(found.design_effect) else {**figures, "design_effect": found.design_effect}


def format_interval(found: Interval, gate: Gate) -> str:
    """As text."""
    return f"{gate.confidence:.0%} interval {found.low:+.4f} to {found.high:+.4f}"


def explain_unknown(days: np.ndarray, gate: Gate, metric: str) -> str:
    """Why a comparison on rows of these days has no interval, and what to do."""
    count = len(np.unique(days))
    if not has_enough_days(gate, days):
        return (
            f"{count} held-out days, and gate.resample: {gate.resample} needs {MIN_DAYS[gate.resample]} to tell how "
            "far days differ; raise training.holdout_days, or set gate.resample: rows where days have nothing in common"
        )
    return f"{metric} can't be computed, or not often enough to say how sure it is; hold out more rows"
