"""The script that gives the containers' PostgreSQL a place for Celery's results, run by a real psql."""

import os
import subprocess
from contextlib import closing

import psycopg2
import pytest

from nightshift.config.project import PROJECT_ROOT
from nightshift.local.postgres import PORT, Server
from nightshift.local.postgres_files import find_binaries

SCRIPT = PROJECT_ROOT / "deploy" / "compose" / "make_results.sh"
NAME = "celery_results"


def run_script(server: Server, password: str) -> None:
    environ = {
        "PATH": f"{find_binaries()}:{os.environ['PATH']}",
        "PGHOST": server.socket_folder,
        "PGPORT": str(PORT),
        "RESULTS_DB_PASSWORD": password,
    }
    subprocess.run([SCRIPT], check=True, env=environ, capture_output=True)


@pytest.mark.guarantee(21)
def test_workers_keep_their_results_in_a_database_of_their_own_and_see_no_other(server: Server) -> None:
    """Twice, since an older volume gets it by hand: the second time it takes the new password and keeps the rest."""
    run_script(server, "first")
    with closing(server.connect(NAME, NAME)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("create table kept (id integer)")
    run_script(server, 'it\'s "second"')
    with closing(server.connect(NAME, NAME)) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from kept")
        assert cursor.fetchone() == (0,)
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        server.connect("airflow", NAME)
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        server.connect(NAME, "nightshift_writer")
