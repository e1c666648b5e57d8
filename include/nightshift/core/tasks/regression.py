"""A number: scores are its expected value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nightshift.extension.tasks import REGRESSION, TASKS, TaskKind

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# 16 steps hide a copied number from R²: a heavy tail needs steps of its own.
PROBE_LEAVES = 256


class Regression(TaskKind):
    """Targets are the outcomes themselves."""

    name = REGRESSION
    decides = False
    score_columns = ()
    leak_metric = "r2"
    outcome_noun = "value"
    mean_title = "mean outcome"

    def make_target(self, values: pd.Series, column: str, positive_from: float | None) -> pd.Series:
        """The numbers; missing where a value is none."""
        import pandas as pd

        return pd.to_numeric(values, errors="coerce").astype("float64")

    def make_baseline(self) -> Any:
        """The mean, for every row."""
        from sklearn.dummy import DummyRegressor

        return DummyRegressor(strategy="mean")

    def predict(self, model: Any, rows: Any) -> np.ndarray:
        """The predicted value."""
        import numpy as np

        return np.asarray(model.predict(rows), dtype=np.float64)

    def make_columns(self, scores: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
        """None."""
        return {}

    def finish_sums(self, boosting: Any, sums: np.ndarray) -> np.ndarray:
        """By the loss's own link."""
        import numpy as np

        return np.asarray(boosting._loss.link.inverse(sums), dtype=np.float64)

    def make_probe(self, **settings: Any) -> Any:
        """A tree of many steps."""
        from sklearn.tree import DecisionTreeRegressor

        return DecisionTreeRegressor(max_leaf_nodes=PROBE_LEAVES, **settings)

    def is_enough(self, target: np.ndarray) -> bool:
        """Any outcomes will do."""
        return True

    def find_shortage(self, target: np.ndarray) -> str:
        """Any outcomes will do."""
        return ""

    def find_bounds(self, low: float, high: float) -> tuple[float, float]:
        """The outcomes' range, widened by its own width on both sides."""
        return low - (high - low), high + (high - low)

    def describe_outcome(self, column: str, positive_from: float | None) -> str:
        """The column's value."""
        return f"the value of {column}"

    def describe_score(self, column: str, positive_from: float | None) -> str:
        """Its expectation."""
        return f"the expected {column}"


TASKS.register(Regression())
