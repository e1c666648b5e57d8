"""Seeded successive halving on time-ordered folds: many settings see few rows, the best of them see all.

K. Jamieson, A. Talwalkar: Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, product
from math import ceil
from time import perf_counter

import numpy as np
import pandas as pd

from nightshift.config.pipeline import PipelineSpec
from nightshift.core.estimators.kinds import ROWS_FOR_THREADS, fit_model, make_model, predict_scores
from nightshift.core.evaluation.metrics import is_higher_better, measure
from nightshift.core.training.calibration import Block
from nightshift.core.training.search_space import Setting
from nightshift.extension.tasks import find_task
from nightshift.prefetch import prefetch_map

# Positions of the rows to fit on and of the rows to validate on.
Fold = tuple[np.ndarray, np.ndarray]
# Of a trial that ended, and where in the search that is.
Report = Callable[["Trial", str], None]

MIN_FOLD_ROWS = 200


@dataclass(frozen=True)
class Trial:
    """A setting and what it reached in one round, `rung`.

    `value` is the mean of `fold_values`, without the folds whose metric can't be computed; NaN where it failed.
    `rows`: fitted on, at most, in one fold. `seconds`: of all folds, one after the other.
    """

    number: int
    rung: int
    setting: Setting
    rows: int
    value: float
    fold_values: tuple[float, ...]
    seconds: float
    failure: str = ""


@dataclass(frozen=True)
class FoldTrial:
    """A setting fitted on so many rows of one fold: what it predicts there, or why it can't."""

    rows: int
    block: Block | None
    seconds: float
    failure: str = ""


@dataclass(frozen=True)
class Found:
    """How a search ended: every trial in order, the best one, and its out-of-fold predictions, a block per fold."""

    trials: tuple[Trial, ...]
    best: Trial
    blocks: tuple[Block, ...]


def search_settings(
    settings: Sequence[Setting],
    rows: pd.DataFrame,
    target: np.ndarray,
    folds: Sequence[Fold],
    spec: PipelineSpec,
    report: Report,
    workers: int = 1,
) -> Found:
    """The best of the last round, in which every fold is fitted on all its rows. ValueError where all settings fail."""
    training = spec.training
    rungs = plan_rungs(len(settings), training.halving, folds, target, spec.task, training.seed)
    trials: list[Trial] = []
    for rung, rung_folds in enumerate(rungs):
        tried = {}
        with closing(try_settings(settings, rows, target, rung_folds, spec, workers)) as of_settings:
            for position, (setting, of_folds) in enumerate(zip(settings, of_settings, strict=True), 1):
                trial = judge_setting(setting, of_folds, training.metric, len(trials), rung)
                report(trial, f"search round {rung + 1} of {len(rungs)}, combination {position} of {len(settings)}")
                trials.append(trial)
                tried[trial.number] = tuple(found.block for found in of_folds if found.block)
        ranked = rank_trials(trials[-len(tried) :], training.metric)
        settings = choose_survivors(ranked, ceil(len(tried) / training.halving))
    return Found(tuple(trials), ranked[0], tried[ranked[0].number])


def choose_survivors(ranked: Sequence[Trial], count: int) -> list[Setting]:
    """The `count` best, and the best of each kind of estimator: on few rows a simple kind beats one that needs many."""
    kinds = {trial.setting.kind: trial for trial in reversed(ranked)}
    return [trial.setting for place, trial in enumerate(ranked) if place < count or kinds[trial.setting.kind] is trial]


def plan_rungs(
    count: int, eta: int, folds: Sequence[Fold], target: np.ndarray, task: str, seed: int
) -> list[list[Fold]]:
    """The folds of each round: `eta` times the rows of the round before, until the last has all.

    So many rounds that at most `eta` of `count` settings meet in the last one. A round whose samples would be too small
    is left out, and all settings start in the next.
    """
    rounds = 1
    while count > eta:
        count, rounds = ceil(count / eta), rounds + 1
    sampled = [sample_folds(folds, float(eta) ** (step - rounds), seed) for step in range(1, rounds)]
    return [*(rung for rung in sampled if all(_is_enough(target[train], task) for train, _ in rung)), list(folds)]


