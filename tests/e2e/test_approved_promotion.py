"""A person decides about a promotion, through the real scheduler and Airflow's own requests."""

import time
from datetime import date
from typing import Any

import pytest

from tests.e2e.kit import House

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
LEARNING = [date(2026, 3, day) for day in (1, 2, 3)]
PROMOTIONS = "select version, kind, promoted_by, approved_by, reason from ml.promotions where pipeline = 'asked'"


@pytest.fixture(scope="module")
def hurried(house: House) -> str:
    """A training that nobody will answer in time; it goes on while others are answered."""
    for pipeline in ("hurried", "asked"):
        house.learn(pipeline, LEARNING)
    return start_training(house, "hurried")


def start_training(house: House, pipeline: str, **conf: Any) -> str:
    house.client.wait_dag(f"{pipeline}_train")
    house.client.unpause(f"{pipeline}_train")
    return house.start(f"{pipeline}_train", as_of=str(LEARNING[-1]), **conf)


def answer(house: House, run_id: str, option: str, note: str | None) -> dict[str, Any]:
    """Wait for the request, answer it as the form does; the request.

    Airflow 3.3 takes an answer that is quicker than its scheduler for a fault of the task, and asks again.
    """
    path = f"/dags/asked_train/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    while True:
        house.wait_task("asked_train", run_id, "approve", "awaiting_input", "success")
        request: dict[str, Any] = house.client.call("GET", path)
        if house.read_states("asked_train", run_id)["approve"] == "success":
            return request
        if not request["response_received"]:
            time.sleep(3)
            house.client.call("PATCH", path, {"chosen_options": [option], "params_input": {"note": note}})
        time.sleep(0.5)


def test_an_approved_candidate_takes_over_and_the_history_says_who_approved(house: House, hurried: str) -> None:
    run_id = start_training(house, "asked", reason="a first one")
    request = answer(house, run_id, "Approve", "figures look right")
    assert house.finish("asked_train", run_id) == "success"
    assert request["subject"] == "asked: may version 1 take over?"
    for told in ("Why you are asked", "naive baseline", f"{house.stack.url}/nightshift/cards/asked/1/model"):
        assert told in request["body"]
    ((version, kind, promoted_by, approved_by, reason),) = house.ask(PROMOTIONS)
    assert (version, kind, promoted_by, approved_by) == (1, "approval", "admin", "admin")
    assert reason.startswith("a first one; figures look right; ")
    assert house.ask("select version from ml.champions where pipeline = 'asked'") == [(1,)]


def test_a_rejected_candidate_leaves_the_champion_and_the_run_has_not_failed(house: House) -> None:
    run_id = start_training(house, "asked")
    request = answer(house, run_id, "Reject", "not on a Friday")
    assert house.finish("asked_train", run_id) == "success"
    assert request["subject"] == "asked: may version 2 take over instead of version 1?"
    states = house.read_states("asked_train", run_id)
    assert (states["approve"], states["promote"]) == ("success", "skipped")
    assert house.ask("select version from ml.champions where pipeline = 'asked'") == [(1,)]
    assert len(house.ask(PROMOTIONS)) == 1
    decisions = "select decision, reason from ml.gate_decisions where pipeline = 'asked' order by id desc limit 1"
    assert house.ask(decisions) == [("keep", "rejected by admin: not on a Friday")]


def test_without_an_answer_in_time_nothing_is_promoted_and_the_run_has_not_failed(house: House, hurried: str) -> None:
    assert house.finish("hurried_train", hurried) == "success"
    states = house.read_states("hurried_train", hurried)
    assert (states["approve"], states["promote"]) == ("success", "skipped")
    assert house.ask("select version from ml.champions where pipeline = 'hurried'") == []
    ((reason,),) = house.ask("select reason from ml.gate_decisions where pipeline = 'hurried' and decision = 'keep'")
    assert reason == "no one answered within 0.001 hours"
