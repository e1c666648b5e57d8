"""The seeded search and the models."""

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_info, threadpool_limits

from nightshift.config.loading import load_pipeline
from nightshift.config.pipeline import PipelineSpec
from nightshift.core.estimators import kinds as estimators
from nightshift.core.estimators.kinds import fit_model, make_model, predict_scores
from nightshift.core.evaluation.metrics import gain, measure
from nightshift.core.training import fit as training
from nightshift.core.training import search
from nightshift.core.training.calibration import CORRECTIONS
from nightshift.core.training.fit import tune_and_fit
from nightshift.core.training.search import Trial, choose_survivors, plan_rungs
from nightshift.core.training.search_space import Setting, choose_settings, list_settings
from nightshift.core.training.splits import make_folds
from nightshift.extension.estimators import ESTIMATORS, Estimator
from nightshift.extension.later import later
from nightshift.extension.tasks import BINARY, find_task
from tests.kits.extras import LIGHTGBM, needs_openmp
from tests.kits.pipelines import make_spec, write_pipeline

TRIED = [
    {"kind": "logistic", "search": {"C": [0.1, 1.0]}},
    {"kind": "hist_gradient_boosting", "search": {"max_iter": [5, 10], "max_leaf_nodes": [4, 8]}},
]


def load_spec(folder: Path, **changes: Any) -> PipelineSpec:
    return load_pipeline(write_pipeline(folder, make_spec(**{"training.estimators": TRIED, **changes}))).spec


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


# Few trees where there would be many.
QUICK: dict[str, dict[str, list[Any]]] = {
    "random_forest": {"n_estimators": [20]},
    "hist_gradient_boosting": {"max_iter": [20]},
    "lightgbm": {"n_estimators": [20], "subsample": [0.7], "subsample_freq": [1], "colsample_bytree": [0.7]},
}
CASES = [
    pytest.param(estimator.name, task, method, marks=needs_openmp if estimator.require_library else ())
    for estimator in ESTIMATORS
    for task in estimator.factories
    for method in (CORRECTIONS if find_task(task).decides else ("none",))
]


@pytest.mark.parametrize(("kind", "task", "calibrate"), CASES)
def test_the_same_seed_data_and_code_give_the_same_model(tmp_path: Path, kind: str, task: str, calibrate: str) -> None:
    rows, target, days = make_data(3000 if calibrate == "isotonic" else 1000)
    metric = "roc_auc" if task == BINARY else "rmse"
    changes = {"task": task, "training.metric": metric, "training.calibrate": calibrate, "training.trials": 2}
    estimators = [{"kind": kind, "search": QUICK.get(kind, {})}]
    spec = load_spec(tmp_path, **{**changes, "training.estimators": estimators})
    first, second = (tune_and_fit(rows, target, days, spec) for _ in range(2))
    assert (first.setting, first.calibration, first.threshold) == (second.setting, second.calibration, second.threshold)
    assert first.calibration == calibrate or first.calibration_refused
    assert [replace(trial, seconds=0) for trial in first.trials] == [replace(t, seconds=0) for t in second.trials]
    expected = predict_scores(first.model, spec.task, rows)
    for model in (first.model, second.model):
        np.testing.assert_array_equal(predict_scores(model, spec.task, rows), expected)


def test_fits_side_by_side_choose_what_fits_one_by_one_do(tmp_path: Path) -> None:
    rows, target, days = make_data(1000)
    broken = [{"kind": "logistic", "search": {"C": [-1.0, 0.1]}}, GRID[1]]
    spec = load_spec(tmp_path, **{"training.estimators": broken, "training.trials": 7})
    one, four = (tune_and_fit(rows, target, days, spec, workers=workers) for workers in (1, 4))
    # As text: a trial that failed has a value that is not equal to itself.
    assert str([replace(trial, seconds=0) for trial in one.trials]) == str([replace(t, seconds=0) for t in four.trials])
    assert any(trial.failure for trial in one.trials)
    assert (one.setting, one.threshold) == (four.setting, four.threshold)
    expected = predict_scores(one.model, spec.task, rows)
    np.testing.assert_array_equal(predict_scores(four.model, spec.task, rows), expected)


