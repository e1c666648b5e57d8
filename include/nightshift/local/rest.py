"""A small client of Airflow's REST API, version 2."""

import time
from collections.abc import Callable
from datetime import date
from typing import Any

import requests

from nightshift.config.project import COMMAND
from nightshift.errors import NightshiftError

Record = dict[str, Any]
FINISHED = ("success", "failed")


class AirflowUnreachable(NightshiftError):
    """Nobody answers at Airflow's address."""


class AirflowRefused(NightshiftError):
    """Airflow answered, with an error."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class AirflowClient:
    """Speaks to one Airflow as one user."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url, self._username, self._password = url.rstrip("/"), username, password
        self._session = requests.Session()
        # Neither proxies nor ~/.netrc: it is on this machine.
        self._session.trust_env = False

    def call(self, method: str, path: str, body: Any = None, params: Record | None = None, timeout: float = 30) -> Any:
        """One request below /api/v2; logs in where needed. AirflowRefused and AirflowUnreachable where it fails."""
        if "Authorization" not in self._session.headers:
            self._log_in()
        answer = self._send(method, f"/api/v2{path}", timeout, json=body, params=params)
        if answer.status_code == 401:
            self._log_in()
            answer = self._send(method, f"/api/v2{path}", timeout, json=body, params=params)
        return _read(answer, f"{method} {path}")

    def _log_in(self) -> None:
        self._session.headers.pop("Authorization", None)
        answer = self._send("POST", "/auth/token", 30, json={"username": self._username, "password": self._password})
        token = _read(answer, "logging in")["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def _send(self, method: str, path: str, timeout: float, **arguments: Any) -> requests.Response:
        try:
            return self._session.request(method, self.url + path, timeout=timeout, **arguments)
        except requests.RequestException as error:
            raise AirflowUnreachable(
                f"Airflow does not answer at {self.url} ({type(error).__name__}). Start it: {COMMAND} up"
            ) from error

    def read_health(self) -> Record:
        """The status and the last heartbeat of each component; open to everybody."""
        health: Record = _read(self._send("GET", "/api/v2/monitor/health", 5), "reading the health")
        return health

    def trigger_run(
        self, dag_id: str, partition_key: str | None = None, conf: Record | None = None, run_id: str | None = None
    ) -> Record:
        """Start a run and return it. With a `run_id` that exists already, return that run: asking twice starts one."""
        body = {"logical_date": None, "partition_key": partition_key, "conf": conf or {}, "dag_run_id": run_id}
        try:
            run: Record = self.call("POST", f"/dags/{dag_id}/dagRuns", body)
            return run
        except AirflowRefused as refused:
            if refused.status == 409 and run_id:
                return self.get_run(dag_id, run_id)
            raise

    def get_run(self, dag_id: str, run_id: str) -> Record:
        """One run."""
        run: Record = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")
        return run

    def list_runs(self, dag_id: str, partition_key: str | None = None) -> list[Record]:
        """The newest hundred runs, the newest first; only those of one partition where `partition_key` is given."""
        params = {"order_by": "-run_after", "limit": 100, "partition_key_prefix_pattern": partition_key}
        answer = self.call("GET", f"/dags/{dag_id}/dagRuns", params=params)
        return [run for run in answer["dag_runs"] if partition_key in (None, run["partition_key"])]

    def wait_run(
        self,
        dag_id: str,
        run_id: str,
        timeout: float = 600,
        on_progress: Callable[[Record], None] | None = None,
        interval: float = 1.0,
    ) -> Record:
        """Wait until the run has succeeded or failed, and return it; NightshiftError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            run = self.get_run(dag_id, run_id)
            if on_progress:
                on_progress(run)
            if run["state"] in FINISHED:
                return run
            if time.monotonic() > deadline:
                raise NightshiftError(
                    f"Run {run_id} of {dag_id} is still {run['state']} after {timeout:.0f} seconds. "
                    f"Look at {self.url}/dags/{dag_id}/runs/{run_id}"
                )
            time.sleep(interval)

    def list_task_instances(self, dag_id: str, run_id: str) -> list[Record]:
        """The tasks of a run with their states; `dag_id` and `run_id` may be `~` for all."""
        answer = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 100})
        found: list[Record] = answer["task_instances"]
        return found

    def wait_dag(self, dag_id: str, timeout: float = 120) -> Record:
        """Wait until Airflow has read the DAG's file; NightshiftError, with the import errors, after `timeout`."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                dag: Record = self.call("GET", f"/dags/{dag_id}")
                return dag
            except AirflowRefused as refused:
                if refused.status != 404:
                    raise
            if time.monotonic() > deadline:
                errors = "\n".join(error["stack_trace"].strip() for error in self.list_import_errors())
                raise NightshiftError(f"Airflow knows no DAG {dag_id!r} after {timeout:.0f} seconds.\n{errors}".strip())
            time.sleep(0.5)

    def unpause(self, dag_id: str) -> None:
        """Let the DAG's schedule and its asset triggers start runs."""
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Let only runs that are asked for by hand wait for their turn."""
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": True})

    def create_backfill(
        self, dag_id: str, first: date, last: date, conf: Record | None = None, reprocess: str = "none"
    ) -> Record:
        """Start a run for each partition from `first` to `last`, as the UI's backfill form does."""
        body = {
            "dag_id": dag_id,
            "from_date": f"{first.isoformat()}T00:00:00Z",
            "to_date": f"{last.isoformat()}T23:59:59Z",
            "dag_run_conf": conf or {},
            "reprocess_behavior": reprocess,
        }
        backfill: Record = self.call("POST", "/backfills", body)
        return backfill

    def list_import_errors(self) -> list[Record]:
        """The DAG files that could not be read: `filename` and `stack_trace`."""
        errors: list[Record] = self.call("GET", "/importErrors", params={"limit": 100})["import_errors"]
        return errors

    def store(self, kind: str, entities: list[Record]) -> None:
        """Create the connections, pools or variables (`kind`), or overwrite those that exist."""
        self._change(kind, {"action": "create", "action_on_existence": "overwrite", "entities": entities})

    def remove(self, kind: str, names: list[str]) -> None:
        """Remove the connections, pools or variables (`kind`) of these names, where they exist."""
        self._change(kind, {"action": "delete", "action_on_non_existence": "skip", "entities": names})

    def _change(self, kind: str, action: Record) -> None:
        if not action["entities"]:
            return
        answer = self.call("PATCH", f"/{kind}", {"actions": [action]})
        if errors := (answer.get(action["action"]) or {}).get("errors"):
            raise NightshiftError(f"Airflow refused the {kind} of airflow_settings.yaml: {errors}")

    def list_connections(self) -> list[Record]:
        """The connections, with their passwords masked."""
        found: list[Record] = self.call("GET", "/connections", params={"limit": 100})["connections"]
        return found


def _read(answer: requests.Response, what: str) -> Any:
    if answer.ok:
        return answer.json() if answer.content else None
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.text[:300]
    raise AirflowRefused(answer.status_code, f"Airflow refused {what} ({answer.status_code}): {detail}")
