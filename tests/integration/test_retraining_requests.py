"""From a drift run's figures to a training that is asked for once, however many ask, and what becomes of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from nightshift.config.pipeline import PipelineConfig
from nightshift.io.lake.folder import FolderLake
from nightshift.io.registry import record_decision
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import open_warehouse
from nightshift.local.postgres import Server
from nightshift.steps import runs
from nightshift.steps.drift import compare_windows, decide_retraining, measure_performance
from tests.integration.kit import (
    LEARNING,
    NIGHTS,
    World,
    bend,
    draw_rows,
    ignore,
    let_be_empty,
    make_connection,
    refuse_connection,
)

LATER = NIGHTS[6:]
MORNING = datetime(2026, 2, 1, 5, tzinfo=UTC)
SIGNALS, SCHEDULERS = 50, 2
DRIFT = {"champion_version": 1, "reason": "spent moved", "broken": [], "window_from": "2026-01-07"}
OUTCOMES = {
    "partitions": {},
    "realised": {"below": True, "value": 0.5, "limit": 0.6, "last": "2026-01-08", "reason": "below tolerance"},
}
MEASURED = {**OUTCOMES, "estimated": None}


def decide(world: World, as_of: date, evaluation: str = "", now: datetime = MORNING, **changes: Any) -> dict[str, Any]:
    """One evaluation of a night that asks for a training."""
    name = evaluation or f"scheduled__{as_of}"
    measured = {**MEASURED, "estimated": changes.pop("estimated", None)}
    compared = {**DRIFT, **changes}
    return decide_retraining(world.config, world.resources, as_of, compared, measured, name, now).figures


@pytest.fixture
def labelled(champion_world: World) -> World:
    """A champion, and two nights after its training whose outcomes are known."""
    for night in LATER[:2]:
        champion_world.run_night(night)
    measure_performance(champion_world.config, champion_world.resources, LATER[1])
    return champion_world


def list_decisions(world: World) -> list[tuple[str, str | None]]:
    return world.ask("select decision, run_id from monitoring.retrain_decisions order by id")  # type: ignore[return-value]


def signal_many(server: Server, database: str, config: PipelineConfig, folder: Path, scheduler: int) -> list[str]:
    """What one scheduler's drift runs are told, all at once; each of another day."""
    warehouse = open_warehouse(make_connection(server, database))
    world = World(config, Resources(warehouse, FolderLake(folder), refuse_connection), folder)
    with ThreadPoolExecutor(SIGNALS // SCHEDULERS) as pool:
        days = [LATER[number % len(LATER)] for number in range(SIGNALS // SCHEDULERS)]
        jobs = [pool.submit(decide, world, day, f"{scheduler}-{number}") for number, day in enumerate(days)]
        return [job.result()["decision"] for job in jobs]


@pytest.mark.guarantee(12)
def test_fifty_signals_of_two_schedulers_ask_for_one_training(labelled: World, server: Server) -> None:
    database = labelled.warehouse.engine.url.database
    known = (server, database, labelled.config, labelled.folder)
    with get_context("spawn").Pool(SCHEDULERS) as pool:
        told = pool.starmap(signal_many, [(*known, number) for number in range(SCHEDULERS)])
    answers = [answer for part in told for answer in part]
    assert sorted(answers) == ["retrain"] + ["wait"] * (SIGNALS - 1)
    ((run_id,),) = labelled.ask("select run_id from monitoring.retrain_requests")
    assert len(list_decisions(labelled)) == SIGNALS
    assert ("retrain", run_id) in list_decisions(labelled)


@pytest.mark.guarantee(12)
def test_a_retried_evaluation_gets_the_same_answer_and_adds_no_row(labelled: World) -> None:
    answers = [decide(labelled, LATER[1], "one") for _ in range(3)]
    assert [answer["run_id"] for answer in answers] == [f"drift__{LATER[1]}__v1"] * 3
    assert len(list_decisions(labelled)) == 1


def test_a_waiting_evaluation_that_is_retried_replaces_its_row(labelled: World) -> None:
    for _ in range(2):
        assert decide(labelled, LATER[1], "one", broken=["spent"])["decision"] == "wait"
    assert list_decisions(labelled) == [("wait", None)]


def test_the_row_has_every_criterion_also_when_the_answer_is_no(labelled: World) -> None:
    decide(labelled, LATER[1], broken=["spent"])
    ((criteria, version),) = labelled.ask("select criteria, model_version from monitoring.retrain_decisions")
    assert version == 1
    assert criteria["realised"] == {
        "kind": "cause", "met": True, "value": 0.5, "limit": 0.6, "reason": "realised performance below tolerance",
    }  # fmt: skip
    assert criteria["data"]["met"] is False
    assert criteria["new_labels"]["value"] == 240


def test_an_estimate_says_nothing_while_a_column_has_moved(labelled: World) -> None:
    estimated = {**OUTCOMES["realised"], "below": False, "reason": "estimated, within tolerance: roc_auc 0.7000"}
    calm = decide(labelled, LATER[1], "calm", estimated=estimated)["criteria"]["estimated"]
    assert calm["met"] is False
    moved = decide(labelled, LATER[1], "moved", estimated=estimated, moved=["spent"])["criteria"]["estimated"]
    assert moved["met"] is None
    assert "not trusted while spent drifted in the same days" in moved["reason"]


@pytest.mark.guarantee(12)
def test_the_same_day_is_not_asked_for_twice_after_it_is_over(labelled: World) -> None:
    world = bend(labelled, **{"retrain": {"cooldown_days": 0, "min_new_labels": 1, "budget": 9}})
    decide(world, LATER[1], "one")
    world.change("update monitoring.retrain_requests set closed_at = now(), outcome = 'kept', improved = false")
    again = decide(world, LATER[1], "two")
    assert again["decision"] == "wait"
    assert "asked for before" in again["reason"]


def test_the_request_closes_with_its_training_and_says_whether_it_paid(labelled: World) -> None:
    run_id = decide(labelled, LATER[1])["run_id"]
    outcome = labelled.train(LATER[1], run_id)
    decide(labelled, LATER[2], "next")
    ((closed, said, improved),) = labelled.ask("select closed_at, outcome, improved from monitoring.retrain_requests")
    assert closed == MORNING
    assert said == ("promoted" if outcome.figures["promoted"] else "kept")
    rule = next(rule for rule in outcome.figures["rules"] if rule["name"] == "champion")
    assert improved is (rule["figures"]["gain_low"] > 0)


@pytest.mark.guarantee(12)
def test_a_training_that_nobody_heard_of_again_is_given_up(labelled: World) -> None:
    decide(labelled, LATER[1])
    soon = decide(labelled, LATER[2], now=MORNING + timedelta(hours=19))
    assert "is not over yet" in soon["reason"]
    later = decide(labelled, LATER[3], now=MORNING + timedelta(hours=20))
    assert labelled.ask("select outcome, improved from monitoring.retrain_requests") == [("expired", None)]
    # It did not pay, and yet the next one waits no longer: outcomes prove the loss.
    assert "3 days of cooldown" in later["reason"]


def test_a_training_that_waits_for_approval_is_not_over(labelled: World) -> None:
    run_id = decide(labelled, LATER[1])["run_id"]
    labelled.train(LATER[1], run_id)
    labelled.change("update monitoring.retrain_requests set closed_at = null, outcome = null, improved = null")
    labelled.change_history("ml.promotions", "delete from ml.promotions where version = 2 and false")
    with labelled.warehouse.begin() as connection:
        connection.exec_driver_sql("set local session_replication_role = replica")
        connection.exec_driver_sql("delete from ml.promotions where version = 2")
        record_decision(connection, "shops", 2, 1, "needs_approval", [], "ask")
    assert "is not over yet" in decide(labelled, LATER[2])["reason"]


@pytest.mark.guarantee(12)
def test_after_a_failed_gate_nothing_happens_until_new_outcomes_came(labelled: World) -> None:
    world = bend(labelled, **{"retrain": {"cooldown_days": 0, "min_new_labels": 1, "budget": 9}, "gate.floor": 0.999})
    run_id = decide(world, LATER[1])["run_id"]
    assert world.train(LATER[1], run_id).figures["decision"] == "keep"
    held = decide(world, LATER[2], "no news")
    assert (held["decision"], held["criteria"]["new_labels"]["value"]) == ("wait", 0)
    world.run_night(LATER[2])
    measure_performance(world.config, world.resources, LATER[2])
    assert decide(world, LATER[2], "news")["decision"] == "retrain"


@pytest.fixture
def shifted(champion_world: World) -> Iterator[World]:
    """Nights of another world, scored."""
    for night in LATER[:5]:
        champion_world.run_night(night, draw_rows(night, shift=60.0))
    yield champion_world


def run_drift(world: World, as_of: date) -> dict[str, Any]:
    now = datetime(as_of.year, as_of.month, as_of.day, 5, tzinfo=UTC) + timedelta(days=1)
    return runs.run_drift(world.config, world.resources, as_of, ignore, f"night__{as_of}", now).figures


@pytest.mark.guarantee(12)
def test_shifted_nights_lead_to_a_training_the_cooldown_holds_and_ends(shifted: World) -> None:
    answers = [run_drift(shifted, night)["decision"] for night in LATER[1:3]]
    assert answers == ["retrain", "wait"]
    shifted.change("update monitoring.retrain_requests set closed_at = now(), outcome = 'kept', improved = true")
    held, free = (run_drift(shifted, night) for night in LATER[3:5])
    assert "3 days of cooldown" in held["reason"]
    assert (held["decision"], free["decision"]) == ("wait", "retrain")


def test_calm_nights_wait(champion_world: World) -> None:
    for night in LATER[:2]:
        champion_world.run_night(night)
    figures = run_drift(champion_world, LATER[1])
    assert (figures["drifted"], figures["decision"], figures["run_id"]) == (False, "wait", None)


@pytest.mark.guarantee(12)
def test_an_emptied_column_is_unknown_and_holds_every_retraining_back(champion_world: World) -> None:
    world = let_be_empty(champion_world, "spent")
    for night in LATER[:2]:
        world.run_night(night, draw_rows(night).assign(spent=None))
    compared = compare_windows(world.config, world.resources, LATER[1]).figures
    assert (compared["drifted"], compared["broken"]) == (None, ["spent"])
    found = decide_retraining(world.config, world.resources, LATER[1], compared, MEASURED, "broken", MORNING).figures
    assert found["decision"] == "wait"
    assert "the data are at fault in spent" in found["reason"]


def test_without_a_champion_there_is_nothing_to_decide(world: World) -> None:
    world.write(LEARNING[0])
    world.ingest(LEARNING[0])
    assert runs.run_drift(world.config, world.resources, LEARNING[0], ignore, "x", MORNING).status == "skipped"


def test_a_later_evaluation_of_a_past_day_is_not_held_back_by_the_future(labelled: World) -> None:
    decide(labelled, LATER[3], "future")
    labelled.change("update monitoring.retrain_requests set closed_at = now(), outcome = 'kept', improved = true")
    past = decide(replace(labelled), LATER[1], "past", now=MORNING + timedelta(days=2))
    assert past["criteria"]["cooldown"]["met"] is True