@pytest.mark.parametrize(("edge", "workers", "most"), [(10**6, 3, 3), (100, 3, 1)])
def test_large_fits_of_a_search_come_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edge: int, workers: int, most: int
) -> None:
    """Each then has all cores, and no second one's rows lie in memory."""
    monkeypatch.setattr(search, "ROWS_FOR_THREADS", edge)
    fit, begun, together = search.fit_model, [], []

    def watch(*arguments: object) -> object:
        begun.append(1)
        time.sleep(0.05)
        together.append(len(begun))
        try:
            return fit(*arguments)
        finally:
            begun.pop()

    monkeypatch.setattr(search, "fit_model", watch)
    rows, target, days = make_data(600)
    tune_and_fit(rows, target, days, load_spec(tmp_path), workers=workers)
    assert max(together) == most


@pytest.mark.parametrize(("edge", "alone"), [(10**6, True), (100, False)])
def test_a_fit_of_few_rows_has_one_thread(monkeypatch: pytest.MonkeyPatch, edge: int, alone: bool) -> None:
    monkeypatch.setattr(estimators, "ROWS_FOR_THREADS", edge)
    seen: list[int] = []

    class Watching(Pipeline):
        def fit(self, rows: object, target: object) -> None:
            seen.extend(found["num_threads"] for found in threadpool_info() if found["user_api"] == "openmp")

    with threadpool_limits(4, user_api="openmp"):
        fit_model(Watching([("model", DummyClassifier())]), None, np.zeros(200))
    assert seen
    assert all((threads == 1) is alone for threads in seen)


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


def test_where_no_setting_works_the_reason_is_told_and_the_trials_are(tmp_path: Path) -> None:
    rows, _, days = make_data()
    ended: list[Trial] = []
    with pytest.raises(ValueError, match="no hyperparameters could be fitted"):
        tune_and_fit(rows, np.zeros(len(rows)), days, load_spec(tmp_path), lambda trial, place: ended.append(trial))
    assert len(ended) > 1
    assert all(trial.failure and np.isnan(trial.value) for trial in ended)


def test_predictions_that_are_not_finite_are_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, target, days = make_data()
    monkeypatch.setattr(search, "predict_scores", lambda model, task, rows: np.full(len(rows), np.nan))
    with pytest.raises(ValueError, match="not finite"):
        tune_and_fit(rows, target, days, load_spec(tmp_path))


GRID = [
    {"kind": "logistic", "search": {"C": [0.01, 0.1, 1.0, 10.0, 100.0]}},
    {"kind": "hist_gradient_boosting", "search": {"max_iter": [20, 30], "max_leaf_nodes": [4, 8, 15]}},
]


