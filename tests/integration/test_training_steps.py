"""From labels to a champion, from drift to the wish for a new one."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from nightshift.config.loading import load_pipeline
from nightshift.errors import NightshiftError
from nightshift.io.ledger.entries import find_entries
from nightshift.steps.drift import measure_performance
from nightshift.steps.labels import TARGET, read_targets
from nightshift.steps.train import assemble_training_set, evaluate_candidate, judge_candidate, tune_and_fit
from tests.integration.kit import LEARNING, NIGHTS, PIPELINE, ROWS, SETTINGS, SUITE, World, bend, draw_rows
from tests.kits.pipelines import make_spec, write_pipeline

LATER = NIGHTS[6:10]


def ingest_all(world: World, nights: tuple[date, ...], **drawn: Any) -> None:
    for night in nights:
        world.write(night, **drawn)
        assert world.ingest(night).status == "done"


def test_the_first_training_registers_gates_and_promotes(champion_world: World) -> None:
    world = champion_world
    versions = "select version, run_id, train_from, train_to, holdout_from, rows, metrics from ml.model_versions"
    ((version, run_id, first, last, held, rows, metrics),) = world.ask(versions)
    assert (version, run_id, first) == (1, "first", LEARNING[0])
    # The last slice of time is not fitted on: two nights of six.
    assert (last, held, rows) == (LEARNING[3], LEARNING[4], 4 * ROWS)
    assert metrics["roc_auc"] > metrics["baseline"]["roc_auc"] == 0.5
    ((identity, champion, decision, rules),) = world.ask(
        "select id, champion_version, decision, rules from ml.gate_decisions"
    )
    assert (champion, decision) == (None, "promote")
    assert {rule["name"]: rule["passed"] for rule in rules} == dict.fromkeys(
        (
            "min_rows",
            "features",
            "reload",
            "predictor",
            "sanity",
            "overlap",
            "floor",
            "baseline",
            "naive",
            "leakage",
            "suspect",
            "calibration",
            "champion",
            "slices",
        ),
        True,
    )
    promotion = "select version, previous_version, promoted_by, gate_decision_id from ml.promotions"
    assert world.ask(promotion) == [(1, None, "tests", identity)]
    assert world.ask("select pipeline, version from ml.champions") == [(PIPELINE, 1)]


def test_a_retried_evaluation_finds_its_version(champion_world: World) -> None:
    world = champion_world
    assembled = assemble_training_set(world.config, world.resources, LEARNING[-1]).figures
    fitted = tune_and_fit(world.config, world.resources, assembled, "second").figures
    found = [evaluate_candidate(world.config, world.resources, assembled, fitted, "second") for _ in range(2)]
    assert [outcome.figures["version"] for outcome in found] == [2, 2]
    assert world.ask("select count(*) from ml.model_versions") == [(2,)]


def test_the_same_training_again_gives_the_same_model(champion_world: World) -> None:
    """The same bytes, so the same scores; the same golden rows, threshold and figures as well."""
    world = champion_world
    assert world.train(LEARNING[-1], "again").figures["promoted"]
    query = (
        "select artifact_sha256, golden_sha256, parameters, inputs, metrics, threshold, decision_rule, train_from,"
        " holdout_to from ml.model_versions order by version"
    )
    first, second = world.ask(query)
    assert first == second


def test_a_candidate_that_is_worse_keeps_the_champion_and_its_scores(champion_world: World) -> None:
    """It learnt in a world where spending tells nothing; on the held-out nights it does."""
    world = champion_world
    ingest_all(world, LATER[:2], weak=True)
    ingest_all(world, LATER[2:3])
    assert world.score(LATER[0]).status == "done"
    before = world.read_state()
    outcome = world.train(LATER[2], "worse", train_from=LATER[0], train_to=LATER[2])
    assert (outcome.status, outcome.figures["decision"], outcome.figures["promoted"]) == ("done", "keep", False)
    rules = {rule["name"]: rule for rule in outcome.figures["rules"]}
    assert rules["champion"]["passed"] is False
    assert rules["champion"]["figures"]["gain"] < -0.05
    after = world.read_state()
    assert {**after, "versions": after["versions"][:1]} == before
    assert world.ask("select decision, candidate_version, champion_version from ml.gate_decisions order by id")[1:] == [
        ("keep", 2, 1)
    ]


def test_a_better_candidate_takes_over_and_the_history_says_from_whom(champion_world: World) -> None:
    world = bend(champion_world, **{"gate.champion_margin": 0.2})
    ingest_all(world, LATER[:2])
    assert world.train(LATER[1], "second").figures["promoted"]
    assert world.ask("select version, previous_version from ml.promotions order by id") == [(1, None), (2, 1)]
    assert world.ask("select version from ml.champions") == [(2,)]
    assert world.score(LATER[0]).status == "done"
    assert world.ask("select distinct model_version from scores.shops") == [(2,)]


def test_too_few_held_out_rows_keep_the_champion(champion_world: World) -> None:
    world = bend(champion_world, **{"gate.min_rows": 1000})
    outcome = world.train(LEARNING[-1], "few")
    assert outcome.status == "stopped"
    assert "gate.min_rows" in outcome.reason
    assert world.ask("select version from ml.champions") == [(1,)]


def test_rows_without_an_outcome_are_left_out(world: World) -> None:
    for night in LEARNING[:4]:
        rows = draw_rows(night).astype({"returned": "Int64"})
        rows.loc[:9, "returned"] = None
        world.write(night, rows)
        assert world.ingest(night).status == "done"
    figures = assemble_training_set(world.config, world.resources, LEARNING[3]).figures
    assert (figures["rows"], figures["unlabelled"]) == (4 * (ROWS - 10), 40)


def test_an_outcome_that_was_corrected_later_is_the_one_that_counts(champion_world: World) -> None:
    world = champion_world
    before = assemble_training_set(world.config, world.resources, LEARNING[-1]).figures
    rows = draw_rows(LEARNING[0])
    world.write(LEARNING[0], rows.assign(returned=1 - rows["returned"]))
    after = assemble_training_set(world.config, world.resources, LEARNING[-1]).figures
    assert before["inputs"]["features"] == after["inputs"]["features"]
    assert before["inputs"]["labels_sha256"] != after["inputs"]["labels_sha256"]


def test_outcomes_that_have_not_matured_are_not_learnt_from(champion_world: World) -> None:
    world = bend(champion_world, **{"label.available_after_days": 3})
    figures = assemble_training_set(world.config, world.resources, LEARNING[-1]).figures
    assert figures["train_to"] == str(LEARNING[3])
    with pytest.raises(NightshiftError, match="has not matured"):
        world.train(LEARNING[-1], train_to=LEARNING[-1])


def test_a_window_without_data_stops_and_says_what_to_do(champion_world: World) -> None:
    world = champion_world
    before = world.read_state()
    outcome = world.train(date(2026, 6, 1))
    assert outcome.status == "stopped"
    assert "run shops ingest --from" in outcome.reason
    assert world.read_state() == before


def test_labels_of_one_class_stop_and_the_champion_stays(champion_world: World) -> None:
    world = champion_world
    before = world.read_state()
    for night in LEARNING:
        world.write(night, draw_rows(night).assign(returned=0))
    outcome = world.train(LEARNING[-1])
    assert outcome.status == "stopped"
    assert "The champion stays" in outcome.reason
    assert world.read_state() == before


SOURCE = """
import pandas as pd
def read(partition, flip, count):
    rows = pd.DataFrame({"visit": range(count), "shop": "north", "spent": 1.0, "rained": True, "late": 0.0})
    return rows.assign(seen_at=pd.Timestamp(partition), returned=(rows["visit"] % 2 == 0).astype(int) ^ int(flip))
