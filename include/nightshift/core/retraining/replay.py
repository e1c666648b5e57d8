"""A replay's policies, and what comes out of one: a record per night, and their sum."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np

from nightshift.config.days import list_days
from nightshift.config.horizons import list_season_days
from nightshift.config.pipeline import PipelineSpec
from nightshift.core.evaluation.metrics import gain, measure
from nightshift.core.features.build import list_lookback
from nightshift.core.training.splits import choose_window
from nightshift.extension.metrics import METRICS

Policy = Literal["nightshift", "never", "always", "weekly"]
POLICIES: tuple[Policy, ...] = ("nightshift", "never", "always", "weekly")


@dataclass(frozen=True)
class Span:
    """What is replayed, and what the champion of the first night was trained on."""

    first: date
    last: date
    train_from: date
    train_to: date

    @property
    def nights(self) -> list[date]:
        """Every night that is replayed."""
        return list_days(self.first, self.last)


@dataclass(frozen=True)
class Trained:
    """One training: its version and what the gate said. No version where it stopped before there was one."""

    version: int | None
    decision: str
    promoted: bool
    reason: str
    seconds: float


@dataclass(frozen=True)
class Night:
    """One replayed night. What the policy did not look at is None."""

    date: date
    champion: int | None
    decision: Literal["retrain", "wait", "none"]
    reason: str = ""
    drifted: bool | None = None
    drift_share: float | None = None
    prediction_score: float | None = None
    drift_reason: str = ""
    trained: Trained | None = None
    seconds: float = 0.0
    problem: str = ""
    rows: int = 0
    metric: float | None = None

    def to_record(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "date": str(self.date)}


def choose_span(spec: PipelineSpec, first: date, last: date, train_from: date | None, train_to: date | None) -> Span:
    """The first model's window ends, unless said otherwise, with what was known on the morning of the first night.

    ValueError where the days contradict each other, or the pipeline's start leaves nothing to train on.
    """
    if first > last:
        raise ValueError(f"--to {last} is before --from {first}")
    window = (first - timedelta(days=1), spec.label.available_after_days, spec.training.window_days)
    start, end = choose_window(*window, train_from, train_to)
    if end < spec.start:
        raise ValueError(
            f"the data start on {spec.start}, so nothing can be learnt before {first}; choose a later --from"
        )
    return Span(first, last, max(start, spec.start), end)


def list_ingested(spec: PipelineSpec, span: Span, retrains: bool) -> list[date]:
    """Every partition that the replay reads, in order: those of the trainings, and what features look back at."""
    starts = [span.train_from]
    if retrains:
        starts.append(
            choose_window(span.first, spec.label.available_after_days, spec.training.window_days, None, None)[0]
        )
    days: set[date] = set()
    for start, end in zip(starts, (span.train_to, span.last), strict=False):
        days.update(list_days(start, end))
    days.update(span.nights)
    for start in (*starts, span.first):
        days.update(list_lookback(spec, start))
    if spec.drift.reference == "season":
        days.update(list_season_days(span.first, span.last))
    return sorted(day for day in days if day >= spec.start)


def decide_by_calendar(policy: Policy, span: Span, night: date) -> bool:
    """What a policy that looks at nothing does."""
    if policy == "weekly":
        return (night - span.first).days % 7 == 6
    return policy == "always"


@dataclass(frozen=True)
class Total:
    """The metric over all nights: of all rows together, and as the mean of the nights, weighted by rows.

    They differ where days do: scores that only tell good days from bad ones raise the first, those that order the rows
    of a day the second.
    """

    pooled: float
    mean_of_days: float

    def choose(self, metric: str) -> float:
        """What policies are compared by: scores of different models have no common scale to order rows of days by."""
        return self.mean_of_days if METRICS.find(metric).ranks else self.pooled


def sum_up_metric(metric: str, targets: Sequence[np.ndarray], predicted: Sequence[np.ndarray]) -> Total:
    """Over all nights; NaN where there is none."""
    if not targets:
        return Total(math.nan, math.nan)
    values = np.array([measure(metric, *pair) for pair in zip(targets, predicted, strict=True)])
    rows = np.array([len(target) for target in targets], dtype=float)
    usable = np.isfinite(values)
    mean = float(np.average(values[usable], weights=rows[usable])) if usable.any() else math.nan
    return Total(measure(metric, np.concatenate(targets), np.concatenate(predicted)), mean)


def measure_recovered(metric: str, ours: float, never: float, always: float) -> float | None:
    """The share of what always retraining gains over never; None where it gains nothing.

    >>> measure_recovered("rmse", ours=4.0, never=5.0, always=3.0)
    0.5
    """
    gained = gain(metric, always, never)
    return gain(metric, ours, never) / gained if math.isfinite(gained) and gained > 0 else None
