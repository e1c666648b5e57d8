"""The seeded search and the models."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.config.loading import load_pipeline
from include.config.pipeline import PipelineSpec
from include.core.estimators import make_model, predict_scores
from include.core.evaluation import gain, measure
from include.core.training import list_settings, sample_rows, tune_and_fit
from tests.unit.pipelines import make_spec, write_pipeline

ESTIMATORS = [
    {"kind": "logistic", "search": {"C": [0.1, 1.0]}},
    {"kind": "hist_gradient_boosting", "search": {"max_iter": [5, 10], "max_leaf_nodes": [4, 8]}},
]


def load_spec(folder: Path, **changes: Any) -> PipelineSpec:
    return load_pipeline(write_pipeline(folder, make_spec(**{"training.estimators": ESTIMATORS, **changes}))).spec


def make_data(rows: int = 400) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "spent": generator.normal(size=rows),
            "hour": generator.integers(0, 24, rows).astype(float),
            "shop": generator.choice(["a", "b", "c"], rows).astype(object),
        }
    )
    target = (frame["spent"] + generator.normal(scale=0.5, size=rows) > 0).astype(float).to_numpy()
    frame.loc[:20, "spent"] = np.nan
    frame.loc[5:9, "shop"] = None
    days = np.sort(np.datetime64("2026-01-01") + generator.integers(0, 8, rows))
    return frame, target, days


def test_the_same_seed_data_and_code_give_the_same_model(tmp_path: Path) -> None:
    rows, target, days = make_data()
    spec = load_spec(tmp_path)
    first, second = (tune_and_fit(rows, target, days, spec) for _ in range(2))
    assert first.setting == second.setting
    np.testing.assert_array_equal(
        predict_scores(first.model, spec.task, rows), predict_scores(second.model, spec.task, rows)
    )


def test_every_estimator_is_tried_with_its_defaults_first(tmp_path: Path) -> None:
    settings = list_settings(load_spec(tmp_path).training.estimators, 5, 7)
    assert [(s.kind, s.parameters) for s in settings[:2]] == [("logistic", {}), ("hist_gradient_boosting", {})]
    assert len(settings) == 5


def test_another_seed_tries_other_settings(tmp_path: Path) -> None:
    estimators = load_spec(tmp_path).training.estimators
    tried = {str([s.parameters for s in list_settings(estimators, 4, seed)]) for seed in range(8)}
    assert len(tried) > 1


def test_a_setting_that_can_not_be_fitted_is_a_failed_trial(tmp_path: Path) -> None:
    rows, target, days = make_data()
    broken = [{"kind": "logistic", "search": {"C": [-1.0]}}]
    fitted = tune_and_fit(rows, target, days, load_spec(tmp_path, **{"training.estimators": broken}))
    assert fitted.setting.parameters == {}
    assert [bool(trial.failure) for trial in fitted.trials] == [False, True]


def test_where_no_setting_works_the_reason_is_told(tmp_path: Path) -> None:
    rows, _, days = make_data()
    with pytest.raises(ValueError, match="no setting could be fitted"):
        tune_and_fit(rows, np.zeros(len(rows)), days, load_spec(tmp_path))


@pytest.mark.parametrize("kind", ["logistic", "random_forest", "hist_gradient_boosting"])
def test_models_score_missing_values_and_unseen_categories(kind: str) -> None:
    rows, target, _ = make_data()
    parameters = {"n_estimators": 10} if kind == "random_forest" else {}
    model = make_model(kind, "classification", ["spent", "hour"], ["shop"], parameters, 7).fit(rows, target)
    strange = rows.assign(shop="never seen", spent=np.nan, hour=np.nan)
    assert np.isfinite(predict_scores(model, "classification", strange)).all()


@pytest.mark.parametrize("kind", ["ridge", "random_forest", "hist_gradient_boosting"])
def test_regressors_predict_values(kind: str) -> None:
    rows, target, _ = make_data()
    parameters = {"n_estimators": 10} if kind == "random_forest" else {}
    model = make_model(kind, "regression", ["spent", "hour"], ["shop"], parameters, 7).fit(rows, target * 100)
    assert predict_scores(model, "regression", rows).std() > 10


def test_metrics_that_can_not_be_computed_are_nan() -> None:
    ones = np.ones(3)
    assert np.isnan(measure("roc_auc", ones, ones))
    assert np.isnan(measure("rmse", ones, np.array([1.0, np.nan, 1.0])))
    assert np.isnan(measure("r2", np.array([]), np.array([])))


def test_gain_has_the_direction_of_the_metric() -> None:
    assert gain("roc_auc", 0.8, 0.7) > 0 > gain("rmse", 0.8, 0.7)


def test_a_sample_is_seeded_and_in_order() -> None:
    assert sample_rows(5, 10, 1).tolist() == [0, 1, 2, 3, 4]
    chosen = sample_rows(1000, 10, 1)
    assert chosen.tolist() == sorted(chosen) == sample_rows(1000, 10, 1).tolist()
