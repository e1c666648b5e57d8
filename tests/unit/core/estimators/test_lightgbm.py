"""LightGBM, an extra: as good as its own estimators, safe to store, and missed with a clear word."""

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from nightshift.core.estimators import lightgbm as lightgbm_models
from nightshift.core.estimators.kinds import list_parameters, make_model, predict_scores
from nightshift.core.estimators.lightgbm import LightGbmClassifier, LightGbmRegressor
from nightshift.core.estimators.lightgbm_text import check_trees
from nightshift.core.training.fit import tune_and_fit
from nightshift.errors import NightshiftError
from nightshift.io.artifacts import load_model, store_model
from nightshift.io.lake.folder import FolderLake
from tests.kits.extras import needs_openmp
from tests.unit.core.training.test_search import TRIED, load_spec, make_data

pytestmark = needs_openmp
PARAMETERS: dict[str, Any] = {"n_estimators": 20, "subsample": 0.8, "subsample_freq": 1, "random_state": 7}
BOTH = [{"kind": "lightgbm", "search": {"num_leaves": [1]}}, *TRIED]


def make_rows(count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Numbers with gaps, and a column of codes that tells much."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(count, 4))
    rows[:, 3] = generator.integers(0, 30, count)
    target = (rows[:, 0] + (rows[:, 3] % 3 == 0) > 0).astype(float)
    rows[:50, 1] = np.nan
    return rows, target


def fit_classifier() -> LightGbmClassifier:
    return LightGbmClassifier(**PARAMETERS, categorical_features=[3]).fit(*make_rows())


def test_it_predicts_what_lightgbms_own_estimators_predict() -> None:
    library, (rows, target) = import_module("lightgbm"), make_rows()
    fixed = {**PARAMETERS, "deterministic": True, "force_row_wise": True, "verbose": -1}
    own = library.LGBMClassifier(**fixed).fit(rows, target, categorical_feature=[3])
    classifier = fit_classifier()
    np.testing.assert_array_equal(classifier.predict_proba(rows), own.predict_proba(rows))
    np.testing.assert_array_equal(classifier.predict(rows), own.predict(rows))
    own = library.LGBMRegressor(**fixed).fit(rows, target, categorical_feature=[3])
    regressor = LightGbmRegressor(**PARAMETERS, categorical_features=[3]).fit(rows, target)
    np.testing.assert_array_equal(regressor.predict(rows), own.predict(rows))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_it_predicts_the_same_after_the_lake(tmp_path: Path, task: Any) -> None:
    rows, target, _ = make_data()
    model = make_model("lightgbm", task, ["spent", "hour"], ["shop"], {"n_estimators": 20}, 7).fit(rows, target)
    lake = FolderLake(tmp_path)
    loaded = load_model(lake, store_model(lake, "shops", model, "first"))
    np.testing.assert_array_equal(predict_scores(loaded, task, rows), predict_scores(model, task, rows))


def test_it_is_one_of_scikit_learns_kind() -> None:
    assert clone(fit_classifier()).get_params()["n_estimators"] == 20


def test_trees_without_a_split_predict_too() -> None:
    rows, target = make_rows()
    stump = LightGbmRegressor(n_estimators=2, min_child_samples=5000).fit(rows, target)
    assert stump.predict(rows[:5]) == pytest.approx([target.mean()] * 5)


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="two classes"):
        LightGbmClassifier().fit(np.zeros((9, 1)), np.zeros(9))


def change_number(text: str, line: str, value: str, where: int = 0) -> str:
    """The text with another number in the first such line of the first tree."""

    def replace(match: re.Match[str]) -> str:
        numbers = match[2].split(" ")
        numbers[where] = value
        return match[1] + " ".join(numbers)

    return re.sub(rf"(?m)^({line}=)(.*)$", replace, text, count=1)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("left_child", "0"),  # a path without an end
        ("left_child", "1000"),
        ("right_child", "-2147483648"),
        ("right_child", "nan"),
        ("split_feature", "4"),
        ("split_feature", "-1"),
        ("decision_type", "255"),
        ("num_leaves", "2147483647"),
        ("num_leaves", "1"),
        ("num_cat", "0"),
        ("num_cat", "100000"),
        ("cat_boundaries", "7"),
        ("cat_threshold", "-1"),
        ("cat_threshold", "1 2"),
        ("leaf_value", "0 0"),
        ("leaf_value", "zero"),
        ("is_linear", "1"),
        ("max_feature_idx", "1000000"),
        ("num_class", "3"),
        ("objective", "lambdarank"),
        ("feature_infos", "none none"),
    ],
)
def test_doctored_trees_never_reach_the_library(line: str, value: str) -> None:
    rows, _ = make_rows(5)
    model = fit_classifier()
    model.trees_ = change_number(model.trees_, line, value)
    with pytest.raises(ValueError, match="the trees are damaged"):
        model.predict(rows)


def test_a_category_out_of_bounds_is_refused() -> None:
    model = fit_classifier()
    decisions = re.search(r"(?m)^decision_type=(.*)$", model.trees_)
    assert decisions is not None
    where = decisions[1].split(" ").index("1")
    with pytest.raises(ValueError, match="threshold is out of bounds"):
        check_trees(change_number(model.trees_, "threshold", "40", where), 4)


@pytest.mark.parametrize(
    ("old", "new"),
    [("\nTree=1\n", "\nTree=2\n"), ("end of trees\n", ""), ("num_class=1", "num_class=1\ntree_sizes=9"),
     ("shrinkage=1\n", "shrinkage=1\nshrinkage=1\n"), ("is_linear=0", "is_linear=0\nleaf_features=1")],
)  # fmt: skip
def test_lines_that_do_not_belong_are_refused(old: str, new: str) -> None:
    with pytest.raises(ValueError, match="the trees are damaged"):
        check_trees(fit_classifier().trees_.replace(old, new, 1), 4)


def test_sound_trees_are_not_refused() -> None:
    check_trees(fit_classifier().trees_, 4)


def test_a_parameter_that_lightgbm_refuses_is_a_failed_trial(tmp_path: Path) -> None:
    rows, target, days = make_data()
    fitted = tune_and_fit(
        rows, target, days, load_spec(tmp_path, **{"training.estimators": BOTH, "training.trials": 4})
    )
    failures = [trial.failure for trial in fitted.trials if trial.setting.parameters == {"num_leaves": 1}]
    assert len(failures) == 1
    assert "num_leaves" in failures[0]


def test_without_the_package_the_search_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    rows, target, days = make_data()
    with pytest.raises(NightshiftError, match="bin/setup --extra lightgbm"):
        tune_and_fit(rows, target, days, load_spec(tmp_path, **{"training.estimators": BOTH}))
    tune_and_fit(rows, target, days, load_spec(tmp_path / "without"))


def test_without_the_package_its_parameters_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    for task in ("classification", "regression"):
        assert {"n_estimators", "num_leaves", "learning_rate"} <= set(list_parameters("lightgbm", task))


def test_a_missing_system_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise OSError("libgomp.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(lightgbm_models, "import_module", fail)
    with pytest.raises(NightshiftError, match="apt-get install libgomp1"):
        fit_classifier()
