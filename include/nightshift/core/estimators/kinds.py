"""One scikit-learn Pipeline per kind of estimator. Everything that is fitted is inside, so it ships with the model."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from nightshift.errors import NightshiftError
from nightshift.extension.estimators import ESTIMATORS
from nightshift.extension.tasks import find_task

# With fewer rows the threads of one fit of boosted trees wait for each other longer than they work.
ROWS_FOR_THREADS = 500_000


def list_parameters(kind: str, task: str) -> list[str]:
    """The parameters that a search may vary."""
    return sorted(find_factory(kind, task)().get_params())


def find_factory(kind: str, task: str) -> Callable[..., Any]:
    """What makes an unfitted estimator of the kind; NightshiftError where it is not for the task."""
    factories = ESTIMATORS.find(kind).factories
    name = find_task(task).name
    if name not in factories:
        raise NightshiftError(f"{kind} is not for {name}, only for {', '.join(factories)}")
    return factories[name]


def make_model(
    kind: str, task: str, numeric: Sequence[str], categorical: Sequence[str], parameters: Mapping[str, Any], seed: int
) -> Pipeline:
    """An unfitted Pipeline that takes a DataFrame with the feature columns."""
    estimator, factory = ESTIMATORS.find(kind), find_factory(kind, task)
    settings = {**estimator.defaults, **parameters}
    if "random_state" in factory().get_params():
        settings["random_state"] = seed
    if estimator.place_codes:
        # The encoder puts the categories' codes behind the numbers.
        settings |= estimator.place_codes(list(range(len(numeric), len(numeric) + len(categorical))))
    return Pipeline([("columns", estimator.encode(numeric, categorical)), ("model", factory(**settings))])


def require_libraries(kinds: Iterable[str]) -> None:
    """NightshiftError where the library of a kind is an extra that is not installed, with the command that does it."""
    for kind in kinds:
        if require := ESTIMATORS.find(kind).require_library:
            require()


def fit_model(model: Pipeline, rows: Any, target: np.ndarray) -> Pipeline:
    """Fit, large data with all cores; predict with one where several would add up in the order in which they finish."""
    with threadpool_limits(1 if len(target) < ROWS_FOR_THREADS else None, user_api="openmp"):
        model.fit(rows, target)
    if model.get_params().get("model__n_jobs"):
        model.set_params(model__n_jobs=1)
    return model


def make_baseline(task: str) -> Any:
    """The naive baseline: the mean of what was seen."""
    return find_task(task).make_baseline()


def predict_scores(model: Any, task: str, rows: Any) -> np.ndarray:
    """float64 of shape (rows,): the probability of the positive class, or the predicted value."""
    return find_task(task).predict(model, rows)
