"""Airflow's own tables and task logs: old runs go, by Airflow's own command."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.errors import NightshiftError, TemporarilyUnavailable
from nightshift.io.warehouse.engine import make_url, open_warehouse

# What grows with every run; the rest is configuration. Runs take their task instances and XComs along. Of each DAG's
# runs that nobody started by hand Airflow keeps the last, from which the next one follows.
TABLES = (
    "dag_run,task_instance,task_instance_history,task_reschedule,xcom,log,job,callback,deadline,asset_event,"
    "import_error,revoked_token,task_state_store"
)
MINUTES = 30
# A server tells a failed login in words only.
_NOT_MADE_YET = re.compile(r'(role|database) "[^"]*" does not exist')
_COUNTED = re.compile(r"Checking table (\w+)\s+Found (\d+) rows")
# The task's supervisor forbids the database by these, and leads astray by those.
_LOST = ("AIRFLOW__CORE__SQL_ALCHEMY_CONN", "_AIRFLOW_PROCESS_CONTEXT", "_AIRFLOW_FORK_EXEC", "__AIRFLOW_SUPERVISOR_FD")


def has_tables(connection: ConnectionSpec) -> bool:
    """Whether Airflow has ever run on this database; what `bin/nightshift up` makes may not be there yet."""
    database = open_warehouse(connection)
    try:
        with database.begin() as opened:
            return opened.execute(text("select to_regclass('dag_run')")).scalar() is not None
    except TemporarilyUnavailable as error:
        if _NOT_MADE_YET.search(str(error)):
            return False
        raise
    finally:
        database.engine.dispose()


def clean_tables(
    connection: ConnectionSpec, before: datetime, dry_run: bool, environ: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Run `airflow db clean`; the rows found by table. NightshiftError with the end of its output where it fails.

    A process of its own: tasks can't open Airflow's database. `environ` adds to this process' environment.
    """
    command = [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before.isoformat()]
    command += ["--tables", TABLES, "--skip-archive", "--yes", "--error-on-cleanup-failure"]
    command += ["--dry-run"] if dry_run else []
    inherited = {name: value for name, value in os.environ.items() if name not in _LOST}
    url = make_url(connection).render_as_string(hide_password=False)
    own = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url, "AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False"}
    done = subprocess.run(
        command,
        env={**inherited, **(environ or {}), **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=MINUTES * 60,
    )
    said = done.stdout + done.stderr
    if done.returncode != 0:
        shown = said.replace(connection.password, "***") if connection.password else said
        raise NightshiftError(f"`airflow db clean` failed:\n{shown[-2000:]}\nFix it, then clear the task.")
    return {table: int(rows) for table, rows in _COUNTED.findall(said)}


def clean_logs(folder: Path, before: datetime, dry_run: bool) -> tuple[int, int]:
    """Remove the task logs that were last written before; how many, and their bytes. Other files are left alone."""
    count = size = 0
    for path in sorted(folder.rglob("attempt=*.log*")) if folder.is_dir() else ():
        found = path.lstat()
        if path.is_symlink() or not path.is_file() or found.st_mtime >= before.timestamp():
            continue
        count, size = count + 1, size + found.st_size
        if not dry_run:
            path.unlink(missing_ok=True)
            _remove_empty(path.parent, folder)
    return count, size


def _remove_empty(folder: Path, root: Path) -> None:
    """Remove the folder and those around it that are empty by now."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
