"""A training with its search, beside a single fit of the setting that it chose, on all rows."""

import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.performance.shapes import draw_rows, load_shape
from nightshift.config.pipeline import PipelineSpec
from nightshift.config.sections.training import Estimator
from nightshift.core.estimators.kinds import fit_model
from nightshift.core.training.fit import tune_and_fit
from nightshift.core.training.search import Trial, make_from
from nightshift.prefetch import count_workers

# What `pipeline.yaml` has by default: 8 settings, 3 folds, a third of the settings kept in each round.
ESTIMATORS = (
    Estimator(kind="logistic", search={"C": (0.01, 0.1, 1.0, 10.0)}),
    Estimator(
        kind="hist_gradient_boosting",
        search={"learning_rate": (0.05, 0.1, 0.2), "max_leaf_nodes": (15, 31, 63), "min_samples_leaf": (20, 200)},
    ),
)
DAYS = 20


def make_spec() -> PipelineSpec:
    """The plain shape with the search that a pipeline gets by default."""
    spec = load_shape("plain").spec
    training = type(spec.training)(metric=spec.training.metric, estimators=ESTIMATORS, calibrate="none")
    return spec.model_copy(update={"training": training})


def measure_training(rows: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds of both, and where the search spent its own."""
    spec, config = make_spec(), load_shape("plain")
    frame = draw_rows(config, rows, date(2026, 1, 1))
    target = frame.pop("y").to_numpy(dtype=float)
    days = np.datetime64("2026-01-01") + np.arange(rows) * DAYS // rows
    trials: list[Trial] = []

    def report(trial: Trial, place: str) -> None:
        trials.append(trial)
        say(f"{place}: {trial.setting.kind} on {trial.rows:,} rows {trial.seconds:.1f} s, {trial.value:.4f}")

    start = time.perf_counter()
    fitted = tune_and_fit(frame, target, days, spec, report, workers=count_workers())
    search = time.perf_counter() - start
    single = _fit_once(fitted.setting, spec, frame, target)
    rounds = {trial.rung for trial in trials}
    return {
        "rows": rows,
        "trials": len({trial.number for trial in trials if trial.rung == 0}),
        "folds": spec.training.folds,
        "chosen": fitted.setting.kind,
        "search": round(search, 2),
        "single": round(single, 2),
        "rounds": {
            str(number + 1): round(sum(trial.seconds for trial in trials if trial.rung == number), 2)
            for number in rounds
        },
    }


def _fit_once(setting: Any, spec: PipelineSpec, frame: pd.DataFrame, target: np.ndarray) -> float:
    start = time.perf_counter()
    fit_model(make_from(setting, spec), frame[list(spec.features.names)], target)
    return time.perf_counter() - start
