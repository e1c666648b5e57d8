"""May an estimate before outcomes be believed? Inputs shift, and the model's form is right or wrong.

Each world has a logistic model, held-out rows, seven checked days without a shift, and three days with one whose
outcomes are not known yet. `before` believes whatever the checked days allow, as 0.2 did.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from nightshift.config.sections.drift import Drift
from nightshift.config.sections.retrain import Tolerance
from nightshift.core.drift.columns import compare_column
from nightshift.core.drift.null_distribution import NullDistribution
from nightshift.core.performance.estimates import (
    check_estimated_tolerance,
    check_estimates,
    estimate,
    withhold_estimate,
)
from nightshift.core.performance.tolerance import Night, find_limit
from nightshift.extension.drift_measures import find_distance

ROWS, FITTED, CHECKED, WINDOW = 1_000, 10, 7, 3
SHIFTS = (0.0, 0.1, 0.25, 0.5, 1.0)
EFFECTS = np.array([1.0, 0.6, 0.3])
FIRST = date(2026, 1, 1)
METRIC = "roc_auc"


def draw_day(bent: bool, shift: float, days: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (rows, 3), the first one shifted by so many deviations, and outcomes; `bent`: no straight line fits."""
    inputs = generator.normal(size=(days * ROWS, len(EFFECTS)))
    inputs[:, 0] += shift
    level = inputs @ EFFECTS - (0.8 * inputs[:, 0] ** 2 if bent else 0.0)
    return inputs, (generator.random(len(inputs)) < expit(level)).astype(np.float64)


def list_moved(fitted: np.ndarray, window: np.ndarray, seed: int) -> list[str]:
    """Columns that the shipped comparison says have drifted."""
    noise = NullDistribution(len(fitted), None, WINDOW, len(window), len(fitted), seed)
    limits, moved = Drift(), []
    for column in range(len(EFFECTS)):
        then, now = pd.Series(fitted[:, column]), pd.Series(window[:, column])
        distance = find_distance("numeric").measure(then, now)
        found = compare_column(f"x{column}", "numeric", distance, 1.0, (then, now), noise, limits)
        moved += [found.column_name] if found.drifted else []
    return moved


@dataclass(frozen=True)
class Estimated:
    """A world: its estimate before and now, as records, the true metric, and whether that is below tolerance."""

    before: dict[str, Any]
    now: dict[str, Any]
    truth: float
    below: bool


def run_world(bent: bool, shift: float, seed: int) -> Estimated:
    """One world."""
    generator = np.random.default_rng(seed)
    inputs, target = draw_day(bent, 0.0, FITTED, generator)
    model = LogisticRegression().fit(inputs, target)
    held, held_target = draw_day(bent, 0.0, CHECKED, generator)
    promised = float(roc_auc_score(held_target, model.predict_proba(held)[:, 1]))
    band, errors = Tolerance(), []
    for _ in range(CHECKED):
        rows, outcome = draw_day(bent, 0.0, 1, generator)
        scores = model.predict_proba(rows)[:, 1]
        errors.append(estimate(METRIC, scores) - float(roc_auc_score(outcome, scores)))
    limit = find_limit(METRIC, promised, band.tolerance)
    window, outcome = draw_day(bent, shift, WINDOW, generator)
    scores = model.predict_proba(window)[:, 1]
    nights = [Night(FIRST + timedelta(days=day), part, part) for day, part in enumerate(np.array_split(scores, WINDOW))]
    check = check_estimates(errors, abs(limit - promised))
    found = check_estimated_tolerance(nights, METRIC, promised, len(held), band, check)
    assert found is not None
    before = found.to_record()
    now = withhold_estimate(before, list_moved(inputs, window, seed))
    assert now is not None
    truth = float(roc_auc_score(outcome, scores))
    return Estimated(before, now, truth, truth < limit)


def measure(count: int, seed: int) -> list[dict[str, Any]]:
    """Per form and shift, of `count` worlds: how often trusted, its interval right, and a false "within tolerance"."""
    found = []
    for bent in (False, True):
        for shift in SHIFTS:
            worlds = [run_world(bent, shift, 1_000 * seed + number) for number in range(count)]
            line: dict[str, Any] = {"the model's form": "wrong" if bent else "right", "shift": shift}
            for when in ("before", "now"):
                pairs = [(getattr(world, when), world) for world in worlds]
                trusted = [(record, world) for record, world in pairs if record["below"] is not None]
                held = sum(record["low"] <= world.truth <= record["high"] for record, world in trusted)
                line[f"trusted, {when}"] = len(trusted)
                line[f"interval right, {when}"] = f"{held} of {len(trusted)}"
                line[f"falsely within, {when}"] = sum(
                    record["below"] is False and world.below for record, world in pairs
                )
            found.append(line)
    return found
