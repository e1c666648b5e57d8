"""What a prediction task must answer. Those that ship are in core/tasks/, one file each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from nightshift.extension.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

BINARY = "binary_classification"
REGRESSION = "regression"


class TaskKind(ABC):
    """A task: what is learned, how it is predicted, measured, checked, stored and described.

    `name` is what `task` of pipeline.yaml says. Targets and scores are float64 of shape (rows,).
    """

    name: ClassVar[str]
    # Scores are probabilities of one class: they can be calibrated, cut into decisions and estimated without outcomes.
    decides: ClassVar[bool]
    # Columns of the scored table behind `score`: name and type as in `columns` of pipeline.yaml.
    score_columns: ClassVar[tuple[tuple[str, str], ...]]
    # The metric that tells whether a single feature, or the model, knows the outcome; 1 is perfect.
    leak_metric: ClassVar[str]
    # What an outcome is one of, and what its mean is, in words.
    outcome_noun: ClassVar[str]
    mean_title: ClassVar[str]

    @abstractmethod
    def make_target(self, values: pd.Series, column: str, positive_from: float | None) -> pd.Series:
        """Outcomes as float64, missing where the outcome is. ValueError where they can't be this task's."""

    @abstractmethod
    def make_baseline(self) -> Any:
        """An unfitted estimator that predicts without looking at the features."""

    @abstractmethod
    def predict(self, model: Any, rows: Any) -> np.ndarray:
        """The scores of a fitted model."""

    @abstractmethod
    def make_columns(self, scores: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
        """The values of `score_columns` for these scores, each of shape (rows,), without missing ones.

        `threshold` is from which score on a row is decided true, where the task decides.
        """

    @abstractmethod
    def finish_sums(self, boosting: Any, sums: np.ndarray) -> np.ndarray:
        """The scores of scikit-learn's boosted trees from the sums of their leaves."""

    @abstractmethod
    def make_probe(self, **settings: Any) -> Any:
        """An unfitted small decision tree of these settings: what one feature alone can tell."""

    @abstractmethod
    def is_enough(self, target: np.ndarray) -> bool:
        """Whether a model can be fitted on these outcomes, whatever their number."""

    @abstractmethod
    def find_shortage(self, target: np.ndarray) -> str:
        """Why a group of rows with these outcomes is too few to compare models on; empty where it is not."""

    @abstractmethod
    def find_bounds(self, low: float, high: float) -> tuple[float, float]:
        """The smallest and largest score that is possible where the training outcomes reach from `low` to `high`."""

    @abstractmethod
    def describe_outcome(self, column: str, positive_from: float | None) -> str:
        """What the outcome is, for people."""

    @abstractmethod
    def describe_score(self, column: str, positive_from: float | None) -> str:
        """What the score says of a row, for people."""


# Names of earlier releases, in pipeline.yaml and in what was stored.
ALIASES = {"classification": BINARY}
TASKS: Registry[TaskKind] = Registry(
    "task",
    "nightshift.core.tasks.binary_classification",
    "nightshift.core.tasks.regression",
    reserved=ALIASES,
)


def find_task(name: str) -> TaskKind:
    """The task of that name or of its earlier one; NightshiftError, with what there is, where there is none."""
    return TASKS.find(ALIASES.get(name, name))
