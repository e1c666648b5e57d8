"""One scikit-learn Pipeline per kind of estimator. Everything that is fitted is inside, so it ships with the model."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from nightshift.config.metrics import Task
from nightshift.core.estimators.lightgbm import LightGbmClassifier, LightGbmRegressor, load_library

# HistGradientBoosting bins at most 255 values of a category, one of them for the missing.
MAX_CATEGORIES = 254
RARE_ROWS = 20
# With fewer rows the threads of one fit of boosted trees wait for each other longer than they work.
ROWS_FOR_THREADS = 500_000

_ESTIMATORS: Mapping[tuple[str, Task], Callable[..., Any]] = {
    ("logistic", "classification"): LogisticRegression,
    ("ridge", "regression"): Ridge,
    ("random_forest", "classification"): RandomForestClassifier,
    ("random_forest", "regression"): RandomForestRegressor,
    ("hist_gradient_boosting", "classification"): HistGradientBoostingClassifier,
    ("hist_gradient_boosting", "regression"): HistGradientBoostingRegressor,
    ("lightgbm", "classification"): LightGbmClassifier,
    ("lightgbm", "regression"): LightGbmRegressor,
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "logistic": {"max_iter": 500},
    "ridge": {},
    "random_forest": {"n_estimators": 200, "min_samples_leaf": 5, "n_jobs": -1},
    "hist_gradient_boosting": {"early_stopping": False},
    "lightgbm": {},
}


def list_parameters(kind: str, task: Task) -> list[str]:
    """The parameters that a search may vary."""
    return sorted(_ESTIMATORS[kind, task]().get_params())


def make_model(
    kind: str, task: Task, numeric: Sequence[str], categorical: Sequence[str], parameters: Mapping[str, Any], seed: int
) -> Pipeline:
    """An unfitted Pipeline that takes a DataFrame with the feature columns."""
    settings = {**_DEFAULTS[kind], **parameters}
    factory = _ESTIMATORS[kind, task]
    if "random_state" in factory().get_params():
        settings["random_state"] = seed
    if kind in ("hist_gradient_boosting", "lightgbm"):
        # The encoder puts the categories' codes behind the numbers.
        codes = list(range(len(numeric), len(numeric) + len(categorical)))
        settings["categorical_features"] = codes if codes or kind == "lightgbm" else None
        return Pipeline([("columns", _encode_for_trees(numeric, categorical)), ("model", factory(**settings))])
    encode = _encode_for_forest if kind == "random_forest" else _encode_for_lines
    return Pipeline([("columns", encode(numeric, categorical)), ("model", factory(**settings))])


def require_libraries(kinds: Iterable[str]) -> None:
    """NightshiftError where the library of a kind is an extra that is not installed, with the command that does it."""
    if "lightgbm" in kinds:
        load_library()


def fit_model(model: Pipeline, rows: Any, target: np.ndarray) -> Pipeline:
    """Fit, large data with all cores; predict with one where several would add up in the order in which they finish."""
    with threadpool_limits(1 if len(target) < ROWS_FOR_THREADS else None, user_api="openmp"):
        model.fit(rows, target)
    if model.get_params().get("model__n_jobs"):
        model.set_params(model__n_jobs=1)
    return model


def make_baseline(task: Task) -> Any:
    """The naive baseline: the mean of what was seen."""
    return DummyClassifier(strategy="prior") if task == "classification" else DummyRegressor(strategy="mean")


def predict_scores(model: Any, task: Task, rows: Any) -> np.ndarray:
    """float64 of shape (rows,): the probability of the positive class, or the predicted value."""
    if task == "regression":
        return np.asarray(model.predict(rows), dtype=np.float64)
    positive = list(model.classes_).index(1.0)
    return np.asarray(model.predict_proba(rows)[:, positive], dtype=np.float64)


def _ordinal() -> OrdinalEncoder:
    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MAX_CATEGORIES,
    )


def _encode_for_trees(numeric: Sequence[str], categorical: Sequence[str]) -> ColumnTransformer:
    return ColumnTransformer(
        [("numeric", "passthrough", list(numeric)), ("categorical", _ordinal(), list(categorical))],
        verbose_feature_names_out=False,
    )


def _encode_for_forest(numeric: Sequence[str], categorical: Sequence[str]) -> ColumnTransformer:
    impute = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    ordinal = Pipeline([("encode", _ordinal()), ("impute", SimpleImputer(strategy="constant", fill_value=-1.0))])
    return ColumnTransformer(
        [("numeric", impute, list(numeric)), ("categorical", ordinal, list(categorical))],
        verbose_feature_names_out=False,
    )


def _encode_for_lines(numeric: Sequence[str], categorical: Sequence[str]) -> ColumnTransformer:
    scale = Pipeline(
        [
            ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
            ("scale", StandardScaler()),
        ]
    )
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE_ROWS, sparse_output=False)
    return ColumnTransformer(
        [("numeric", scale, list(numeric)), ("categorical", one_hot, list(categorical))],
        verbose_feature_names_out=False,
    )
