"""What each feature adds: how much worse the metric gets on held-out rows when the feature's values are shuffled.

Source: Breiman, Random Forests, Machine Learning 45 (2001), section 10; on held-out rows and for any model as in
Fisher, Rudin and Dominici, All Models are Wrong, but Many are Useful, JMLR 20 (2019). Features that carry the same
information share it, so each of them looks less important than it is.
"""

from typing import Any

import numpy as np
import pandas as pd

from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.evaluation.metrics import is_higher_better, measure
from nightshift.core.features.sampling import sample_rows

MAX_ROWS = 5_000


def measure_importance(
    model: Any,
    task: str,
    metric: str,
    rows: pd.DataFrame,
    target: np.ndarray,
    seed: int,
    repeats: int = 5,
) -> dict[str, dict[str, float]]:
    """Per column of `rows`: `mean` and `std` of the loss over `repeats` shuffles, in the metric's unit.

    Positive matters, about zero does not. At most MAX_ROWS seeded rows are used. NaN where the metric can't be
    computed.
    """
    chosen = sample_rows(len(rows), MAX_ROWS, seed)
    sample, outcome = rows.iloc[chosen], target[chosen]
    sign = 1.0 if is_higher_better(metric) else -1.0
    reached = measure(metric, outcome, predict_scores(model, task, sample))
    measured = {}
    for number, name in enumerate(rows.columns):
        generator = np.random.default_rng([seed, number])
        shuffled = _repeat_shuffled(sample, str(name), repeats, generator)
        blocks = predict_scores(model, task, shuffled).reshape(repeats, len(sample))
        losses = [sign * (reached - measure(metric, outcome, block)) for block in blocks]
        measured[str(name)] = {"mean": float(np.mean(losses)), "std": float(np.std(losses))}
    return measured


def _repeat_shuffled(sample: pd.DataFrame, name: str, repeats: int, generator: np.random.Generator) -> pd.DataFrame:
    """The sample `repeats` times over, so that the model is asked once, with one column shuffled within each copy."""
    copies = pd.concat([sample] * repeats, ignore_index=True)
    order = np.concatenate([generator.permutation(len(sample)) for _ in range(repeats)])
    return copies.assign(**{name: sample[name].iloc[order].array})
