"""A whole Nightshift of the tests' own: the project, its stack, and what its warehouse says."""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import text

from nightshift.config.loading import load_pipeline
from nightshift.local.paths import PROJECT_ROOT
from nightshift.local.ports import find_free_port
from nightshift.local.rest import AirflowClient
from nightshift.local.stack import StackInfo
from nightshift.steps import runs

PATIENCE = 300.0
# Small pipelines of the tests' own, like churn: a person is asked, who has a day, or hardly a moment.
ASKED_HOURS = {"asked": 24.0, "hurried": 0.001}


@dataclass(frozen=True)
class House:
    """The running stack, and what its warehouse says."""

    stack: StackInfo
    client: AirflowClient
    resources: Any
    root: Path

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.resources.warehouse.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def learn(self, pipeline: str, nights: Sequence[date]) -> None:
        """Ingest without the scheduler, for tests of what comes after that."""
        config = load_pipeline(self.root / "include" / "pipelines" / pipeline)
        for night in nights:
            assert runs.run_ingest(config, self.resources, night, lambda *_: None).status == "done"

    def start(self, dag_id: str, partition: date | None = None, **conf: Any) -> str:
        return str(self.client.trigger_run(dag_id, str(partition) if partition else None, conf)["dag_run_id"])

    def finish(self, dag_id: str, run_id: str) -> str:
        """The state that the run ends in."""
        return str(self.client.wait_run(dag_id, run_id, PATIENCE, interval=0.3)["state"])

    def read_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """The states of the run's tasks."""
        return {task["task_id"]: task["state"] for task in self.client.list_task_instances(dag_id, run_id)}

    def wait_task(self, dag_id: str, run_id: str, task_id: str, *wanted: str) -> None:
        """Wait until the task is in one of these states."""
        deadline = time.monotonic() + PATIENCE
        while (states := self.read_states(dag_id, run_id)).get(task_id) not in wanted:
            assert time.monotonic() < deadline and "failed" not in states.values(), states
            time.sleep(0.3)

    def finish_chained(self, dag_id: str, partition: date) -> dict[str, str | None]:
        """Wait for the run that the partition's asset started; the states of its tasks."""
        deadline = time.monotonic() + PATIENCE
        while not (found := self.client.list_runs(dag_id, str(partition))):
            assert time.monotonic() < deadline, f"nothing started {dag_id} for {partition}"
            time.sleep(0.3)
        assert [run["run_type"] for run in found] == ["asset_triggered"]
        self.finish(dag_id, found[0]["dag_run_id"])
        return self.read_states(dag_id, found[0]["dag_run_id"])


def choose_port() -> int:
    """A free port from a range of this worker's own: a port counts as free until its server is up."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return find_free_port(17_000 + 100 * worker)


def copy_project(root: Path) -> None:
    """What Airflow needs of the project, with the pipelines of ASKED_HOURS."""
    for name in ("dags", "include", "plugins"):
        shutil.copytree(PROJECT_ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT_ROOT / "airflow_settings.yaml", root)
    pipelines = root / "include" / "pipelines"
    for name, hours in ASKED_HOURS.items():
        shutil.copytree(pipelines / "churn", pipelines / name)
        file = pipelines / name / "pipeline.yaml"
        spec = yaml.safe_load(file.read_text())
        spec["source"]["params"]["subscribers"] = 1000
        spec["training"] |= {"trials": 1, "estimators": [{"kind": "logistic"}], "calibrate": "none"}
        spec["gate"] |= {"approval": "required", "approval_hours": hours, "resamples": 200}
        file.write_text(yaml.safe_dump(spec, sort_keys=False))
