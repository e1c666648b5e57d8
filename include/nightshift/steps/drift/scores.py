"""champion + both samples -> how far its scores have moved."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nightshift.core.drift.columns import compare_column, make_unknown
from nightshift.core.drift.result import SCORE, ColumnDrift
from nightshift.core.estimators.kinds import predict_scores
from nightshift.extension.drift_measures import find_distance
from nightshift.io.artifacts import load_model
from nightshift.io.resources import Resources
from nightshift.steps.drift.columns import find_nights, make_null_distribution
from nightshift.steps.drift.reference import Comparison, Reference, match_rows
from nightshift.steps.ingest.samples import PREDICTION


@dataclass(frozen=True)
class ComparedScores:
    """What was found, and the scores of both sides where there are any (float64)."""

    column: ColumnDrift
    reference: pd.Series | None = None
    current: pd.Series | None = None


class Incomparable(Exception):
    """Why there are no scores to compare."""


def compare_scores(comparison: Comparison, resources: Resources) -> ComparedScores:
    """Compare the champion's scores of the window with those of rows that it was not fitted on.

    Unknown, with the reason, where there are none; whatever keeps the model from scoring is no fault of the drift run.
    """
    limits, seed = comparison.limits, comparison.seed
    try:
        scored = _score_reference(comparison, resources)
        if scored.held is None or not len(scored.held):
            raise Incomparable("the reference of this version has no scores of held-out rows")
        matched = match_rows(scored, scored.held, comparison.window, seed)
        now = _score(comparison, resources, matched.current)
        then = matched.reference[PREDICTION]
        score = find_distance("prediction").measure(then, now)
        if not math.isfinite(score):
            raise Incomparable("the scores have no finite distance")
    except Incomparable as error:
        return ComparedScores(make_unknown(SCORE, "prediction", 0.0, limits, str(error)))
    nights = find_nights(scored.held)
    against = None if nights is None or scored.seasonal else len(np.unique(nights))
    noise = make_null_distribution(scored, matched, seed, against)
    column = compare_column(SCORE, "prediction", score, 0.0, (scored.fitted[PREDICTION], now), noise, limits)
    return ComparedScores(column, then.reset_index(drop=True), now.reset_index(drop=True))


def _score_reference(comparison: Comparison, resources: Resources) -> Reference:
    """A year earlier the champion may not have been there: it scores those rows now."""
    reference = comparison.reference
    if not reference.seasonal:
        return reference
    rows = reference.fitted.assign(**{PREDICTION: _score(comparison, resources, reference.fitted)})
    return Reference(reference.kind, rows, rows)


def _score(comparison: Comparison, resources: Resources, rows: pd.DataFrame) -> pd.Series:
    champion = comparison.champion
    model = load_model(resources.lake, champion.artifact)
    try:
        scores = predict_scores(model, comparison.task, rows[champion.feature_names])
    except (KeyError, ValueError, TypeError) as error:
        raise Incomparable(f"version {champion.version} can't score the rows: {error}") from error
    if not np.isfinite(scores).all():
        raise Incomparable(f"version {champion.version} gave scores that are not finite")
    return pd.Series(scores, index=rows.index)