def make_crossed(rows: int = 6_000) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The outcome is in the product of two columns, which no line sees."""
    frame, _, days = make_data(rows)
    frame = frame.assign(
        spent=np.random.default_rng(2).normal(size=rows), hour=np.random.default_rng(3).normal(size=rows)
    )
    return frame, (frame["spent"] * frame["hour"] > 0).astype(float).to_numpy(), days


def test_halving_finds_the_better_estimator_on_a_fraction_of_the_rows(tmp_path: Path) -> None:
    rows, target, days = make_crossed()
    changes = {"training.estimators": GRID, "training.trials": 10, "training.folds": 2}
    places: list[str] = []
    spec = load_spec(tmp_path, **changes)
    halved = tune_and_fit(rows, target, days, spec, lambda trial, place: places.append(place))
    full = tune_and_fit(rows, target, days, load_spec(tmp_path / "full", **changes, **{"training.halving": 10}))
    assert [trial.rung for trial in full.trials] == [0] * 10
    # The last round has the best of the other kind as well.
    assert halved.setting.kind == full.setting.kind == "hist_gradient_boosting"
    assert [sum(trial.rung == rung for trial in halved.trials) for rung in range(3)] == [10, 5, 3]
    assert sum(trial.rows for trial in halved.trials) < 0.6 * sum(trial.rows for trial in full.trials)
    assert places[0] == "search round 1 of 3, combination 1 of 10"
    assert places[-1] == "search round 3 of 3, combination 3 of 3"
    assert [trial.number for trial in halved.trials] == list(range(18))
    last = [trial for trial in halved.trials if trial.rung == 2]
    assert halved.setting == max(last, key=lambda trial: trial.value).setting


def make_folds_of(count: int, days: int = 8) -> tuple[list[search.Fold], np.ndarray]:
    """Of rows that are not in order of time."""
    return make_folds(np.arange(count) % days, 3), np.arange(count) // days % 2.0


def test_each_round_has_more_rows_and_the_last_has_all() -> None:
    folds, target = make_folds_of(16_000)
    rungs = plan_rungs(27, 3, folds, target, "classification", 7)
    assert len(rungs) == 3
    for number, (train, validate) in enumerate(folds):
        samples = [rung[number][0] for rung in rungs]
        assert [len(sample) for sample in samples] == [-(-len(train) // 9), -(-len(train) // 3), len(train)]
        assert all(np.isin(small, large).all() for small, large in pairwise([*samples, train]))
        assert all(np.array_equal(rung[number][1], validate) for rung in rungs)


@pytest.mark.parametrize(("settings", "rows", "rounds"), [(3, 16_000, 1), (27, 1200, 1), (27, 3000, 2), (9, 16_000, 2)])
def test_few_settings_or_few_rows_need_fewer_rounds(settings: int, rows: int, rounds: int) -> None:
    folds, target = make_folds_of(rows)
    rungs = plan_rungs(settings, 3, folds, target, "classification", 7)
    assert len(rungs) == rounds
    assert all(len(train) >= search.MIN_FOLD_ROWS for rung in rungs for train, _ in rung)


def test_a_round_sees_both_classes() -> None:
    folds, target = make_folds_of(16_000)
    rare = np.zeros(len(target))
    rare[folds[0][0][0]] = 1.0
    assert len(plan_rungs(27, 3, folds, rare, "classification", 7)) == 1
    assert len(plan_rungs(27, 3, folds, rare, "regression", 7)) == 3


@pytest.mark.parametrize(
    ("imbalance", "share", "weights"),
    [
        ("auto", 0.05, {None, "balanced"}),
        ("auto", 0.95, {None, "balanced"}),
        ("auto", 0.4, {None}),
        ("none", 0.05, {None}),
        ("balanced", 0.4, {"balanced"}),
    ],
)
def test_a_rare_class_is_weighed(tmp_path: Path, imbalance: str, share: float, weights: set[str | None]) -> None:
    target = (np.arange(1000) < 1000 * share).astype(float)
    settings = choose_settings(load_spec(tmp_path, **{"training.imbalance": imbalance, "training.trials": 6}), target)
    assert {setting.parameters.get("class_weight") for setting in settings} == weights
    assert len(settings) == 6


def test_a_kind_without_class_weights_stays_as_it_is(tmp_path: Path) -> None:
    encode = later("nightshift.core.estimators.encoders", "encode_for_lines")
    ESTIMATORS.register(Estimator("naive_toy", {BINARY: later("sklearn.naive_bayes", "GaussianNB")}, encode))
    try:
        kinds = [{"kind": "naive_toy"}, {"kind": "logistic"}]
        spec = load_spec(tmp_path, **{"training.estimators": kinds, "training.imbalance": "balanced"})
        assert [(setting.kind, setting.parameters) for setting in choose_settings(spec, np.zeros(9))] == [
            ("naive_toy", {}),
            ("logistic", {"class_weight": "balanced"}),
        ]
    finally:
        ESTIMATORS.unregister("naive_toy")


def test_a_configured_class_weight_is_kept(tmp_path: Path) -> None:
    estimators = [{"kind": "logistic", "search": {"class_weight": [None]}}]
    spec = load_spec(tmp_path, **{"training.estimators": estimators, "training.imbalance": "balanced"})
    assert [setting.parameters for setting in choose_settings(spec, np.zeros(9))] == [
        {"class_weight": "balanced"},
        {"class_weight": None},
    ]


def test_values_have_no_classes_to_weigh(tmp_path: Path) -> None:
    spec = load_spec(tmp_path, **{
        "task": "regression", "training.metric": "rmse", "training.imbalance": "balanced",
        "training.estimators": [{"kind": "ridge"}],
    })  # fmt: skip
    assert [setting.parameters for setting in choose_settings(spec, np.zeros(9))] == [{}]


def test_weights_that_bend_the_probabilities_are_corrected(tmp_path: Path) -> None:
    rows, _, days = make_data(6000)
    chance = 1 / (1 + np.exp(4 - rows["spent"].fillna(0)))
    target = (np.random.default_rng(4).random(len(rows)) < chance).astype(float)
    estimators = [{"kind": "logistic"}]
    spec = load_spec(tmp_path, **{"training.estimators": estimators, "training.imbalance": "balanced"})
    fitted = tune_and_fit(rows, target, days, spec)
    assert fitted.setting.parameters == {"class_weight": "balanced"}
    assert fitted.calibration in ("sigmoid", "isotonic")
    assert predict_scores(fitted.model, spec.task, rows).mean() == pytest.approx(target.mean(), abs=0.01)
    plain = load_spec(tmp_path / "plain", **{"training.estimators": estimators, "training.imbalance": "none"})
    assert tune_and_fit(rows, target, days, plain).calibration == "none"


def test_the_threshold_serves_the_rule_on_the_scores_that_are_shipped(tmp_path: Path) -> None:
    rows, target, days = make_data(4000)
    decision = {"rule": "top_share", "share": 0.2}
    spec = load_spec(tmp_path, **{"training.calibrate": "sigmoid", "scoring": {"decision": decision}})
    fitted = tune_and_fit(rows, target, days, spec)
    assert fitted.threshold is not None
    assert fitted.decision_rule is not None
    share = (predict_scores(fitted.model, spec.task, rows) >= fitted.threshold).mean()
    assert share == pytest.approx(0.2, abs=0.03)
    assert fitted.decision_rule["validation"]["share"] == pytest.approx(0.2, abs=0.001)
    # All validation blocks, which is everything but the first days.
    first = make_folds(days, spec.training.folds)[0][0]
    assert fitted.decision_rule["rows"] == len(rows) - len(first)


@pytest.mark.parametrize("kind", ["logistic", "random_forest", "hist_gradient_boosting", LIGHTGBM])
def test_models_score_missing_values_and_unseen_categories(kind: str) -> None:
    rows, target, _ = make_data()
    parameters = {"n_estimators": 10} if kind == "random_forest" else {}
    model = make_model(kind, "classification", ["spent", "hour"], ["shop"], parameters, 7).fit(rows, target)
    strange = rows.assign(shop="never seen", spent=np.nan, hour=np.nan)
    assert np.isfinite(predict_scores(model, "classification", strange)).all()


@pytest.mark.parametrize("kind", ["ridge", "random_forest", "hist_gradient_boosting", LIGHTGBM])
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


def test_the_search_sees_a_sample_and_the_last_fit_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[int] = []
    fit = training.fit_model
    monkeypatch.setattr(
        training, "fit_model", lambda model, rows, target: fitted.append(len(rows)) or fit(model, rows, target)
    )
    rows, target, days = make_data(1_000)
    found = tune_and_fit(rows, target, days, load_spec(tmp_path, **{"training.search_rows": 400}))
    assert max(trial.rows for trial in found.trials) < 400
    assert fitted == [1_000]


def test_the_best_of_each_kind_stays_in_the_search_however_few_rows_the_round_had() -> None:
    """On few rows a straight line beats trees that win on all of them."""
    kinds = ["ridge", "ridge", "hist_gradient_boosting", "ridge", "hist_gradient_boosting"]
    ranked = [
        Trial(number, 0, Setting(kind, {"n": number}), 300, 1.0 - number / 10, (1.0,), 0.1)
        for number, kind in enumerate(kinds)
    ]
    assert [setting.parameters["n"] for setting in choose_survivors(ranked, 2)] == [0, 1, 2]
    assert [setting.parameters["n"] for setting in choose_survivors(ranked, 1)] == [0, 2]