def sample_folds(folds: Sequence[Fold], share: float, seed: int) -> list[Fold]:
    """Fit on a seeded sample of each fold's rows, validate on the whole block. A larger share adds to the smaller's."""
    sampled = []
    for number, (train, validate) in enumerate(folds):
        order = np.random.default_rng([seed, number]).permutation(train)
        sampled.append((np.sort(order[: ceil(len(train) * share)]), validate))
    return sampled


def _is_enough(target: np.ndarray, task: str) -> bool:
    return len(target) >= MIN_FOLD_ROWS and find_task(task).is_enough(target)


def rank_trials(trials: Sequence[Trial], metric: str) -> list[Trial]:
    """The trials that did not fail, the best first, the earlier first where two are equal. ValueError without any."""
    usable = [trial for trial in trials if np.isfinite(trial.value)]
    if not usable:
        raise ValueError(
            f"no hyperparameters could be fitted and evaluated; the first failed with: {trials[0].failure}"
        )
    sign = -1 if is_higher_better(metric) else 1
    return sorted(usable, key=lambda trial: sign * trial.value)


def try_settings(
    settings: Sequence[Setting],
    rows: pd.DataFrame,
    target: np.ndarray,
    folds: Sequence[Fold],
    spec: PipelineSpec,
    workers: int,
) -> Generator[list[FoldTrial]]:
    """For each setting, in order, its trials on all folds. To be closed by whoever does not take all.

    `workers` fits run side by side in threads, unless a single one is large enough to occupy all cores.
    """

    def try_one(task: tuple[Setting, Fold]) -> FoldTrial:
        return try_fold(*task, rows, target, spec)

    alone = max(len(train) for train, _ in folds) >= ROWS_FOR_THREADS
    with closing(prefetch_map(try_one, product(settings, folds), 1 if alone else workers)) as tried:
        for _ in settings:
            yield list(islice(tried, len(folds)))


def try_fold(setting: Setting, fold: Fold, rows: pd.DataFrame, target: np.ndarray, spec: PipelineSpec) -> FoldTrial:
    """Fit and predict on one fold. A setting that the estimator refuses is a failed trial, not an error."""
    started = perf_counter()
    train, validate = fold
    block, failure = None, ""
    try:
        model = fit_model(make_from(setting, spec), rows.iloc[train], target[train])
        block = target[validate], _predict(model, spec.task, rows.iloc[validate])
    except (ValueError, TypeError, ArithmeticError) as error:
        failure = str(error) or type(error).__name__
    return FoldTrial(len(train), block, perf_counter() - started, failure)


def judge_setting(setting: Setting, folds: Sequence[FoldTrial], metric: str, number: int, rung: int) -> Trial:
    """What a setting reached in a round, from its trials on all folds; it failed where one of them did."""
    failure = next((fold.failure for fold in folds if fold.failure), "")
    values = tuple(measure(metric, *fold.block) for fold in folds if fold.block)
    usable = [value for value in values if np.isfinite(value)]
    if not usable and not failure:
        failure = "the metric could not be computed on any fold"
    value = float("nan") if failure else float(np.mean(usable))
    rows, seconds = max(fold.rows for fold in folds), sum(fold.seconds for fold in folds)
    return Trial(number, rung, setting, rows, value, values, seconds, failure)


def _predict(model: object, task: str, rows: pd.DataFrame) -> np.ndarray:
    predicted = predict_scores(model, task, rows)
    if not np.isfinite(predicted).all():
        raise ValueError("it predicts numbers that are not finite")
    return predicted


def make_from(setting: Setting, spec: PipelineSpec) -> object:
    """The unfitted model of a setting."""
    features = spec.features
    return make_model(
        setting.kind, spec.task, features.numeric, features.categorical, setting.parameters, spec.training.seed
    )
