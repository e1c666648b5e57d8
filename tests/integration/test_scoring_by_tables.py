"""A model's tables belong to its version: the gate compares them, scoring makes them again and checks their hash."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.predictors import TablesPredictor
from nightshift.core.predictors import predictor as making
from nightshift.io.artifacts import load_model
from nightshift.io.lake.base import ObjectRef
from nightshift.io.lake.parquet import fetch_table
from nightshift.io.registry import ModelVersion, PromotionRequest, find_champion, promote
from nightshift.steps.serving import predictors
from nightshift.steps.serving.check import require_servable
from nightshift.steps.serving.predictors import load_predictor
from nightshift.steps.train import assemble_training_set, evaluate_candidate, judge_candidate, tune_and_fit
from tests.integration.kit import LEARNING, NIGHTS, PIPELINE, ROWS, World, bend

NIGHT = NIGHTS[6]
TREES = {
    "training.estimators": [{"kind": "hist_gradient_boosting", "search": {"max_iter": [20], "min_samples_leaf": [5]}}],
    "gate.slices": {"find_weak": False},
}


@pytest.fixture(autouse=True)
def use_tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Also for a few rows. They are made once in a process, and here they are bent."""
    monkeypatch.setattr(predictors, "FEW_ROWS", 1)
    predictors._make.cache_clear()
    yield
    predictors._make.cache_clear()


def find_version_in_charge(world: World) -> ModelVersion:
    with world.warehouse.begin() as connection:
        champion = find_champion(connection, PIPELINE)
    assert champion
    return champion


def score(world: World) -> np.ndarray:
    """What is published, by the lake's object, whoever of the two steps has made it."""
    assert world.score(NIGHT).status == "done"
    ((uri, sha, rows),) = world.ask(
        "select object_uri, sha256, rows from ml.ledger where kind = 'scores' and partition_date = :night", night=NIGHT
    )
    return fetch_table(world.lake, ObjectRef(uri, sha, rows)).column("score").to_numpy()


def predict_natively(world: World) -> np.ndarray:
    champion = find_version_in_charge(world)
    ((uri, sha, rows),) = world.ask(
        "select object_uri, sha256, rows from ml.ledger where kind = 'features' and partition_date = :night",
        night=NIGHT,
    )
    features = fetch_table(world.lake, ObjectRef(uri, sha, rows)).select(champion.feature_names).to_pandas()
    return predict_scores(load_model(world.lake, champion.artifact), "classification", features)


def record(world: World, predictor: dict[str, Any] | None) -> None:
    """As if the version in charge had been trained elsewhere, or long ago."""
    statement = "update ml.model_versions set predictor = cast(:predictor as jsonb) where version = 2"
    world.change_history("ml.model_versions", statement, predictor=predictor and json.dumps(predictor))


@pytest.fixture
def tree_world(champion_world: World) -> World:
    """Boosted trees are in charge, and a night waits to be scored."""
    world = bend(champion_world, **TREES)
    assert world.train(LEARNING[-1], "trees").figures["version"] == 2
    with world.warehouse.begin() as connection:
        promote(connection, PIPELINE, PromotionRequest(2, 1, "tests", "to see its tables", None, kind="manual"))
    world.write(NIGHT)
    assert world.ingest(NIGHT).status == "done"
    return world


def test_tables_score_where_they_are_those_of_the_version(
    tree_world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """From the training through the gate to the night, and only where the hash is the recorded one."""
    world, champion = tree_world, find_version_in_charge(tree_world)
    ((rules,),) = world.ask("select rules from ml.gate_decisions where candidate_version = 2")
    (rule,) = [rule for rule in rules if rule["name"] == "predictor"]
    assert champion.predictor == {"kind": "tables", "sha256": rule["figures"]["sha256"]}
    assert (rule["passed"], rule["figures"]["difference"]) == (True, 0.0)
    expected = predict_natively(world)
    with caplog.at_level(logging.INFO), monkeypatch.context() as patch:
        patch.setattr(making, "predict_scores", lambda *_: pytest.fail("the model itself was asked"))
        np.testing.assert_array_equal(score(world), expected)
    assert "`publish` scores the 120 rows with version 2" in caplog.text
    assert {entry.levelno for entry in caplog.records} == {logging.INFO}
    with monkeypatch.context() as patch:
        patch.setattr("nightshift.core.predictors.kernel.not_kept", ["no locator available"])
        predictors._make.cache_clear()
        np.testing.assert_array_equal(score(world), expected)
    predictors._make.cache_clear()
    assert "Set NUMBA_CACHE_DIR" in caplog.text and "no locator available" in caplog.text
    with monkeypatch.context() as patch:
        patch.setattr(predictors, "FEW_ROWS", ROWS + 1)
        patch.setattr(predictors, "make_predictor", lambda *_: pytest.fail("tables were made for a few rows"))
        np.testing.assert_array_equal(score(world), expected)
    for other, told in [
        ({"kind": "tables", "sha256": "0" * 64}, "not those that the gate has seen"),
        (None, "train again"),
    ]:
        record(world, other)
        caplog.clear()
        with caplog.at_level(logging.WARNING), monkeypatch.context() as patch:
            patch.setattr(TablesPredictor, "predict", lambda *_: pytest.fail("foreign tables were asked"))
            np.testing.assert_array_equal(score(world), expected)
        (warning,) = [entry.getMessage() for entry in caplog.records if entry.name == predictors.__name__]
        assert "version 2 scores by the model itself" in warning and told in warning


def test_a_candidate_whose_tables_differ_is_refused(champion_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And whoever would put it in charge by hand is told the same."""
    world = bend(champion_world, **TREES)
    assembled = assemble_training_set(world.config, world.resources, LEARNING[-1]).figures
    fitted = tune_and_fit(world.config, world.resources, assembled, "wrong").figures
    figures = evaluate_candidate(world.config, world.resources, assembled, fitted, "wrong").figures
    right = TablesPredictor.predict
    monkeypatch.setattr(TablesPredictor, "predict", lambda self, batch: right(self, batch) + 1e-8)
    judged = judge_candidate(world.config, world.resources, assembled, figures["version"], fresh=False).figures
    (rule,) = [rule for rule in judged["rules"] if rule["name"] == "predictor"]
    assert (judged["decision"], judged["challenger"], rule["passed"]) == ("keep", False, False)
    assert "by up to 1e-08 on" in judged["reason"]


def test_a_model_without_tables_is_recorded_as_native(champion_world: World, caplog: pytest.LogCaptureFixture) -> None:
    champion = find_version_in_charge(champion_world)
    assert champion.predictor == {"kind": "native", "reason": "a LogisticRegression has no tables"}
    assert load_predictor(champion_world.config, champion_world.resources, champion, 10**9).kind == "native"
    assert not caplog.records
    require_servable(champion_world.config, champion_world.resources, champion)
