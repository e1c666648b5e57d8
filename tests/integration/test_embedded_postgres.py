"""The embedded PostgreSQL outlives whoever started it, and stops when it is told to."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from nightshift.config.project import IMPORT_PATH
from nightshift.local.paths import PROJECT_ROOT, Paths
from nightshift.local.postgres import DATABASES, Server, find_server_process, start_postgres, stop_postgres

pytestmark = pytest.mark.timeout(120)
START = (
    "import sys; from pathlib import Path; "
    "from nightshift.local.paths import *; from nightshift.local.postgres import *; "
    "start_postgres(Paths(PROJECT_ROOT, Path(sys.argv[1])))"
)


@pytest.fixture(scope="module")
def paths() -> Iterator[Paths]:
    # Not tmp_path: as root the server runs as another user, who may not enter pytest's folders.
    home = Path(tempfile.mkdtemp(prefix="nightshift-test-"))
    paths = Paths(PROJECT_ROOT, home)
    yield paths
    stop_postgres(paths)
    shutil.rmtree(home)


def start_elsewhere(paths: Paths) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PYTHONPATH": str(IMPORT_PATH)}
    return subprocess.Popen([sys.executable, "-c", START, str(paths.home)], env=environ, cwd="/")


def read_value(server: Server, database: str, query: str) -> object:
    with closing(server.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
        return row[0] if row else None


def test_several_starters_at_once_start_one_server_and_it_survives_them(paths: Paths) -> None:
    starters = [start_elsewhere(paths) for _ in range(3)]
    assert [starter.wait(timeout=60) for starter in starters] == [0, 0, 0]
    first = find_server_process(paths)
    server = start_postgres(paths)
    assert first is not None
    assert find_server_process(paths) == first
    for database in DATABASES:
        assert read_value(server, database, "SELECT current_database()") == database


def test_it_listens_on_the_socket_only_and_nobody_else_may_enter(paths: Paths) -> None:
    server = start_postgres(paths)
    assert read_value(server, "warehouse", "SHOW listen_addresses") == ""
    assert Path(server.socket_folder).stat().st_mode & 0o077 == 0


def test_it_starts_again_after_a_crash_beside_a_stale_pid_file(paths: Paths) -> None:
    start_postgres(paths)
    running = find_server_process(paths)
    assert running is not None
    assert stop_postgres(paths)
    # What a power cut leaves: a pid file whose pid is by now somebody else's; here our own.
    (paths.postgres / "postmaster.pid").write_text(f"{os.getpid()}\n{paths.postgres}\n0\n5432\n{paths.postgres}\n\n")
    assert find_server_process(paths) is None
    server = start_postgres(paths)
    assert read_value(server, "warehouse", "SELECT 1") == 1


def test_stopping_stops_it_and_stopping_again_does_nothing(paths: Paths) -> None:
    start_postgres(paths)
    assert stop_postgres(paths)
    assert find_server_process(paths) is None
    assert not stop_postgres(paths)


def test_a_path_too_long_for_a_socket_gets_one_elsewhere(tmp_path: Path) -> None:
    home = Path(tempfile.mkdtemp(prefix="nightshift-test-"))
    paths = Paths(PROJECT_ROOT, home / ("long" * 25) / "with space")
    try:
        server = start_postgres(paths)
        assert not server.socket_folder.startswith(str(home))
        assert read_value(server, "warehouse", "SELECT 1") == 1
    finally:
        stop_postgres(paths)
        shutil.rmtree(home)
    shutil.rmtree(server.socket_folder)
