"""Plays the demo: triggers what a schedule and a person would, and waits until the scheduler has done it."""

import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

from nightshift.errors import NightshiftError
from nightshift.local.demo import script
from nightshift.local.rest import FINISHED, AirflowClient

Progress = Callable[[str], None]
KINDS = ("ingest", "score", "train", "drift")
PATIENCE = 420.0


def play(client: AirflowClient, progress: Progress) -> None:
    """The whole script; NightshiftError, with a link, where a run ends otherwise than the script says."""
    for kind in KINDS:
        client.wait_dag(_dag(kind))
        client.unpause(_dag(kind))
    progress(f"days {_span(script.LEARNING_NIGHTS)}: the first data arrive")
    ingest(client, script.LEARNING_NIGHTS, "calm")
    progress("training the first model")
    run(client, "train", conf={"as_of": str(script.LEARNING_NIGHTS[-1]), "reason": "the first model"})
    progress(f"days {_span(script.CALM_NIGHTS)}: no drift, scored by the first champion")
    ingest(client, script.CALM_NIGHTS, "calm")
    wait_scored(client, script.CALM_NIGHTS)
    run(client, "drift", partition=script.CALM_NIGHTS[-1])
    progress(f"day {script.BAD_NIGHT}: a broken file arrives")
    ingest(client, (script.BAD_NIGHT,), "bad_batch", expected="failed")
    progress(f"days {_span(script.DRIFT_NIGHTS)}: the data change; the champion keeps scoring")
    ingest(client, script.DRIFT_NIGHTS, "drift")
    wait_scored(client, script.DRIFT_NIGHTS)
    progress("the drift DAG compares the last days")
    drifted = script.DRIFT_NIGHTS[-1]
    run(client, "drift", partition=drifted)
    progress("it asked for a retraining; waiting for the candidate and the gate")
    wait_training(client, drifted)
    progress(f"days {_span(script.FINAL_NIGHTS)}: scored by the current champion")
    ingest(client, script.FINAL_NIGHTS, "drift")
    wait_scored(client, script.FINAL_NIGHTS)
    progress("the drift DAG measures the performance of the last days")
    run(client, "drift", partition=script.FINAL_NIGHTS[-1])


def ingest(client: AirflowClient, nights: Sequence[date], scenario: str, expected: str = "success") -> None:
    """Trigger the nights together, each with its Partition Key, and wait for all of them."""
    started = [start(client, "ingest", night, {"scenario": scenario}) for night in nights]
    for found in started:
        wait(client, found, expected)


def run(client: AirflowClient, kind: str, partition: date | None = None, conf: dict[str, Any] | None = None) -> None:
    """Trigger one run and wait for it."""
    wait(client, start(client, kind, partition, conf or {}), "success")


def start(client: AirflowClient, kind: str, partition: date | None, conf: dict[str, Any]) -> dict[str, Any]:
    """Trigger one run; it may start at once."""
    run_id = f"demo__{partition or conf['as_of']}"
    return client.trigger_run(_dag(kind), str(partition) if partition else None, conf, run_id)


def wait(client: AirflowClient, started: dict[str, Any], expected: str) -> None:
    """Wait for the run to end as expected."""
    dag_id, run_id = started["dag_id"], started["dag_run_id"]
    state = client.wait_run(dag_id, run_id, PATIENCE, interval=0.5)["state"]
    if state != expected:
        raise NightshiftError(
            f"The run {run_id} of {dag_id} ended as {state!r}; the demo expects {expected!r}. "
            f"Look at {client.url}/dags/{dag_id}/runs/{run_id}"
        )


def wait_scored(client: AirflowClient, nights: Sequence[date]) -> None:
    """Wait for the score runs that the assets of these nights start."""
    for night in map(str, nights):
        wait(client, _find_run(client, _dag("score"), partial(_is_about, night)), "success")


def _is_about(night: str, run: dict[str, Any]) -> bool:
    return bool(run["partition_key"] == night)


def wait_training(client: AirflowClient, as_of: date) -> None:
    """Wait for the training that the drift run of that day asked for."""
    wait(
        client, _find_run(client, _dag("train"), lambda run: run["dag_run_id"].startswith(f"drift__{as_of}")), "success"
    )


def _find_run(client: AirflowClient, dag_id: str, matches: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for found in client.list_runs(dag_id):
            if matches(found):
                return found
        time.sleep(0.5)
    raise NightshiftError(f"{dag_id} was not started within {PATIENCE:.0f} seconds. Look at {client.url}/dags/{dag_id}")


def reset_runs(client: AirflowClient) -> None:
    """Forget the runs of an earlier demo, also of one that was broken off."""
    for kind in KINDS:
        client.wait_dag(_dag(kind))
        for found in client.list_runs(_dag(kind)):
            path = f"/dags/{_dag(kind)}/dagRuns/{found['dag_run_id']}"
            if found["state"] not in FINISHED:
                # Airflow deletes no run that is under way.
                client.call("PATCH", path, {"state": "failed"})
            client.call("DELETE", path)


def _dag(kind: str) -> str:
    return f"{script.PIPELINE}_{kind}"


def _span(nights: Sequence[date]) -> str:
    return f"{nights[0]} to {nights[-1]}"
