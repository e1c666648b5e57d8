"""The whole stack: started, found again, stopped."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from nightshift.config.airflow.settings import load_settings
from nightshift.errors import NightshiftError
from nightshift.local.airflow import USERNAME, load_secrets, make_environ, migrate_airflow
from nightshift.local.airflow_cleaner import allow_cleaning
from nightshift.local.connections import load_into_airflow
from nightshift.local.paths import Paths, find_paths, hold_lock, read_json, write_json
from nightshift.local.ports import LOOPBACK, find_free_port
from nightshift.local.postgres import Server, find_server_process, start_postgres, stop_postgres
from nightshift.local.processes import Started, is_running, read_last_lines, start_detached, stop_gently
from nightshift.local.rest import AirflowClient

Progress = Callable[[str], None]
PREFERRED_PORT = 8080
START_SECONDS = 300
API_SERVER = "api-server"
KEEPER = "keeper"
# --skip-serve-logs: the API server reads the log files itself, so nobody needs ports of their own.
COMPONENTS = {
    API_SERVER: [API_SERVER],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
# As the health endpoint calls them.
HEARTBEATS = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}


@dataclass(frozen=True)
class StackInfo:
    """Where the running stack is."""

    url: str
    username: str
    password: str = field(repr=False)
    logs: Path
    already_running: bool = False

    def make_client(self) -> AirflowClient:
        """A client logged in as the administrator."""
        return AirflowClient(self.url, self.username, self.password)


def start_stack(
    progress: Progress = lambda line: None, paths: Paths | None = None, port: int | None = None
) -> StackInfo:
    """Start whatever does not run, load airflow_settings.yaml, and return once every component is healthy.

    `port` is for a stack that is not running yet; where it is taken, the next free one is used, as for the default.
    """
    paths = paths or find_paths()
    settings = load_settings(paths.settings)
    with hold_lock(paths.home / "stack.lock", lambda: progress("waiting for another nightshift command")):
        already_running = is_up(paths)
        server = start_postgres(paths)
        if not already_running:
            _start_airflow(paths, server, progress, port or _read_preferred_port())
        info = replace(_describe(paths), already_running=already_running)
        progress(f"loading {paths.settings.name}")
        load_into_airflow(paths, settings, server, info.make_client())
    return info


def stop_stack(progress: Progress = lambda line: None, paths: Paths | None = None) -> bool:
    """Stop what `start_stack` started, PostgreSQL last; False where nothing was running."""
    paths = paths or find_paths()
    with hold_lock(paths.home / "stack.lock", lambda: progress("waiting for another nightshift command")):
        if read_processes(paths):
            progress("stopping Airflow")
        was_running = _stop_airflow(paths)
        if find_server_process(paths):
            progress("stopping PostgreSQL")
        return stop_postgres(paths) or was_running


def is_up(paths: Paths | None = None) -> bool:
    """Whether every process of the stack runs."""
    started = read_processes(paths or find_paths())
    return {process.name for process in started} == set(COMPONENTS) and all(map(is_running, started))


def _describe(paths: Paths) -> StackInfo:
    return StackInfo(read_json(paths.stack)["url"], USERNAME, load_secrets(paths).password, paths.logs)


def read_processes(paths: Paths) -> list[Started]:
    """Airflow's components as they were started, running or not; none where the stack was stopped."""
    return [Started.from_record(record) for record in read_json(paths.stack).get("processes", ())]


def write_processes(paths: Paths, processes: list[Started]) -> None:
    """Keep which processes are the components now."""
    write_json(paths.stack, read_json(paths.stack) | {"processes": [process.to_record() for process in processes]})


def start_component(name: str, environ: Mapping[str, str], paths: Paths) -> Started:
    """Start one of COMPONENTS; `environ` is that of the whole stack."""
    command = [sys.executable, "-m", "airflow", *COMPONENTS[name]]
    return start_detached(name, command, environ, paths.logs / f"{name}.log", paths.root)


def _start_airflow(paths: Paths, server: Server, progress: Progress, preferred_port: int) -> None:
    _stop_airflow(paths)
    port = find_free_port(preferred_port)
    if port != preferred_port:
        progress(f"port {preferred_port} is taken; using {port}")
    environ = make_environ(paths, server, port, load_secrets(paths), os.environ)
    migrate_airflow(paths, server, environ, lambda: progress("preparing Airflow's database"))
    allow_cleaning(server)
    began, started = datetime.now(UTC), list[Started]()
    try:
        write_json(paths.stack, {"url": f"http://{LOOPBACK}:{port}"})
        for name in COMPONENTS:
            started.append(start_component(name, environ, paths))
            write_processes(paths, started)
        _wait_until_healthy(_describe(paths).make_client(), started, began, progress)
        _start_keeper(paths, environ)
    except BaseException:
        _stop_airflow(paths)
        raise


def _start_keeper(paths: Paths, environ: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "nightshift.local.watchdog"]
    keeper = start_detached(KEEPER, command, environ, paths.logs / f"{KEEPER}.log", paths.root)
    write_json(paths.stack, read_json(paths.stack) | {KEEPER: keeper.to_record()})


def _stop_airflow(paths: Paths) -> bool:
    if keeper := read_json(paths.stack).get(KEEPER):
        stop_gently([Started.from_record(keeper)], grace=5)
    started = read_processes(paths)
    was_running = any(map(is_running, started))
    # The API server goes last: tasks that are ending still have something to say to it.
    stop_gently([process for process in started if process.name != API_SERVER], grace=5)
    stop_gently([process for process in started if process.name == API_SERVER], grace=3)
    paths.stack.unlink(missing_ok=True)
    return was_running


def _wait_until_healthy(client: AirflowClient, started: list[Started], began: datetime, progress: Progress) -> None:
    deadline, shown = time.monotonic() + START_SECONDS, ""
    while waiting := _list_unhealthy(client, began):
        for process in started:
            if not is_running(process):
                raise NightshiftError(
                    f"Airflow's {process.name} stopped while starting. The end of {process.log}:\n"
                    f"{read_last_lines(process.log)}"
                )
        if time.monotonic() > deadline:
            logs = "\n".join(f"  {process.log}" for process in started if process.name in waiting)
            raise NightshiftError(f"Not ready after {START_SECONDS} seconds: {', '.join(waiting)}. Their logs:\n{logs}")
        line = f"waiting for Airflow's {', '.join(waiting)}"
        if line != shown:
            progress(line)
            shown = line
        time.sleep(0.3)


def _list_unhealthy(client: AirflowClient, began: datetime) -> list[str]:
    try:
        health = client.read_health()
    except NightshiftError:
        return list(COMPONENTS)
    return [name for name, key in HEARTBEATS.items() if not _is_healthy(health.get(key) or {}, key, began)]


def _is_healthy(component: dict[str, str], key: str, began: datetime) -> bool:
    # After a crash the heartbeat of an earlier process counts for half a minute more.
    heartbeat = component.get(f"latest_{key}_heartbeat")
    return component.get("status") == "healthy" and bool(heartbeat) and datetime.fromisoformat(str(heartbeat)) >= began


def _read_preferred_port() -> int:
    text = os.environ.get("NIGHTSHIFT_PORT") or str(PREFERRED_PORT)
    if not text.isdecimal():
        raise NightshiftError(f"NIGHTSHIFT_PORT={text} is not a port, such as {PREFERRED_PORT}")
    return int(text)
