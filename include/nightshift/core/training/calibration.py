"""Probabilities that mean what they say: how far off they are, and a correction where that helps.

Sigmoid: J. Platt, Probabilistic Outputs for Support Vector Machines, 1999; on the logit, so that doing nothing is one
of its curves. Isotonic: B. Zadrozny, C. Elkan, Transforming Classifier Scores into Accurate Multiclass Probability
Estimates, KDD 2002.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from nightshift.core.evaluation.metrics import gain
from nightshift.core.evaluation.weighted_metrics import measure_rows
from nightshift.extension.metrics import METRICS

Correction = Literal["sigmoid", "isotonic"]
Method = Literal["none"] | Correction
CORRECTIONS: tuple[Correction, ...] = ("sigmoid", "isotonic")
# Of validation rows: target (0.0 or 1.0) and predicted probability, each of shape (rows,).
Block = tuple[np.ndarray, np.ndarray]

# Relative; a smaller gain of log loss is not worth a second model, and a smaller loss of a metric may be chance.
WORTHWHILE = 0.01
MIN_ROWS = 100
# With fewer rows the steps follow chance: A. Niculescu-Mizil, R. Caruana, Predicting Good Probabilities with Supervised
# Learning, ICML 2005, figure 5; ours: docs/explanation/outcomes.md.
MIN_ISOTONIC_ROWS = 1_000
# Of the distinct scores so large a share must be left.
MIN_DISTINCT = 0.5
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


@dataclass(frozen=True)
class Calibration:
    """The fitted correction; for `none` why a correction that was asked for, or would have helped, is left out."""

    method: Method
    calibrator: Any = None
    reason: str = ""


def choose_calibration(wanted: Literal["auto"] | Method, blocks: Sequence[Block], metric: str) -> Calibration:
    """The wanted correction, or what earlier validation blocks teach and the last one confirms; fitted on all blocks.

    `auto`: fitted on all blocks but the last, the better of the two must lower the last one's log loss by 1 %.
    `none` where there is too little to learn it from: no two classes, and for `auto` one block or very few rows; and
    where the correction would turn or blur the ranking, or make the last block's `metric` or log loss worse.
    """
    if wanted == "none" or not _has_both_classes(*blocks):
        return Calibration("none")
    enough = len(blocks) > 1 and _can_teach(join_blocks(blocks[:-1]), blocks[-1])
    if wanted == "auto" and not enough:
        return Calibration("none")
    refused: list[str] = []
    methods = CORRECTIONS if wanted == "auto" else (wanted,)
    if enough:
        methods = _try_on_last(methods, blocks, metric, wanted == "auto", refused)
    for method in methods:
        calibrator = fit_calibrator(method, *join_blocks(blocks))
        problem = find_problem(method, calibrator, *join_blocks(blocks))
        if not problem:
            return Calibration(method, calibrator)
        refused.append(problem)
    return Calibration("none", reason="; ".join(dict.fromkeys(refused)))


def _has_both_classes(*blocks: Block) -> bool:
    return len(np.unique(np.concatenate([target for target, _ in blocks]))) > 1


def _can_teach(earlier: Block, last: Block) -> bool:
    rows = min(len(earlier[0]), len(last[0]))
    return rows >= MIN_ROWS and _has_both_classes(earlier) and _has_both_classes(last)


def _try_on_last(
    methods: Sequence[Correction], blocks: Sequence[Block], metric: str, by_choice: bool, refused: list[str]
) -> tuple[Correction, ...]:
    """Those that do no harm on the last block, the best first; `by_choice` those alone that help enough there.

    `refused` gets why others do harm.
    """
    earlier, (target, predicted) = join_blocks(blocks[:-1]), join_blocks(blocks[-1:])
    before = log_loss(target, predicted)
    losses: dict[Correction, float] = {}
    for method in methods:
        calibrator = fit_calibrator(method, *earlier)
        corrected = correct_scores(method, calibrator, predicted)
        problem = find_problem(method, calibrator, *earlier) or find_harm(method, metric, target, predicted, corrected)
        loss = log_loss(target, corrected)
        if problem:
            refused.append(problem)
        elif loss <= (1 - WORTHWHILE) * before or not by_choice:
            losses[method] = loss
    return tuple(sorted(losses, key=lambda method: losses[method]))


def find_problem(method: Correction, calibrator: Any, target: np.ndarray, predicted: np.ndarray) -> str:
    """Why the correction must not be used, from the rows that it was fitted on; empty where it may."""
    if method == "isotonic" and len(target) < MIN_ISOTONIC_ROWS:
        return f"isotonic needs {MIN_ISOTONIC_ROWS:,} validation rows, there are {len(target):,}"
    if method == "sigmoid" and not calibrator.coef_[0, 0] > 0:
        slope = calibrator.coef_[0, 0]
        return f"sigmoid would turn the ranking round: its slope on the validation rows is {slope:.2f}"
    if not (auc := measure_rows("roc_auc", target, predicted)) > 0.5:
        return f"{method} has nothing to go by: ROC AUC on the validation rows is {auc:.2f}"
    corrected = correct_scores(method, calibrator, predicted)
    left, distinct = len(np.unique(corrected)), len(np.unique(predicted))
    if left < MIN_DISTINCT * distinct:
        return f"{method} leaves {left:,} of {distinct:,} distinct scores"
    return ""


def find_harm(method: Correction, metric: str, target: np.ndarray, before: np.ndarray, after: np.ndarray) -> str:
    """Which of `metric`, log loss and ROC AUC the corrected scores make worse; empty where none."""
    for name in dict.fromkeys((metric, "log_loss", "roc_auc")):
        plain, corrected = measure_rows(name, target, before), measure_rows(name, target, after)
        if gain(name, corrected, plain) < -WORTHWHILE * abs(plain):
            label = METRICS.find(name).label
            return f"{method} makes {label} of the last validation block worse: {corrected:.4f} instead of {plain:.4f}"
    return ""


def join_blocks(blocks: Sequence[Block]) -> Block:
    """All rows of the blocks, in their order."""
    return np.concatenate([target for target, _ in blocks]), np.concatenate([predicted for _, predicted in blocks])


def fit_calibrator(method: Correction, target: np.ndarray, predicted: np.ndarray) -> Any:
    """The fitted correction of out-of-fold probabilities. ValueError where `target` has a single class."""
    if method == "sigmoid":
        # As good as unpenalised, but finite where the classes are separated.
        return LogisticRegression(C=1000.0, max_iter=500).fit(_to_logit(predicted), target)
    return _fit_centred(target, predicted)


def _fit_centred(target: np.ndarray, predicted: np.ndarray) -> IsotonicRegression:
    """Isotonic steps, joined at their centres: it rises strictly, so rows keep their order and their distinct scores.

    A. Oron, N. Flournoy, Centered Isotonic Regression, Statistics in Biopharmaceutical Research 9 (2017). Each step's
    share counts one row more, at the overall rate, so that a few rows never say "always"; beyond the outer centres it
    goes on half way to 0 and 1.
    """
    steps = IsotonicRegression().fit_transform(predicted, target)
    block, rows = np.unique(steps, return_inverse=True, return_counts=True)[1:]
    centres = np.bincount(block, predicted) / rows
    shares = (np.bincount(block, target) + target.mean()) / (rows + 1)
    knots = np.concatenate([[0.0], centres, [1.0]])
    values = np.concatenate([[shares[0] / 2], shares, [(1 + shares[-1]) / 2]])
    weights = np.concatenate([[_EDGE], rows, [_EDGE]])
    return IsotonicRegression(out_of_bounds="clip").fit(knots, values, sample_weight=weights)


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
