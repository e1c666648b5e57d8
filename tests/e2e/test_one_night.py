"""One night of each pipeline through the real scheduler: triggered by Partition Key, chained to scoring by assets."""

from datetime import date

import pytest
import requests

from nightshift.config.loading import load_pipeline
from nightshift.io.sources.fetching.address import find_data, resolve_path
from nightshift.steps.registry.promotions import promote_by_hand
from tests.e2e.kit import House

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]
LEARNING = [date(2026, 3, day) for day in (1, 2, 3)]
NIGHT = date(2026, 3, 4)
REAL = {
    "flights": (date(2017, 6, 1), "nyc_flights_2017/flights.csv.gz"),
    "bikes": (date(2011, 6, 1), "bike_sharing_dc/hour.csv.gz"),
    "metro": (date(2016, 6, 1), "metro_traffic_i94/metro_traffic.csv.gz"),
}


def test_no_dag_file_has_an_import_error_and_every_pipeline_has_its_dags(house: House) -> None:
    for name in ("churn", "flights", "bikes", "metro"):
        for kind in ("ingest", "score", "train", "drift", "rollback", "quarantine"):
            assert house.client.wait_dag(f"{name}_{kind}")["dag_id"] == f"{name}_{kind}"
    assert house.client.list_import_errors() == []


def test_the_page_asks_for_a_login(house: House) -> None:
    url = f"{house.stack.url}/nightshift/"
    assert requests.get(url, timeout=30, allow_redirects=False).status_code == 401
    body = {"username": house.stack.username, "password": house.stack.password}
    token = requests.post(f"{house.stack.url}/auth/token", json=body, timeout=30).json()["access_token"]
    answer = requests.get(url, timeout=30, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert "churn" in answer.text


def test_nights_of_real_data_go_from_ingest_to_a_score_run_that_has_no_champion_yet(house: House) -> None:
    found = {name: night for name, (night, file) in REAL.items() if (resolve_path(find_data()) / file).exists()}
    if not found:
        pytest.skip("no real data below NIGHTSHIFT_DATA")
    for name in found:
        house.client.wait_dag(f"{name}_ingest")
        house.client.unpause(f"{name}_ingest")
    runs = {name: house.start(f"{name}_ingest", night) for name, night in found.items()}
    for name, night in found.items():
        assert house.finish(f"{name}_ingest", runs[name]) == "success"
        assert house.finish_chained(f"{name}_score", night) == {
            "score": "skipped",
            "publish": "skipped",
            "notify": "success",
        }
        ledger = "select kind from ml.ledger where pipeline = :name and partition_date = :night and rows > 0"
        assert {"raw", "features"} <= {kind for (kind,) in house.ask(ledger, name=name, night=night)}


def test_churn_learns_on_three_nights_and_scores_the_next(house: House) -> None:
    house.client.wait_dag("churn_ingest")
    house.client.unpause("churn_ingest")
    runs = [house.start("churn_ingest", night) for night in LEARNING]
    assert [house.finish("churn_ingest", run_id) for run_id in runs] == ["success"] * len(LEARNING)
    training = house.start("churn_train", as_of=str(LEARNING[-1]))
    assert house.finish("churn_train", training) == "success"
    assert house.ask("select version from ml.champions where pipeline = 'churn'") == [(1,)]
    assert house.finish("churn_ingest", house.start("churn_ingest", NIGHT)) == "success"
    assert house.finish_chained("churn_score", NIGHT) == {"score": "success", "publish": "success", "notify": "success"}
    ((rows,),) = house.ask(
        "select rows from ml.ledger where pipeline = 'churn' and kind = 'scores' and partition_date = :night",
        night=NIGHT,
    )
    assert rows > 2000
    published = "select partition_date, model_version, count(*) from scores.churn_latest group by 1, 2"
    assert house.ask(published) == [(NIGHT, 1, rows)]


def test_a_rollback_puts_the_earlier_champion_back_and_scores_the_night_again(house: House) -> None:
    config = load_pipeline(house.root / "include" / "pipelines" / "churn")
    window = {"train_from": str(LEARNING[0]), "train_to": str(LEARNING[-1])}
    assert house.finish("churn_train", house.start("churn_train", as_of=str(NIGHT), **window)) == "success"
    promote_by_hand(config, house.resources, 2, "tests", "to have something to go back from")
    again = house.start("churn_score", NIGHT)
    assert house.finish("churn_score", again) == "success"
    models = "select distinct model_version from scores.churn where partition_date = :night"
    assert house.ask(models, night=NIGHT) == [(2,)]
    days = {"rescore_from": str(NIGHT), "rescore_to": str(NIGHT)}
    run_id = house.start("churn_rollback", reason="late payments look wrong", **days)
    assert house.finish("churn_rollback", run_id) == "success"
    assert house.ask(models, night=NIGHT) == [(1,)]
    promotion = (
        "select version, previous_version, kind, promoted_by, reason from ml.promotions where pipeline = 'churn'"
        " order by id desc limit 1"
    )
    assert house.ask(promotion) == [(1, 2, "rollback", "admin", "late payments look wrong")]
    ((told,),) = house.ask(
        "select params->>'reason' from ml.ledger where pipeline = 'churn' and kind = 'scores'"
        " and partition_date = :night",
        night=NIGHT,
    )
    assert told == "rollback to version 1: late payments look wrong"


def test_a_night_that_is_stopped_fails_its_run_once_and_scores_nothing(house: House) -> None:
    night = date(2026, 3, 5)
    house.client.unpause("churn_ingest")
    run_id = house.start("churn_ingest", night, scenario="bad_batch")
    assert house.finish("churn_ingest", run_id) == "failed"
    tasks = {task["task_id"]: task for task in house.client.list_task_instances("churn_ingest", run_id)}
    assert tasks["validate"]["state"] == "failed"
    assert tasks["validate"]["try_number"] == 1
    assert house.client.list_runs("churn_score", str(night)) == []
    query = "select success from monitoring.validation where pipeline = 'churn' and partition_date = :night"
    assert house.ask(query, night=night) == [(False,)]


def test_drift_runs_at_once_start_one_training(house: House) -> None:
    nights = [date(2026, 3, day) for day in (6, 7)]
    house.client.unpause("churn_ingest")
    house.client.wait_dag("churn_drift")
    house.client.unpause("churn_drift")
    for night in nights:
        assert house.finish("churn_ingest", house.start("churn_ingest", night, scenario="drift")) == "success"
        house.finish_chained("churn_score", night)
    looks = [house.start("churn_drift", as_of=str(nights[-1])) for _ in range(3)]
    assert [house.finish("churn_drift", run_id) for run_id in looks] == ["success"] * len(looks)
    started = [house.read_states("churn_drift", run_id)["start_training"] for run_id in looks]
    assert sorted(map(str, started)) == ["skipped", "skipped", "success"]
    trainings = [run["dag_run_id"] for run in house.client.list_runs("churn_train", None)]
    asked = [run_id for run_id in trainings if run_id.startswith("drift__")]
    assert asked == [f"drift__{nights[-1]}__v1"]
    assert house.finish("churn_train", asked[0]) == "success"
    kept = house.ask("select decision, run_id from monitoring.retrain_decisions where pipeline = 'churn'")
    assert sorted(kept, key=str) == [("retrain", asked[0]), ("wait", None), ("wait", None)]
    alerts = house.ask("select kind from monitoring.alerts where pipeline = 'churn' and recovered_at is null")
    assert ("drift",) in alerts
