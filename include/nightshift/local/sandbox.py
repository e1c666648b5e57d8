"""A warehouse and a lake for a while, apart from everything else: an own PostgreSQL server and a folder."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from nightshift.config.airflow.connections import WAREHOUSE, ConnectionSpec, GetConnection
from nightshift.io.lake.folder import FolderLake
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import migrate_warehouse, open_warehouse
from nightshift.local.paths import Paths, find_paths
from nightshift.local.postgres import PORT, Server, start_postgres, stop_postgres
from nightshift.local.postgres_files import SUPERUSER
from nightshift.local.resources import find_connections


@dataclass(frozen=True)
class Sandbox:
    """A running server and a folder. Sources are read through the project's own connections."""

    server: Server
    lake: Path
    get_connection: GetConnection

    @contextmanager
    def open(self, database: str) -> Iterator[Resources]:
        """The io objects on one database, made where it is missing; nothing stays connected to it afterwards."""
        if not self._exists(database):
            self._execute(f'create database "{database}"')
        spec = ConnectionSpec(
            WAREHOUSE, "postgres", host=self.server.socket_folder, port=PORT, login=SUPERUSER, schema=database
        )
        warehouse = open_warehouse(spec)
        try:
            migrate_warehouse(warehouse)
            yield Resources(warehouse, FolderLake(self.lake), self.get_connection)
        finally:
            warehouse.engine.dispose()

    def copy(self, database: str, copied: str) -> None:
        """A new database with everything that `copied` holds, in place of an older one of that name."""
        self._execute(f'drop database if exists "{database}"')
        self._execute(f'create database "{database}" template "{copied}"')

    def _exists(self, database: str) -> bool:
        with closing(self.server.connect(SUPERUSER)) as connection, connection.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = %s", (database,))
            return cursor.fetchone() is not None

    def _execute(self, statement: str) -> None:
        with closing(self.server.connect(SUPERUSER)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)


@contextmanager
def open_sandbox(kept: Path | None = None) -> Iterator[Sandbox]:
    """A sandbox in the folder `kept`, or in a temporary one that is gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = kept.resolve() if kept else Path(tempfile.mkdtemp(prefix="nightshift-replay-"))
        if not kept:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        paths = Paths(find_paths().root, folder)
        server = start_postgres(paths)
        stack.callback(stop_postgres, paths)
        yield Sandbox(server, folder / "lake", find_connections())
