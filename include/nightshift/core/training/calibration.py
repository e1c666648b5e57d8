"""Probabilities that mean what they say: how far off they are, and a correction where that helps.

Sigmoid: J. Platt, Probabilistic Outputs for Support Vector Machines, 1999; on the logit, so that doing nothing is one
of its curves. Isotonic: B. Zadrozny, C. Elkan, Transforming Classifier Scores into Accurate Multiclass Probability
Estimates, KDD 2002.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

Correction = Literal["sigmoid", "isotonic"]
Method = Literal["none"] | Correction
CORRECTIONS: tuple[Correction, ...] = ("sigmoid", "isotonic")
# Of validation rows: target (0.0 or 1.0) and predicted probability, each of shape (rows,).
Block = tuple[np.ndarray, np.ndarray]

# Relative; a smaller gain of log loss is not worth a second model.
WORTHWHILE = 0.01
MIN_ROWS = 100
# The logit of exactly 0 or 1 is infinite.
_EDGE = 1e-6


class CalibratedClassifier(ClassifierMixin, BaseEstimator):
    """A fitted binary classifier and a fitted correction of its probabilities."""

    # What artifacts call it, wherever this file moves.
    __module__ = "nightshift.estimators"

    def __init__(self, model: Any, calibrator: Any, method: Method) -> None:
        self.model = model
        self.calibrator = calibrator
        self.method = method

    @property
    def classes_(self) -> np.ndarray:
        """The model's classes; the second is the positive one."""
        return np.asarray(self.model.classes_)

    def predict_proba(self, rows: Any) -> np.ndarray:
        """float64 of shape (rows, 2)."""
        positive = correct_scores(self.method, self.calibrator, self.model.predict_proba(rows)[:, 1])
        return np.column_stack([1.0 - positive, positive])

    def predict(self, rows: Any) -> np.ndarray:
        """The more probable class."""
        return self.classes_[(self.predict_proba(rows)[:, 1] >= 0.5).astype(int)]


def choose_calibration(wanted: Literal["auto"] | Method, blocks: Sequence[Block]) -> Method:
    """Which correction to use: the wanted one, or what earlier validation blocks teach and the last one confirms.

    `auto`: fitted on all blocks but the last, the better of the two must lower the last one's log loss by 1 %.
    `none` where there is too little to learn it from: no two classes, and for `auto` one block or very few rows.
    """
    if len(np.unique(np.concatenate([target for target, _ in blocks]))) < 2:
        return "none"
    if wanted != "auto":
        return wanted
    if len(blocks) < 2:
        return "none"
    earlier, (target, predicted) = join_blocks(blocks[:-1]), blocks[-1]
    if min(len(target), len(earlier[0])) < MIN_ROWS or min(len(np.unique(earlier[0])), len(np.unique(target))) < 2:
        return "none"
    losses: dict[Method, float] = {"none": (1 - WORTHWHILE) * log_loss(target, predicted)}
    for method in CORRECTIONS:
        corrected = correct_scores(method, fit_calibrator(method, *earlier), predicted)
        losses[method] = log_loss(target, corrected)
    return min(losses, key=lambda method: losses[method])


def join_blocks(blocks: Sequence[Block]) -> Block:
    """All rows of the blocks, in their order."""
    return np.concatenate([target for target, _ in blocks]), np.concatenate([predicted for _, predicted in blocks])


def fit_calibrator(method: Correction, target: np.ndarray, predicted: np.ndarray) -> Any:
    """The fitted correction of out-of-fold probabilities. ValueError where `target` has a single class."""
    if method == "sigmoid":
        # As good as unpenalised, but finite where the classes are separated.
        return LogisticRegression(C=1000.0, max_iter=500).fit(_to_logit(predicted), target)
    # Laplace's bounds: so many rows can't tell that something never or always happens.
    bound = 1.0 / (len(target) + 2)
    return IsotonicRegression(y_min=bound, y_max=1.0 - bound, out_of_bounds="clip").fit(predicted, target)


def correct_scores(method: Method, calibrator: Any, predicted: np.ndarray) -> np.ndarray:
    """Corrected probabilities, float64 of shape (rows,)."""
    if method == "sigmoid":
        return np.asarray(calibrator.predict_proba(_to_logit(predicted))[:, 1], dtype=np.float64)
    if method == "isotonic":
        return np.asarray(calibrator.predict(predicted), dtype=np.float64)
    return np.asarray(predicted, dtype=np.float64)


def _to_logit(predicted: np.ndarray) -> np.ndarray:
    inner = np.clip(np.asarray(predicted, dtype=np.float64), _EDGE, 1 - _EDGE)
    return np.log(inner / (1 - inner)).reshape(-1, 1)
