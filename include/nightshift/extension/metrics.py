"""The record of a metric. What ships is registered in core/evaluation/shipped.py."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightshift.extension.registry import Registry
from nightshift.extension.tasks import find_task

if TYPE_CHECKING:
    import numpy as np

    Measure = Callable[[np.ndarray, np.ndarray], float]
    WeightedMetric = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Metric:
    """How good predictions are, as one number.

    `function(target, predicted)`: both float64 of shape (rows,), without NaN; `predicted` are scores as the task makes
    them: probabilities of the positive class, or values. The rest is optional:

    - `bind(target, predicted)` gives the metric as a function of the rows' weights, float64 of shape (rows, weightings)
      -> shape (weightings,), NaN where it can't be computed. A bootstrap asks for a thousand weightings; without it,
      every resample is measured by `function`, which gives the same and takes longer.
    - `losses(target, predicted)`, shape (rows,), larger is worse: to find groups that a model does badly in. Without
      it, the squared error.
    - `estimate(predicted)`: its expected value before outcomes are known, from calibrated probabilities.
    - `needs_variation`: it can't be computed where all outcomes are equal.
    - `standard`: it is measured for every pipeline of its tasks; else for those alone that name it in `training.metric`
      or `gate.floors`.
    - `ranks`: it looks at the order of the scores alone, so a replay takes its mean over days instead of joining the
      scores of different models.
    """

    name: str
    tasks: tuple[str, ...]
    function: Measure
    higher_is_better: bool = False
    needs_variation: bool = False
    ranks: bool = False
    standard: bool = False
    title: str = ""
    bind: Callable[[np.ndarray, np.ndarray], WeightedMetric] | None = None
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    estimate: Callable[[np.ndarray], float] | None = None

    @property
    def label(self) -> str:
        """What pages call it: the title, or the name where it has none."""
        return self.title or self.name


# What a version's metrics and a day's figures hold besides: a metric of that name would overwrite it.
RESERVED = frozenset(
    {"train", "baseline", "holdout_rows", "importance", "alone", "decision", "reference_rows", "calibration"}
    | {"searched_to", "calibration_refused", "rows", "without_outcome", "model_version"}
)
METRICS: Registry[Metric] = Registry("metric", "nightshift.core.evaluation.shipped", reserved=RESERVED)


def list_metrics(task: str) -> tuple[str, ...]:
    """The names of the task's metrics."""
    known = find_task(task).name
    return tuple(metric.name for metric in METRICS if known in metric.tasks)


def choose_metrics(task: str, named: Collection[str]) -> tuple[str, ...]:
    """The names of what is measured for a pipeline of the task that names these: they, and what is standard."""
    return tuple(name for name in list_metrics(task) if name in named or METRICS.find(name).standard)
