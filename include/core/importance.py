"""What each feature adds: how much worse the metric gets on held-out rows when the feature's values are shuffled.

Source: Breiman, Random Forests, Machine Learning 45 (2001), section 10; on held-out rows and for any model as in
Fisher, Rudin and Dominici, All Models are Wrong, but Many are Useful, JMLR 20 (2019). Features that carry the same
information share it, so each of them looks less important than it is.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance

from include.config.metrics import Metric, Task
from include.core.estimators import predict_scores
from include.core.evaluation import HIGHER_IS_BETTER, measure
from include.core.training import sample_rows


class _Fitted:
    """What scikit-learn insists on; the scorer below knows the model, and nothing is fitted."""

    def fit(self) -> None:
        raise AssertionError("measuring importance must not fit anything")


def measure_importance(
    model: Any,
    task: Task,
    metric: Metric,
    rows: pd.DataFrame,
    target: np.ndarray,
    seed: int,
    max_rows: int = 5000,
    repeats: int = 5,
) -> dict[str, dict[str, float]]:
    """Per column of `rows`: `mean` and `std` of the loss over `repeats` shuffles, in the metric's unit.

    Positive matters, about zero does not. At most `max_rows` seeded rows are used. NaN where the metric can't be
    computed.
    """
    chosen = sample_rows(len(rows), max_rows, seed)
    sign = 1.0 if metric in HIGHER_IS_BETTER else -1.0

    def score(_: Any, shuffled: pd.DataFrame, outcome: np.ndarray) -> float:
        return sign * measure(metric, outcome, predict_scores(model, task, shuffled))

    measured = permutation_importance(
        _Fitted(), rows.iloc[chosen], target[chosen], scoring=score, n_repeats=repeats, random_state=seed
    )
    pairs = zip(rows.columns, measured.importances_mean, measured.importances_std, strict=True)
    return {str(name): {"mean": float(mean), "std": float(std)} for name, mean, std in pairs}
