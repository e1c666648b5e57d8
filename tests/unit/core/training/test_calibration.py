"""Calibration: chosen where it helps, harmless where it doesn't, and shipped with the model."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.evaluation.calibration_error import expected_calibration_error
from nightshift.core.training.calibration import (
    CORRECTIONS,
    Block,
    CalibratedClassifier,
    Correction,
    Method,
    choose_calibration,
    correct_scores,
    find_problem,
    fit_calibrator,
)
from nightshift.io.artifacts import load_model, store_model
from nightshift.io.lake.folder import FolderLake

SIZE = 3000


def draw_block(seed: int, sharpness: float = 1.0, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes, and predictions whose logit is `sharpness` times the true one: above 1, overconfident."""
    generator = np.random.default_rng(seed)
    logit = generator.normal(size=size)
    target = (generator.random(size) < 1 / (1 + np.exp(-logit))).astype(float)
    return target, 1 / (1 + np.exp(-sharpness * logit))


def draw_stepped(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The chance jumps at a score of .5: no sigmoid fits that."""
    generator = np.random.default_rng(seed)
    score = generator.random(SIZE)
    return (generator.random(SIZE) < np.where(score > 0.5, 0.7, 0.3)).astype(float), score


def choose(wanted: Literal["auto"] | Method, blocks: list[Block]) -> str:
    return choose_calibration(wanted, blocks, "log_loss").method


def test_overconfident_probabilities_are_corrected() -> None:
    assert choose("auto", [draw_block(seed, 4.0) for seed in range(3)]) == "sigmoid"


def test_a_curve_that_is_no_sigmoid_is_corrected_by_steps() -> None:
    assert choose("auto", [draw_stepped(seed) for seed in range(3)]) == "isotonic"


def test_calibrated_probabilities_are_left_alone() -> None:
    chosen = {choose("auto", [draw_block(3 * seed + n) for n in range(3)]) for seed in range(5)}
    assert chosen == {"none"}


def test_a_correction_that_the_last_block_contradicts_is_refused() -> None:
    assert choose("auto", [draw_block(0, 4.0), draw_block(1, 4.0), draw_block(2)]) == "none"


def test_a_wanted_correction_is_not_questioned() -> None:
    assert choose("isotonic", [draw_block(0)]) == "isotonic"
    assert choose("none", [draw_block(n, 4.0) for n in range(3)]) == "none"


def test_there_must_be_something_to_learn_from() -> None:
    one_class = (np.zeros(SIZE), np.full(SIZE, 0.4))
    assert choose("sigmoid", [one_class]) == "none"
    assert choose("auto", [draw_block(0, 4.0)]) == "none"
    assert choose("auto", [draw_block(0, 4.0, 50), draw_block(1, 4.0, 50)]) == "none"
    assert choose("auto", [draw_block(0, 4.0), one_class]) == "none"


@pytest.mark.parametrize("method", CORRECTIONS)
def test_a_correction_lowers_the_error_and_keeps_the_ranking(method: Correction) -> None:
    learnt, (target, raw) = draw_block(0, 4.0), draw_block(1, 4.0)
    corrected = correct_scores(method, fit_calibrator(method, *learnt), raw)
    assert expected_calibration_error(target, corrected) < 0.04 < 0.1 < expected_calibration_error(target, raw)
    assert (np.diff(corrected[np.argsort(raw)]) >= -1e-12).all()
    assert ((corrected > 0) & (corrected < 1)).all()


@pytest.mark.parametrize("method", CORRECTIONS)
def test_certain_predictions_stay_finite(method: Correction) -> None:
    target, raw = np.repeat([0.0, 1.0], 50), np.repeat([0.0, 1.0], 50)
    corrected = correct_scores(method, fit_calibrator(method, target, raw), np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(corrected).all()
    assert corrected[0] < 0.05 < 0.95 < corrected[2]


@pytest.mark.parametrize("method", CORRECTIONS)
def test_a_calibrated_model_predicts_the_same_after_the_lake(method: Correction, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(500, 2))
    model = LogisticRegression().fit(rows, (rows[:, 0] > 0).astype(float))
    calibrated = CalibratedClassifier(model, fit_calibrator(method, *draw_block(0, 4.0)), method)
    lake = FolderLake(tmp_path)
    loaded = load_model(lake, store_model(lake, "shops", calibrated, "first"))
    expected = predict_scores(calibrated, "classification", rows)
    assert (expected != predict_scores(model, "classification", rows)).all()
    np.testing.assert_array_equal(predict_scores(loaded, "classification", rows), expected)
    np.testing.assert_array_equal(loaded.predict(rows), (expected >= 0.5).astype(float))


def test_a_calibrated_model_is_one_of_scikit_learns_kind() -> None:
    calibrated = CalibratedClassifier(LogisticRegression(C=3.0), LogisticRegression(), "sigmoid")
    copied = clone(calibrated)
    assert copied.get_params()["model__C"] == 3.0
    assert copied.method == "sigmoid"


def draw_reversed(seed: int, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores that mean the opposite, as after a sudden change of the relation."""
    generator = np.random.default_rng(seed)
    logit = generator.normal(size=SIZE)
    return (generator.random(SIZE) < 1 / (1 + np.exp(-slope * logit))).astype(float), 1 / (1 + np.exp(-logit))


@pytest.mark.parametrize("wanted", ["auto", *CORRECTIONS])
def test_a_correction_never_turns_the_ranking_round(wanted: Literal["auto"] | Method) -> None:
    chosen = choose_calibration(wanted, [draw_reversed(seed, -0.5) for seed in range(3)], "roc_auc")
    assert chosen.method == "none"
    assert "the validation rows is" in chosen.reason


def test_steps_need_a_thousand_rows_and_say_so() -> None:
    blocks = [draw_stepped(seed) for seed in range(3)]
    chosen = choose_calibration("isotonic", [(target[:300], score[:300]) for target, score in blocks], "log_loss")
    assert chosen.method == "none"
    assert chosen.reason == "isotonic needs 1,000 validation rows, there are 600"


def test_steps_are_joined_so_that_rows_keep_their_order_and_their_own_scores() -> None:
    target, score = draw_stepped(0)
    corrected = correct_scores("isotonic", fit_calibrator("isotonic", target, score), np.sort(score))
    assert (np.diff(corrected) >= 0).all()
    assert len(np.unique(corrected)) > 0.5 * SIZE


def test_three_rows_never_say_always() -> None:
    target, score = draw_block(0)
    order = np.argsort(score)
    target[order[-3:]], target[order[-40:-3]] = 1.0, 0.0
    corrected = correct_scores("isotonic", fit_calibrator("isotonic", target, score), score)
    assert corrected[order[-3:]].max() < 0.96


def test_a_correction_that_harms_the_metric_is_left_out_even_where_it_is_wanted() -> None:
    blocks = [draw_block(0, 4.0), draw_block(1, 4.0), draw_block(2)]
    chosen = choose_calibration("sigmoid", blocks, "brier")
    assert chosen.method == "none"
    assert "of the last validation block worse" in chosen.reason


def test_a_falling_sigmoid_is_refused_although_most_rows_are_in_order() -> None:
    target, score = draw_block(0)
    falling = fit_calibrator("sigmoid", *draw_reversed(1, -0.5))
    assert find_problem("sigmoid", falling, target, score).startswith("sigmoid would turn the ranking round: its slope")
