"""Which settings a search tries: points of the estimators' grids, with and without weighing the classes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from nightshift.config.pipeline import PipelineSpec
from nightshift.config.sections.training import Estimator
from nightshift.core.estimators.kinds import list_parameters
from nightshift.extension.tasks import find_task

# With a rarer class than this, settings that weigh the classes alike compete as well.
RARE_SHARE = 0.2
_BALANCED = {"class_weight": "balanced"}


@dataclass(frozen=True)
class Setting:
    """One point of the search."""

    kind: str
    parameters: dict[str, Any]


def choose_settings(spec: PipelineSpec, target: np.ndarray) -> list[Setting]:
    """`training.trials` settings, or as many as it takes to try the defaults of every estimator.

    Where one class is rare, each competes with and without weighing the classes, so there are half as many points.
    """
    training = spec.training
    weights = list_weights(spec, target)
    settings = list_settings(training.estimators, training.trials // len(weights), training.seed)
    chosen = [_weigh(setting, weight, spec.task) for setting in settings for weight in weights]
    return [setting for number, setting in enumerate(chosen) if setting not in chosen[:number]]


def list_weights(spec: PipelineSpec, target: np.ndarray) -> tuple[dict[str, str], ...]:
    """The parameters that handle a rare class, each to be tried with every setting."""
    imbalance = spec.training.imbalance
    if not find_task(spec.task).decides or imbalance == "none":
        return ({},)
    if imbalance == "balanced":
        return (_BALANCED,)
    share = float(np.mean(target))
    return ({}, _BALANCED) if min(share, 1 - share) < RARE_SHARE else ({},)


def _weigh(setting: Setting, weight: dict[str, str], task: str) -> Setting:
    """The setting's own word on the classes' weights counts more; a kind that has no such parameter stays as it is."""
    known = {name: value for name, value in weight.items() if name in list_parameters(setting.kind, task)}
    return Setting(setting.kind, {**known, **setting.parameters})


def list_settings(estimators: Sequence[Estimator], trials: int, seed: int) -> list[Setting]:
    """Every estimator's defaults first, then points of the grids, shuffled and in turn."""
    generator = np.random.default_rng(seed)
    grids: list[Iterator[Setting]] = []
    for estimator in estimators:
        points = [
            Setting(estimator.kind, dict(zip(estimator.search, values, strict=True)))
            for values in product(*estimator.search.values())
        ]
        order: list[int] = generator.permutation(len(points)).tolist() if estimator.search else []
        grids.append(iter([Setting(estimator.kind, {}), *(points[i] for i in order)]))
    return _take_in_turn(grids, max(trials, len(estimators)))


def _take_in_turn(grids: list[Iterator[Setting]], count: int) -> list[Setting]:
    taken: list[Setting] = []
    while grids and len(taken) < count:
        for grid in list(grids):
            setting = next(grid, None)
            if setting is None:
                grids.remove(grid)
            elif len(taken) < count:
                taken.append(setting)
    return taken
