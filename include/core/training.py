"""A seeded search over the configured estimators on time-ordered folds, then one fit of the best setting."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from include.config.learning import Estimator
from include.config.pipeline import PipelineSpec
from include.core.estimators import make_model, predict_scores
from include.core.evaluation import HIGHER_IS_BETTER, measure
from include.core.splits import make_folds


@dataclass(frozen=True)
class Setting:
    """One point of the search."""

    kind: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """A setting and what it reached: the metric's mean over the folds, NaN where it failed."""

    setting: Setting
    value: float
    failure: str = ""


@dataclass(frozen=True)
class Fitted:
    """The fitted model, how it was chosen, and every trial."""

    model: Any
    setting: Setting
    trials: tuple[Trial, ...]


def list_settings(estimators: Sequence[Estimator], trials: int, seed: int) -> list[Setting]:
    """Which settings to try: every estimator's defaults first, then points of the grids, shuffled and in turn."""
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


def tune_and_fit(
    rows: pd.DataFrame,
    target: np.ndarray,
    days: np.ndarray,
    spec: PipelineSpec,
    report: Callable[[Trial], None] = lambda trial: None,
) -> Fitted:
    """Search, then fit the best setting on all `rows`; `days` is the day of each. The same input gives the same model.

    ValueError where every trial failed, with the reason of the first.
    """
    folds = make_folds(days, spec.training.folds)
    trials = []
    for setting in list_settings(spec.training.estimators, spec.training.trials, spec.training.seed):
        trial = try_setting(setting, rows, target, folds, spec)
        report(trial)
        trials.append(trial)
    best = choose_trial(trials, spec.training.metric)
    model = _make(best.setting, spec).fit(rows[list(spec.features.names)], target)
    return Fitted(model, best.setting, tuple(trials))


def choose_trial(trials: Sequence[Trial], metric: str) -> Trial:
    """The best trial; the earlier one where two are equal."""
    usable = [trial for trial in trials if np.isfinite(trial.value)]
    if not usable:
        raise ValueError(f"no setting could be fitted and judged; the first failed with: {trials[0].failure}")
    sign = 1 if metric in HIGHER_IS_BETTER else -1
    return max(usable, key=lambda trial: sign * trial.value)


def try_setting(
    setting: Setting,
    rows: pd.DataFrame,
    target: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    spec: PipelineSpec,
) -> Trial:
    """The metric's mean over the folds. A setting that scikit-learn refuses is a failed trial, not an error."""
    features = rows[list(spec.features.names)]
    values = []
    try:
        for train, validate in folds:
            model = _make(setting, spec).fit(features.iloc[train], target[train])
            predicted = predict_scores(model, spec.task, features.iloc[validate])
            values.append(measure(spec.training.metric, target[validate], predicted))
    except (ValueError, TypeError) as error:
        return Trial(setting, float("nan"), str(error))
    usable = [value for value in values if np.isfinite(value)]
    if not usable:
        return Trial(setting, float("nan"), "the metric could not be computed on any fold")
    return Trial(setting, float(np.mean(usable)))


def _make(setting: Setting, spec: PipelineSpec) -> Any:
    features = spec.features
    return make_model(
        setting.kind, spec.task, features.numeric, features.categorical, setting.parameters, spec.training.seed
    )


def sample_rows(count: int, most: int, seed: int) -> np.ndarray:
    """Positions of at most `most` of `count` rows, seeded, in their order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=most, replace=False))