"""


@pytest.fixture
def python_world(world: World, tmp_path: Path) -> Iterator[World]:
    """The same pipeline with a Python source that takes params."""
    source = {"kind": "python", "function": "source.py:read", "params": {"flip": False, "count": 20}}
    folder = write_pipeline(tmp_path / "python", make_spec(**SETTINGS, source=source), SUITE)
    (folder / "source.py").write_text(SOURCE)
    yield replace(world, config=load_pipeline(folder))
    shutil.rmtree(folder)


def test_outcomes_are_read_with_the_params_of_their_ingest(python_world: World) -> None:
    world = python_world
    given = {NIGHTS[0]: {}, NIGHTS[1]: {"flip": True}, NIGHTS[2]: {"count": 12}}
    for night, params in given.items():
        assert world.ingest(night, **params).status == "done"
    with world.warehouse.begin() as connection:
        raw = find_entries(connection, PIPELINE, "raw", given)
    targets = dict(read_targets(world.config, world.resources, raw))
    assert {night: len(found) for night, found in targets.items()} == {NIGHTS[0]: 20, NIGHTS[1]: 20, NIGHTS[2]: 12}
    first = {night: int(found.set_index("visit")[TARGET].loc[0]) for night, found in targets.items()}
    assert first == {NIGHTS[0]: 1, NIGHTS[1]: 0, NIGHTS[2]: 1}


def test_the_realised_metrics_are_those_of_the_published_scores(champion_world: World) -> None:
    world = champion_world
    for night in LATER[:2]:
        world.run_night(night)
    measured = measure_performance(world.config, world.resources, LATER[1]).figures["partitions"]
    assert set(measured) == {str(night) for night in LATER[:2]}
    query = "select value, rows, model_version from monitoring.performance where metric = 'roc_auc'"
    values = world.ask(f"{query} and kind = 'realised' order by partition_date")
    assert [(rows, version) for _, rows, version in values] == [(ROWS, 1)] * 2
    assert all(0.6 < value < 1 for value, _, _ in values)


def test_judging_a_version_that_does_not_exist_is_refused(champion_world: World) -> None:
    world = champion_world
    assembled = assemble_training_set(world.config, world.resources, LEARNING[-1]).figures
    with pytest.raises(NightshiftError, match="no model version 9"):
        judge_candidate(world.config, world.resources, assembled, 9)


@pytest.mark.parametrize(("search_every", "tried"), [(30, 1), (0, 3)])
def test_a_setting_that_was_found_lately_is_fitted_again(champion_world: World, search_every: int, tried: int) -> None:
    """Version 1 stands under another pipeline.yaml, so the first training searches in either case."""
    estimators = [{"kind": "logistic", "search": {"C": [0.01, 0.1, 1.0]}}]
    settings = {"trials": 3, "folds": 2, "search_every_days": search_every, "estimators": estimators}
    world = bend(champion_world, **{f"training.{name}": value for name, value in settings.items()})
    for run_id in ("first", "second"):
        assert world.train(LEARNING[-1], f"again-{run_id}").status == "done"
    trials = dict(world.ask("select run_id, count(distinct parameters) from ml.trials group by 1"))
    assert (trials["again-first"], trials["again-second"]) == (3, tried)
    versions = "select parameters, metrics->>'searched_to' from ml.model_versions where version > 1 order by version"
    (found, searched), (fitted, known) = world.ask(versions)
    assert (fitted, known) == (found, searched)
