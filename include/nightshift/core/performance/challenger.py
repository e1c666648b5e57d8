"""Challenger against champion on outcomes that came in: better, worse, or not to be told apart yet."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nightshift.config.sections.gate import Gate
from nightshift.core.evaluation.bootstrap import Interval, bootstrap_gain, choose_resampling
from nightshift.core.evaluation.metrics import measure

Verdict = Literal["better", "worse", "unclear"]


@dataclass(frozen=True)
class Pairs:
    """What both said of the same rows and what came of them: float64 of shape (rows,), days as datetime64[D]."""

    target: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray
    days: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """The metric of both, the gain (positive where the challenger is better) with its interval, and the verdict."""

    rows: int
    challenger: float
    champion: float
    gain: Interval
    verdict: Verdict


def compare_pairs(pairs: Pairs, metric: str, gate: Gate, seed: int) -> Comparison:
    """A paired bootstrap with the gate's own settings; its source is named in core/evaluation/bootstrap.py."""
    how = choose_resampling(gate, pairs.days, gate.resamples, seed)
    gain = bootstrap_gain(metric, pairs.target, pairs.challenger, pairs.champion, how)
    rows = len(pairs.target)
    return Comparison(
        rows=rows,
        challenger=measure(metric, pairs.target, pairs.challenger),
        champion=measure(metric, pairs.target, pairs.champion),
        gain=gain,
        verdict=judge_gain(gain, rows, gate.min_rows),
    )


def judge_gain(gain: Interval, rows: int, min_rows: int) -> Verdict:
    """Better or worse only where the whole interval says so, and there are rows enough to believe it."""
    if rows < min_rows or not (math.isfinite(gain.low) and math.isfinite(gain.high)):
        return "unclear"
    if gain.low > 0:
        return "better"
    return "worse" if gain.high < 0 else "unclear"
