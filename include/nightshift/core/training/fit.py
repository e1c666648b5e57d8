"""A seeded search over the configured estimators, one fit of the best setting, and what its scores mean."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from nightshift.config.pipeline import PipelineSpec
from nightshift.core.estimators.kinds import fit_model, require_libraries
from nightshift.core.features.sampling import sample_rows
from nightshift.core.training.calibration import (
    CalibratedClassifier,
    Method,
    choose_calibration,
    correct_scores,
    join_blocks,
)
from nightshift.core.training.search import Found, Report, Trial, make_from, search_settings
from nightshift.core.training.search_space import Setting, choose_settings
from nightshift.core.training.splits import make_folds
from nightshift.core.training.thresholds import choose_threshold, describe_decision
from nightshift.extension.tasks import find_task


@dataclass(frozen=True)
class Fitted:
    """The fitted model, how it was chosen, and every trial; for classifiers how its scores are corrected and cut."""

    model: Any
    setting: Setting
    trials: tuple[Trial, ...]
    calibration: Method
    threshold: float | None
    decision_rule: dict[str, Any] | None
    # Why no correction is used where one was tried.
    calibration_refused: str = ""


def tune_and_fit(
    rows: pd.DataFrame,
    target: np.ndarray,
    days: np.ndarray,
    spec: PipelineSpec,
    report: Report = lambda trial, place: None,
    known: Setting | None = None,
    workers: int = 1,
) -> Fitted:
    """Search, then fit the best setting on all `rows`; `days` is the day of each. The same input gives the same model.

    The search sees a sample of at most `training.search_rows`: its many fits would cost several times the last one.
    They run side by side, `workers` at a time.

    `known` is fitted without a search; a classifier is tried on the folds all the same, for calibration and threshold.
    ValueError where every trial of a round failed, with the reason of the first; NightshiftError where a library lacks.
    """
    require_libraries(estimator.kind for estimator in spec.training.estimators)
    features = rows[list(spec.features.names)]
    decides = find_task(spec.task).decides
    if known and not decides:
        return Fitted(fit_model(make_from(known, spec), features, target), known, (), "none", None, None)
    settings = [known] if known else choose_settings(spec, target)
    seen = sample_rows(len(rows), spec.training.search_rows, spec.training.seed)
    folds = make_folds(days[seen], spec.training.folds)
    found = search_settings(settings, features.iloc[seen], target[seen], folds, spec, report, workers)
    model = fit_model(make_from(found.best.setting, spec), features, target)
    if not decides:
        return Fitted(model, found.best.setting, found.trials, "none", None, None)
    return _finish_classifier(model, found, spec)


def _finish_classifier(model: Any, found: Found, spec: PipelineSpec) -> Fitted:
    """Calibrate, and choose the decision threshold, both from the best setting's out-of-fold predictions.

    The threshold is chosen on the scores of the calibrator that is shipped. It has seen these very rows, yet that can't
    flatter the choice: a rising curve keeps the ranking, which is all that the rules look at. A calibrator per fold
    would give each fold a scale of its own, which the shipped model does not have.
    """
    target, predicted = join_blocks(found.blocks)
    chosen = choose_calibration(spec.training.calibrate, found.blocks, spec.training.metric)
    if chosen.method != "none":
        model = CalibratedClassifier(model, chosen.calibrator, chosen.method)
        predicted = correct_scores(chosen.method, chosen.calibrator, predicted)
    rule = spec.scoring.rule
    threshold = choose_threshold(rule, target, predicted)
    decision_rule = describe_decision(rule, target, predicted, threshold)
    return Fitted(model, found.best.setting, found.trials, chosen.method, threshold, decision_rule, chosen.reason)
