"""Airflow as the local stack runs it: its environment, its secrets, its database's schema."""

import base64
import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from nightshift.config.environment import TELEMETRY_OFF, THREADS
from nightshift.config.pipeline_folders import find_pipelines, list_places
from nightshift.config.project import IMPORT_PATHS
from nightshift.errors import NightshiftError
from nightshift.local.paths import Paths, hold_lock, read_json, write_json
from nightshift.local.ports import LOOPBACK
from nightshift.local.postgres import Server

USERNAME = "admin"
# What the process that tasks are forked from has imported already: otherwise each task spends five seconds on it.
# Airflow's own setting, and a process of its own rather than the scheduler, so it forks from a single thread. Third
# parties' modules only: tasks must see an edited step or pipeline at once.
PRELOADED = (
    # First, because it looks for a thousand names in every module that is there already; in Airflow's, each of them is
    # a warning about something deprecated: five seconds of CPU and thousands of lines in the log of `score`.
    "skops.io",
    "airflow.executors.local_executor",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.dagbag",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "numba",
    "great_expectations",
    "pgpq",
    "airflow.providers.standard.decorators.python",
    "airflow.timetables.trigger",
)


@dataclass(frozen=True)
class Secrets:
    """Generated once per state folder. They stay out of `repr`, so out of logs and tracebacks."""

    password: str
    fernet_key: str
    jwt_secret: str
    api_secret_key: str

    def __repr__(self) -> str:
        return "Secrets(…)"


def load_secrets(paths: Paths) -> Secrets:
    """Read the generated secrets; generate what is missing."""
    with hold_lock(paths.home / "secrets.lock"):
        known = read_json(paths.secrets)
        generated = {
            "password": secrets.token_urlsafe(12),
            "fernet_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(48),
            "api_secret_key": secrets.token_urlsafe(48),
        }
        values = {name: known.get(name) or value for name, value in generated.items()}
        if values != known:
            write_json(paths.secrets, values)
        # Airflow's SimpleAuthManager reads the password from a file of its own.
        write_json(paths.airflow / "passwords.json", {USERNAME: values["password"]})
        return Secrets(**values)


def make_environ(
    paths: Paths, server: Server, port: int, generated: Secrets, environ: Mapping[str, str]
) -> dict[str, str]:
    """The environment of every Airflow process: the caller's, but for what makes it *this* Airflow."""
    inherited = {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # Nothing between the components goes through a proxy.
    direct = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    no_proxy = ",".join(dict.fromkeys([*filter(None, direct.split(",")), LOOPBACK, "localhost"]))
    return {
        **make_defaults(paths, environ),
        **inherited,
        **_make_identity(paths, server, f"http://{LOOPBACK}:{port}", generated, choose_executor(environ)),
        **TELEMETRY_OFF,
        "AIRFLOW__API__PORT": str(port),
        **({"PYTHONPATH": os.pathsep.join(IMPORT_PATHS)} if IMPORT_PATHS else {}),
        "NIGHTSHIFT_PROJECT": str(paths.root),
        "NIGHTSHIFT_HOME": str(paths.home),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }


def choose_executor(environ: Mapping[str, str]) -> str:
    """What runs the tasks: NIGHTSHIFT_EXECUTOR, such as CeleryExecutor (docs/how-to/deployment.md), or this machine.

    A process for each task pays only where it is forked: otherwise LocalExecutor's, which live longer.
    """
    own = "nightshift.orchestration.executor.ProcessExecutor" if should_preload(environ) else "LocalExecutor"
    return environ.get("NIGHTSHIFT_EXECUTOR") or own


def _make_identity(paths: Paths, server: Server, url: str, generated: Secrets, executor: str) -> dict[str, str]:
    """What a caller's variables for another Airflow must not change."""
    settings = {
        "API__BASE_URL": url,
        "API__HOST": LOOPBACK,
        "API__SECRET_KEY": generated.api_secret_key,
        "API_AUTH__JWT_SECRET": generated.jwt_secret,
        "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__EXECUTOR": executor,
        "CORE__FERNET_KEY": generated.fernet_key,
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(paths.airflow / "passwords.json"),
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USERNAME}:admin",
        "DATABASE__SQL_ALCHEMY_CONN": server.make_url("airflow"),
        "LOGGING__BASE_LOG_FOLDER": str(paths.logs / "tasks"),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(paths.logs / "parsing"),
    }
    own = {"AIRFLOW_HOME": str(paths.airflow), "AIRFLOW_CONFIG": str(paths.airflow / "airflow.cfg")}
    return own | {f"AIRFLOW__{name}": value for name, value in settings.items()}


