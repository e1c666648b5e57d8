"""LightGBM as two small scikit-learn estimators that keep their trees as text. The library is loaded only when used.

LightGBM's own estimators hold a handle into native code, whose parser crashes on a doctored model. These hold plain
values, and hand over no text that `check_trees` has not read.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from nightshift.core.estimators.lightgbm_text import check_trees, keep_trees
from nightshift.errors import NightshiftError

# The same input gives the same trees, with any number of threads; 0: as many as OpenMP is set to (`fit_model`).
_FIXED = {"deterministic": True, "force_row_wise": True, "verbose": -1, "n_jobs": 0}


class _LightGbm(BaseEstimator):
    """What both share. Parameters are LightGBM's; `categorical_features` are positions of columns with codes."""

    def __init__(
        self,
        *,
        n_estimators: int = 100,
        learning_rate: float = 0.1,
        num_leaves: int = 31,
        max_depth: int = -1,
        min_child_samples: int = 20,
        min_child_weight: float = 1e-3,
        min_split_gain: float = 0.0,
        subsample: float = 1.0,
        subsample_freq: int = 0,
        colsample_bytree: float = 1.0,
        reg_alpha: float = 0.0,
        reg_lambda: float = 0.0,
        class_weight: str | None = None,
        categorical_features: Sequence[int] = (),
        random_state: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.min_child_samples = min_child_samples
        self.min_child_weight = min_child_weight
        self.min_split_gain = min_split_gain
        self.subsample = subsample
        self.subsample_freq = subsample_freq
        self.colsample_bytree = colsample_bytree
        self.reg_alpha = reg_alpha
        self.reg_lambda = reg_lambda
        self.class_weight = class_weight
        self.categorical_features = categorical_features
        self.random_state = random_state

    def _fit(self, factory: str, rows: Any, target: np.ndarray) -> None:
        library = load_library()
        parameters = self.get_params()
        categorical = list(parameters.pop("categorical_features"))
        try:
            fitted = getattr(library, factory)(**parameters, **_FIXED).fit(
                np.asarray(rows, dtype=np.float64), target, categorical_feature=categorical
            )
        except library.basic.LightGBMError as error:
            raise ValueError(f"LightGBM: {error}") from error
        self.n_features_in_ = int(fitted.n_features_in_)
        self.trees_ = keep_trees(fitted.booster_.model_to_string())

    def _predict(self, rows: Any) -> np.ndarray:
        booster = _open_trees(self.trees_, self.n_features_in_)
        return np.asarray(booster.predict(np.asarray(rows, dtype=np.float64)), dtype=np.float64)


class LightGbmClassifier(ClassifierMixin, _LightGbm):
    """Boosted trees for two classes."""

    def fit(self, rows: Any, target: np.ndarray) -> "LightGbmClassifier":
        """Fit on codes and numbers, NaN where missing. ValueError where there are not two classes."""
        self.classes_ = np.unique(target)
        if len(self.classes_) != 2:
            raise ValueError(f"needs two classes, found {len(self.classes_)}")
        self._fit("LGBMClassifier", rows, target)
        return self

    def predict_proba(self, rows: Any) -> np.ndarray:
        """float64 of shape (rows, 2)."""
        positive = self._predict(rows)
        return np.column_stack([1.0 - positive, positive])

    def predict(self, rows: Any) -> np.ndarray:
        """The more probable class."""
        return self.classes_[(self._predict(rows) >= 0.5).astype(int)]


class LightGbmRegressor(RegressorMixin, _LightGbm):
    """Boosted trees for a value."""

    def fit(self, rows: Any, target: np.ndarray) -> "LightGbmRegressor":
        """Fit on codes and numbers, NaN where missing."""
        self._fit("LGBMRegressor", rows, target)
        return self

    def predict(self, rows: Any) -> np.ndarray:
        """float64 of shape (rows,)."""
        return self._predict(rows)


def load_library() -> Any:
    """The module lightgbm; NightshiftError where it, or the system library that it needs, is missing."""
    try:
        return import_module("lightgbm")
    except ModuleNotFoundError as error:
        raise NightshiftError(
            "an estimator of kind lightgbm needs the package lightgbm, which is an extra. Run: "
            "bin/setup --extra lightgbm (elsewhere: install requirements/lightgbm.txt)"
        ) from error
    except OSError as error:
        raise NightshiftError(
            f"the package lightgbm can't be loaded: {error}. It needs the system's OpenMP library, "
            "libgomp.so.1; on Debian: apt-get install libgomp1"
        ) from error


@lru_cache(maxsize=8)
def _open_trees(text: str, features: int) -> Any:
    check_trees(text, features)
    return load_library().Booster(model_str=text)
