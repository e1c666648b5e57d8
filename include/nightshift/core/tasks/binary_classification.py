"""Two classes: scores are the probability of the positive one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightshift.extension.tasks import BINARY, TASKS, TaskKind

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# With fewer rows of a class, how sure a metric is can't be told from the rows themselves.
MIN_CLASS_ROWS = 10
PROBE_DEPTH = 4


class BinaryClassification(TaskKind):
    """Targets are 0.0 and 1.0."""

    name = BINARY
    decides = True
    score_columns = (("decision", "boolean"),)
    leak_metric = "roc_auc"
    outcome_noun = "class"
    mean_title = "share of positive outcomes"

    def make_target(self, values: pd.Series, column: str, positive_from: float | None) -> pd.Series:
        """1.0 from `positive_from` on; without it, ValueError for values that are not 0/1 or booleans."""
        import pandas as pd

        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
        if positive_from is not None:
            return (numbers >= positive_from).astype("float64").where(numbers.notna())
        strange = numbers.dropna()[~numbers.dropna().isin([0.0, 1.0])]
        if len(strange):
            raise ValueError(
                f"label.column {column!r} holds {strange.iloc[0]:g}; a class is 0 or 1. Set label.positive_from to cut "
                "a number into classes"
            )
        return numbers

    def make_baseline(self) -> Any:
        """The share of positives, for every row."""
        from sklearn.dummy import DummyClassifier

        return DummyClassifier(strategy="prior")

    def predict(self, model: Any, rows: Any) -> np.ndarray:
        """The probability of the positive class."""
        import numpy as np

        positive = list(model.classes_).index(1.0)
        return np.asarray(model.predict_proba(rows)[:, positive], dtype=np.float64)

    def make_columns(self, scores: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
        """Whether the row is decided true."""
        return {"decision": scores >= threshold}

    def finish_sums(self, boosting: Any, sums: np.ndarray) -> np.ndarray:
        """By the loss's own link."""
        import numpy as np

        scores = boosting._loss.predict_proba(sums)[:, list(boosting.classes_).index(1.0)]
        return np.asarray(scores, dtype=np.float64)

    def make_probe(self, **settings: Any) -> Any:
        """A tree of a few conditions."""
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(max_depth=PROBE_DEPTH, **settings)

    def is_enough(self, target: np.ndarray) -> bool:
        """Both classes are there."""
        return len(set(target.tolist())) > 1

    def find_shortage(self, target: np.ndarray) -> str:
        """Too few rows of one class."""
        fewest = min(int((target == 1).sum()), int((target != 1).sum()))
        return f"{fewest} rows of one class, {MIN_CLASS_ROWS} are needed" if fewest < MIN_CLASS_ROWS else ""

    def find_bounds(self, low: float, high: float) -> tuple[float, float]:
        """A probability's."""
        return 0.0, 1.0

    def describe_outcome(self, column: str, positive_from: float | None) -> str:
        """When a row is positive."""
        return f"{column} is true (or 1)" if positive_from is None else f"{column} is {positive_from:g} or more"

    def describe_score(self, column: str, positive_from: float | None) -> str:
        """A probability."""
        return f"the probability that {self.describe_outcome(column, positive_from)}"


TASKS.register(BinaryClassification())
