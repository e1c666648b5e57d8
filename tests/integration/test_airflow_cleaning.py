"""Airflow's own history: what can be told without a running Airflow."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nightshift.config.airflow.connections import AIRFLOW, ConnectionSpec
from nightshift.errors import TemporarilyUnavailable
from nightshift.io.vendors.airflow_db import clean_logs, has_tables
from nightshift.local.postgres import PORT, Server
from nightshift.local.postgres_files import SUPERUSER


def connect_as(server: Server, login: str, database: str, host: str | None = None) -> ConnectionSpec:
    return ConnectionSpec(AIRFLOW, "postgres", host or server.socket_folder, login, port=PORT, schema=database)


@pytest.mark.parametrize(("login", "database"), [("never_made", "postgres"), (SUPERUSER, "never_made")])
def test_airflow_that_never_ran_has_no_tables(server: Server, login: str, database: str) -> None:
    """`bin/nightshift up` makes its login; before that there is nothing to clean."""
    assert not has_tables(connect_as(server, login, database))


def test_a_database_without_airflow_has_no_tables(server: Server) -> None:
    assert not has_tables(connect_as(server, SUPERUSER, "postgres"))


def test_a_server_that_is_away_is_no_empty_one(server: Server, tmp_path: Path) -> None:
    with pytest.raises(TemporarilyUnavailable, match="does not answer"):
        has_tables(connect_as(server, SUPERUSER, "postgres", host=str(tmp_path)))


@pytest.mark.parametrize("dry_run", [True, False])
def test_old_task_logs_go_and_nothing_else(tmp_path: Path, dry_run: bool) -> None:
    before = datetime.now(UTC) - timedelta(days=90)
    names = ("old/attempt=1.log", "new/attempt=1.log", "old/notes.txt")
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("12345")
        if name.startswith("old"):
            os.utime(path, (before.timestamp() - 1,) * 2)
    assert clean_logs(tmp_path, before, dry_run) == (1, 5)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*") if path.is_file()}
    assert left == set(names) - (set() if dry_run else {"old/attempt=1.log"})
