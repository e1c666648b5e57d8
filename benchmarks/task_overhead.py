"""What a task costs beside its work, through the real scheduler: Airflow's own share, and ours on top.

`python -m benchmarks.task_overhead --runs 5` prints one JSON line. In each run a plain `@task` that returns at once
takes turns with an empty task of ours: it looks its pipeline and connections up, asks the warehouse one question, and
reports. CPU seconds are the task process's own, from its fork: they hold on a busy machine as well.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.stack.site import Site, open_site
from benchmarks.stack.small import name_pipelines, write_pipelines

DAG_ID = "shop_000_overhead"
DAG_FILE = """
import time

import nightshift_path
from airflow.sdk import DAG, task

from nightshift.orchestration.dag_defaults import describe_dag
from nightshift.orchestration.pipelines import list_pipelines
from nightshift.orchestration.task_wrapper import open_pipeline, step_task
from nightshift.steps.outcome import Outcome


@task
def plain():
    return {"before": time.process_time(), "inside": 0.0}


@step_task
def ours(pipeline):
    before = time.process_time()
    config, resources = open_pipeline(pipeline)
    from sqlalchemy import text

    with resources.warehouse.begin() as connection:
        connection.execute(text("select 1"))
    return Outcome("done", figures={"before": before, "inside": time.process_time() - before})


for pipeline in list_pipelines():
    with DAG(**describe_dag(pipeline, "overhead", "Empty tasks."), schedule=None, is_paused_upon_creation=False):
        first = plain.override(task_id="plain_0")()
        for number in range(1, 3):
            second = ours.override(task_id=f"ours_{number}")(pipeline.name)
            third = plain.override(task_id=f"plain_{number}")()
            first >> second >> third
            first = third
"""


def write_project(folder: Path, pipelines: int) -> None:
    """The pipelines, and the DAG file of empty tasks beside the project's own."""
    write_pipelines(folder, name_pipelines(pipelines))
    (folder.parents[1] / "dags" / "overhead.py").write_text(DAG_FILE)


def run_once(site: Site) -> dict[str, list[dict[str, float]]]:
    """Wall and CPU seconds of every task of one run, by kind."""
    run_id = site.client.trigger_run(DAG_ID)["dag_run_id"]
    state = site.client.wait_run(DAG_ID, run_id)["state"]
    if state != "success":
        raise RuntimeError(f"{DAG_ID}: {state}")
    found: dict[str, list[dict[str, float]]] = {"plain": [], "ours": []}
    for task in site.client.list_task_instances(DAG_ID, run_id):
        path = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/{task['task_id']}/xcomEntries/return_value"
        value: Any = site.client.call("GET", path, params={"deserialize": True})["value"]
        value = value if isinstance(value, dict) else json.loads(value.replace("'", '"'))
        seconds = {"wall": task["duration"], "cpu": value["before"] + value["inside"], **value}
        found[task["task_id"].partition("_")[0]].append(seconds)
    return found


def summarise(runs: list[dict[str, list[dict[str, float]]]]) -> dict[str, dict[str, float]]:
    """Medians over all tasks of a kind."""
    kinds = {kind: [task for run in runs for task in run[kind]] for kind in ("plain", "ours")}
    return {
        kind: {name: round(statistics.median(task[name] for task in tasks), 3) for name in ("wall", "cpu", "inside")}
        for kind, tasks in kinds.items()
    }


def main() -> None:
    """One JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pipelines", type=int, default=4)
    arguments = parser.parse_args()
    with open_site(lambda folder: write_project(folder, arguments.pipelines), lambda folder, resources: None) as site:
        site.client.wait_dag(DAG_ID, timeout=600)
        run_once(site)
        found = summarise([run_once(site) for _ in range(arguments.runs)])
    ours = {name: round(found["ours"][name] - found["plain"][name], 3) for name in ("wall", "cpu")}
    print(json.dumps({"pipelines": arguments.pipelines, **found, "our_share": ours}))


if __name__ == "__main__":
    main()