def make_defaults(paths: Paths, environ: Mapping[str, str]) -> dict[str, str]:
    """What the caller's variables may change."""
    settings = {
        "CORE__DAGS_FOLDER": str(paths.root / "dags"),
        "CORE__PLUGINS_FOLDER": str(paths.root / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        # Between two tasks a place waits for the scheduler about as long as a small task works.
        "CORE__PARALLELISM": str(2 * max(2, os.cpu_count() or 2)),
        # Tasks talk to the API server without encryption, so they need not read the world's certificates each time.
        "API__CLIENT_USE_PUBLIC_CERTS": "False",
        # Asking DNS for the machine's name may take seconds where there is none.
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        # `airflow db migrate` ran before.
        "DATABASE__CHECK_MIGRATIONS": "False",
        # Brisk, because it serves one person who waits.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        # A task that was killed with its supervisor is noticed by its silence alone. A supervisor speaks every 5
        # seconds, and gives its task up itself when nobody hears it 3 times in a row. Fencing keeps a task that was
        # taken for dead from doing harm.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
        # What a dead scheduler had queued is taken over as soon as it counts as dead (after 30 seconds).
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        # Celery's workers load the same libraries before they fork.
        "CELERY__CELERY_CONFIG_OPTIONS": "nightshift.orchestration.celery_config.CELERY_CONFIG",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        # One file holds a DAG of every pipeline: on a busy machine hundreds take longer than the usual 50 seconds.
        "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "300",
        "CORE__DAGBAG_IMPORT_TIMEOUT": "120",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": str(choose_parse_interval(paths, environ)),
        "LOGGING__COLORED_CONSOLE_LOG": "False",
    }
    if should_preload(environ):
        settings["SCHEDULER__MP_START_METHOD"] = "forkserver"
        settings["SCHEDULER__MP_FORKSERVER_PRELOAD"] = ",".join(PRELOADED)
    return {**THREADS, **{f"AIRFLOW__{name}": value for name, value in settings.items()}}


def choose_parse_interval(paths: Paths, environ: Mapping[str, str]) -> int:
    """Seconds between two readings of the DAG files: brisk, but at most a tenth of a core for many pipelines."""
    return max(30, len(find_pipelines(list_places(environ, paths.root)).folders))


def should_preload(environ: Mapping[str, str]) -> bool:
    """Whether tasks find the heavy libraries loaded. Apple's frameworks don't survive a fork."""
    return environ.get("NIGHTSHIFT_PRELOAD") != "0" and sys.platform != "darwin"


def migrate_airflow(
    paths: Paths, server: Server, environ: Mapping[str, str], on_start: Callable[[], None] = lambda: None
) -> bool:
    """Bring Airflow's own schema up to date; False where it already was."""
    stamp = paths.airflow / "migrated.json"
    release = version("apache-airflow-core")
    # The database may have been thrown away since, so the stamp alone proves nothing.
    revision = _read_revision(server)
    if revision and read_json(stamp) == {"airflow": release, "revision": revision}:
        return False
    on_start()
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(command, check=False, env=dict(environ), cwd=paths.root, capture_output=True, text=True)
    if done.returncode != 0:
        tail = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).splitlines()[-15:])
        raise NightshiftError(f"`airflow db migrate` failed:\n{tail}")
    write_json(stamp, {"airflow": release, "revision": _read_revision(server)})
    return True


def _read_revision(server: Server) -> str | None:
    """The revision of Airflow's schema; None where there is none yet."""
    with contextlib.closing(server.connect("airflow")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('alembic_version')")
        if cursor.fetchone() == (None,):
            return None
        cursor.execute("SELECT version_num FROM alembic_version")
        row = cursor.fetchone()
        return str(row[0]) if row else None
