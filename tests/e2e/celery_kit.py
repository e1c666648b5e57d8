"""The topology of docker-compose.yaml as plain processes: Redis, CeleryExecutor, and workers that know no secrets."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
import redis
import yaml

from nightshift.config.project import PROJECT_ROOT
from nightshift.local.airflow import load_secrets, make_environ
from nightshift.local.paths import Paths, read_json
from nightshift.local.postgres import PORT, start_postgres
from nightshift.local.processes import Started, read_last_lines, start_detached, stop_gently
from tests.faults.scheduler.kit import Site, wait_until
from tests.s3_server import find_free_ports

HOW_TO_GET = "no Redis to test with: on Debian and Ubuntu apt-get install --no-install-recommends redis-server"
RESULTS = "celery_results"
COMPOSE = yaml.safe_load((PROJECT_ROOT / "docker-compose.yaml").read_text())
# What lets a process read Airflow's database, or speak for Airflow: no worker has it, neither here nor in a container.
KEPT_BACK = (
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
)


@contextlib.contextmanager
def run_redis() -> Iterator[str]:
    """Its address, with a password; without a Redis the test is left out and says why, and in CI it fails."""
    if not shutil.which("redis-server"):
        leave_out = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        leave_out(HOW_TO_GET)
    folder = Path(tempfile.mkdtemp(prefix="nightshift-redis-"))
    (port,), password = find_free_ports(1), secrets.token_hex(16)
    settings = ["bind 127.0.0.1", f"port {port}", f"requirepass {password}", 'save ""', f"dir {folder}"]
    (folder / "redis.conf").write_text("\n".join(settings))
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(["redis-server", str(folder / "redis.conf")], stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(url), f"Redis does not answer:\n{read_last_lines(folder / 'redis.log')}", 30)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(folder)


def answers(url: str) -> bool:
    """Whether Redis does, to whoever has the password."""
    with contextlib.suppress(redis.RedisError), redis.Redis.from_url(url) as client:
        return bool(client.ping())
    return False


def prepare_celery(paths: Paths, broker: str) -> dict[str, str]:
    """Make a database for Celery's results, with a login of its own; the variables of scheduler and workers."""
    shutil.copy(Path(__file__).with_name("worker_name.py"), paths.root)
    server = start_postgres(paths)
    with contextlib.closing(server.connect("postgres")) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"create role {RESULTS} login")
        connection.cursor().execute(f"create database {RESULTS} owner {RESULTS}")
    results = f"db+postgresql+psycopg2://{RESULTS}@/{RESULTS}?host={server.socket_folder}&port={PORT}"
    # The containers' own settings, but for the two addresses.
    here = {"AIRFLOW__CELERY__BROKER_URL": broker, "AIRFLOW__CELERY__RESULT_BACKEND": results}
    return {"NIGHTSHIFT_EXECUTOR": "CeleryExecutor", **COMPOSE["x-queue"], **here}


@contextlib.contextmanager
def run_workers(site: Site, *names: str) -> Iterator[dict[str, Started]]:
    """Workers that run one task at a time, by their names; they have all come up."""
    workers: dict[str, Started] = {}
    try:
        workers.update({name: start_worker(site, name) for name in names})
        for name, worker in workers.items():
            log = Path(worker.log)
            wait_until(lambda log=log: " ready." in log.read_text(), f"{name} does not come up")  # type: ignore[misc]
        yield workers
    finally:
        stop_gently(workers.values(), grace=10)


def start_worker(site: Site, name: str) -> Started:
    """`airflow celery worker` as a container of that name would run it."""
    command = [sys.executable, "-m", "airflow", "celery", "worker", "--skip-serve-logs", "--concurrency", "1"]
    command += ["--celery-hostname", name]
    return start_detached(
        name, command, make_worker_environ(site, name), site.paths.logs / f"{name}.log", site.paths.root
    )


def make_worker_environ(site: Site, name: str) -> Mapping[str, str]:
    """The stack's environment without its secrets, and a home without its files."""
    port = int(read_json(site.paths.stack)["url"].rpartition(":")[2])
    environ = make_environ(site.paths, start_postgres(site.paths), port, load_secrets(site.paths), os.environ)
    home = site.paths.home / name
    own = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONFIG": str(home / "airflow.cfg"),
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "worker_name.read_name",
        "NIGHTSHIFT_WORKER": name,
    }
    return {key: value for key, value in environ.items() if key not in KEPT_BACK} | own


def kill_machine(worker: Started) -> None:
    """SIGKILL of the worker, its pool, and the tasks that it supervises, as if the machine had lost its power."""
    while left := [process for process in psutil.process_iter() if find_session(process) == worker.pid]:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(left, timeout=0.2)


def find_session(process: psutil.Process) -> int | None:
    """The session of a process that has not ended."""
    with contextlib.suppress(OSError, psutil.NoSuchProcess):
        return os.getsid(process.pid) if process.status() != psutil.STATUS_ZOMBIE else None
    return None


def list_workers_of(site: Site, dag_id: str, run_id: str) -> dict[tuple[str, int], list[str]]:
    """Who ran each task instance (task and map index, -1 unless mapped) of a run: one name for each try, in order."""
    found: dict[tuple[str, int], list[str]] = {}
    for task in site.house.client.list_task_instances(dag_id, run_id):
        mapped = f"/{task['map_index']}" if task["map_index"] >= 0 else ""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}{mapped}/tries"
        tries = site.house.client.call("GET", path)["task_instances"]
        names = [each["hostname"] for each in sorted(tries, key=lambda each: each["try_number"])]
        found[task["task_id"], task["map_index"]] = names
    return found
