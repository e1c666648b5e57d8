"""The search as a step: what it leaves in the warehouse and in the lake."""

import logging
from typing import Any

import numpy as np
import pytest

from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.training.fit import tune_and_fit as search_and_fit
from nightshift.errors import NightshiftError
from nightshift.io.artifacts import load_model
from nightshift.io.lake.base import ObjectRef
from nightshift.steps.train import assemble_training_set, tune_and_fit
from nightshift.steps.train.training_set import read_training_set
from tests.integration.kit import LEARNING, PIPELINE, World, bend, draw_rows

CHANGES: dict[str, Any] = {
    "training.trials": 3,
    "training.estimators": [{"kind": "logistic", "search": {"C": [-1.0, 0.1]}}],
    "training.calibrate": "sigmoid",
    "scoring": {"decision": {"rule": "recall_at_precision", "precision": 1.0}},
}
TRIALS = "select number, rung, parameters, rows, metric, value, fold_values, failure from ml.trials order by number"


@pytest.fixture
def learnt(world: World) -> World:
    """Six nights came in."""
    for night in LEARNING:
        world.write(night, draw_rows(night))
        assert world.ingest(night).status == "done"
    return bend(world, **CHANGES)


def assemble(world: World) -> dict[str, Any]:
    return assemble_training_set(world.config, world.resources, LEARNING[-1]).figures


def test_every_trial_is_kept_once_however_often_the_run_is_repeated(
    learnt: World, caplog: pytest.LogCaptureFixture
) -> None:
    assembled = assemble(learnt)
    with caplog.at_level(logging.INFO):
        first, again = (tune_and_fit(learnt.config, learnt.resources, assembled, "run").figures for _ in range(2))
    found = learnt.ask(TRIALS)
    assert [(number, rung, metric) for number, rung, *_, metric, _, _, _ in found] == [
        (n, 0, "roc_auc") for n in range(3)
    ]
    failed = [trial for trial in found if trial[2] == {"C": -1.0}]
    assert [(value, folds) for *_, value, folds, _ in failed] == [(None, [])]
    assert "'C' parameter" in failed[0][-1]
    assert all(value == pytest.approx(np.mean(folds)) for *_, value, folds, failure in found if not failure)
    assert first["trials"] == again["trials"] == len(found)
    assert {**first, "artifact": None} == {**again, "artifact": None}
    assert "search round 1 of 1, combination 3 of 3: logistic" in caplog.text
    assert learnt.ask("select distinct pipeline, run_id from ml.trials") == [(PIPELINE, "run")]


def test_the_stored_model_and_threshold_are_those_that_the_search_made(learnt: World) -> None:
    assembled = assemble(learnt)
    figures = tune_and_fit(learnt.config, learnt.resources, assembled, "run").figures
    train = read_training_set(learnt.config, learnt.resources, assembled).train
    made = search_and_fit(train.rows, train.target, train.days, learnt.config.spec)
    loaded = load_model(learnt.lake, ObjectRef.from_record(figures["artifact"]))
    np.testing.assert_array_equal(
        *(predict_scores(model, "classification", train.rows) for model in (loaded, made.model))
    )
    assert (figures["calibration"], figures["calibration_refused"]) == (made.calibration, made.calibration_refused)
    # On so few rows the sigmoid that pipeline.yaml asks for does harm.
    assert "sigmoid makes log loss of the last validation block worse" in made.calibration_refused
    assert figures["threshold"] == made.threshold
    assert figures["decision_rule"]["validation"]["share"] > 0


def test_a_search_that_failed_is_kept_and_the_corrected_one_after_it(learnt: World) -> None:
    assembled = assemble(learnt)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "nightshift.core.training.search.predict_scores", lambda model, task, rows: np.full(len(rows), np.nan)
        )
        with pytest.raises(NightshiftError, match="no hyperparameters could be fitted"):
            tune_and_fit(learnt.config, learnt.resources, assembled, "run")
    assert all(failure for *_, failure in learnt.ask(TRIALS))
    for _ in range(2):
        tune_and_fit(learnt.config, learnt.resources, assembled, "run")
        assert [number for number, *_ in learnt.ask(TRIALS)] == list(range(6))
