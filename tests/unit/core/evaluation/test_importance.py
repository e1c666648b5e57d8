"""Permutation importance: in the metric's unit, seeded, and of any model that can predict."""

import numpy as np
import pandas as pd
import pytest

from nightshift.core.estimators.kinds import make_model
from nightshift.core.evaluation import importance
from nightshift.core.evaluation.importance import measure_importance
from nightshift.core.evaluation.metrics import measure

COLUMNS = {"numeric": ["strong", "weak", "noise"], "categorical": ["shop"]}


def draw(count: int = 800, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(seed)
    rows = pd.DataFrame({name: generator.normal(size=count) for name in COLUMNS["numeric"]})
    rows["shop"] = generator.choice(["north", "south", None], count)
    return rows, 3 * rows["strong"].to_numpy() + rows["weak"].to_numpy() + generator.normal(0, 0.3, count)


class MeanOfTwo:
    """A model of no library: it can predict, and nothing else."""

    classes_ = np.array([0.0, 1.0])

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        return np.asarray(3 * rows["strong"] + rows["weak"])

    def predict_proba(self, rows: pd.DataFrame) -> np.ndarray:
        positive = 1 / (1 + np.exp(-self.predict(rows)))
        return np.column_stack([1 - positive, positive])


def test_what_matters_more_loses_more_and_noise_loses_nothing() -> None:
    rows, target = draw()
    model = make_model("ridge", "regression", COLUMNS["numeric"], COLUMNS["categorical"], {}, 7).fit(rows, target)
    found = measure_importance(model, "regression", "r2", rows, target, 7)
    assert list(found) == ["strong", "weak", "noise", "shop"]
    assert found["strong"]["mean"] > 5 * found["weak"]["mean"] > 0
    assert abs(found["noise"]["mean"]) < 0.01
    assert abs(found["shop"]["mean"]) < 0.01


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_a_greater_error_is_a_loss_in_the_unit_of_the_target(metric: str) -> None:
    rows, target = draw()
    found = measure_importance(MeanOfTwo(), "regression", metric, rows, target, 7)  # type: ignore[arg-type]
    shuffled = rows.assign(strong=np.random.default_rng(1).permutation(rows["strong"]))
    lost = measure(metric, target, MeanOfTwo().predict(shuffled)) - measure(metric, target, MeanOfTwo().predict(rows))
    assert found["strong"]["mean"] == pytest.approx(lost, rel=0.1)
    assert found["noise"]["mean"] == 0.0


def test_any_classifier_with_probabilities_can_be_asked() -> None:
    rows, target = draw()
    found = measure_importance(MeanOfTwo(), "classification", "log_loss", rows, (target > 0).astype(float), 7)
    assert found["strong"]["mean"] > found["weak"]["mean"] > found["noise"]["mean"] == 0.0


def test_the_same_seed_gives_the_same_figures_and_another_gives_others() -> None:
    rows, target = draw()
    first, again, other = (
        measure_importance(MeanOfTwo(), "regression", "r2", rows, target, seed) for seed in (7, 7, 8)
    )
    assert first == again != other


def test_no_more_rows_than_asked_for_are_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Watched(MeanOfTwo):
        def predict(self, rows: pd.DataFrame) -> np.ndarray:
            seen.append(len(rows))
            return super().predict(rows)

    rows, target = draw()
    monkeypatch.setattr(importance, "MAX_ROWS", 100)
    measure_importance(Watched(), "regression", "r2", rows, target, 7, repeats=2)
    # Once as they are, then every column with all its shuffles at once.
    assert seen == [100] + [2 * 100] * len(rows.columns)


def test_a_metric_that_cannot_be_computed_leaves_nothing_known() -> None:
    rows, target = draw()
    found = measure_importance(MeanOfTwo(), "classification", "roc_auc", rows, np.ones(len(target)), 7)
    assert all(np.isnan(value["mean"]) for value in found.values())
