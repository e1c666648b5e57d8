"""One night of each pipeline through the real scheduler: triggered by Partition Key, chained to scoring by assets."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from include.io.sources.address import find_data, resolve_path
from include.local.house import open_house
from include.local.paths import PROJECT_ROOT, Paths
from include.local.ports import find_free_port
from include.local.rest import AirflowClient
from include.local.stack import StackInfo, start_stack, stop_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]
LEARNING = [date(2026, 3, day) for day in (1, 2, 3)]
NIGHT = date(2026, 3, 4)
REAL = {
    "flights": (date(2017, 6, 1), "nyc_flights_2017/flights.csv.gz"),
    "bikes": (date(2011, 6, 1), "bike_sharing_dc/hour.csv.gz"),
}
PATIENCE = 180.0


@dataclass(frozen=True)
class House:
    """The running stack, and what its warehouse says."""

    stack: StackInfo
    client: AirflowClient
    resources: Any

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.resources.warehouse.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def start(self, dag_id: str, partition: date | None = None, **conf: Any) -> str:
        return str(self.client.trigger_run(dag_id, str(partition) if partition else None, conf)["dag_run_id"])

    def finish(self, dag_id: str, run_id: str) -> str:
        """The state that the run ends in."""
        return str(self.client.wait_run(dag_id, run_id, PATIENCE, interval=0.3)["state"])

    def finish_chained(self, dag_id: str, partition: date) -> dict[str, str | None]:
        """Wait for the run that the partition's asset started; the states of its tasks."""
        deadline = time.monotonic() + PATIENCE
        while not (runs := self.client.list_runs(dag_id, str(partition))):
            assert time.monotonic() < deadline, f"nothing started {dag_id} for {partition}"
            time.sleep(0.3)
        assert [run["run_type"] for run in runs] == ["asset_triggered"]
        self.finish(dag_id, runs[0]["dag_run_id"])
        tasks = self.client.list_task_instances(dag_id, runs[0]["dag_run_id"])
        return {task["task_id"]: task["state"] for task in tasks}


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A stack of our own: state folder, port and processes; gone afterwards, also when starting it failed."""
    # Not pytest's folders: as root PostgreSQL runs as another user, who may not enter them.
    paths = Paths(PROJECT_ROOT, Path(tempfile.mkdtemp(prefix="nightshift-e2e-")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_HOME", str(paths.home))
        for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:
            patch.delenv(name)  # what other tests set for an Airflow without a database
        try:
            resources = open_house(migrate=True)
            stack = start_stack(paths=paths, port=find_free_port(18080))
            yield House(stack, stack.make_client(), resources)
            resources.warehouse.engine.dispose()
        finally:
            stop_stack(paths=paths)
            shutil.rmtree(paths.home)


def test_no_dag_file_has_an_import_error_and_every_pipeline_has_its_dags(house: House) -> None:
    for name in ("churn", "flights", "bikes"):
        for kind in ("ingest", "score", "train", "drift"):
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
        assert house.finish_chained(f"{name}_score", night) == {"score": "skipped", "publish": "skipped"}
        ledger = "select kind from ml.ledger where pipeline = :name and partition_date = :night and rows > 0"
        assert {"raw", "features"} <= {kind for (kind,) in house.ask(ledger, name=name, night=night)}


def test_churn_learns_on_three_nights_and_scores_the_next(house: House) -> None:
    house.client.wait_dag("churn_ingest")
    house.client.unpause("churn_ingest")
    runs = [house.start("churn_ingest", night) for night in LEARNING]
    assert [house.finish("churn_ingest", run_id) for run_id in runs] == ["success"] * len(LEARNING)
    training = house.start("churn_train", as_of=str(LEARNING[-1]))
    assert house.finish("churn_train", training) == "success"
    assert house.ask("select pipeline, version from ml.champions") == [("churn", 1)]
    assert house.finish("churn_ingest", house.start("churn_ingest", NIGHT)) == "success"
    assert house.finish_chained("churn_score", NIGHT) == {"score": "success", "publish": "success"}
    ((rows,),) = house.ask(
        "select rows from ml.ledger where pipeline = 'churn' and kind = 'scores' and partition_date = :night",
        night=NIGHT,
    )
    assert rows > 2000
    published = "select partition_date, model_version, count(*) from scores.churn_latest group by 1, 2"
    assert house.ask(published) == [(NIGHT, 1, rows)]


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
