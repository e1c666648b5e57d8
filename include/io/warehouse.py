"""The warehouse: a PostgreSQL engine, its migrations, and errors that say what to do."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg2
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from include.config.connections import ConnectionSpec
from include.errors import NightshiftError, TemporarilyUnavailable

MIGRATIONS = Path(__file__).parents[1] / "sql" / "migrations"
# Any constant will do: it keeps two processes from migrating at once.
MIGRATION_LOCK = 7_424_001
# A connection that is cut in the middle of a COPY only shows when it is rolled back, as an InterfaceError.
LOST = (OperationalError, psycopg2.OperationalError, InterfaceError, psycopg2.InterfaceError)
UNDEFINED_TABLE, INVALID_SCHEMA = "42P01", "3F000"


def make_url(connection: ConnectionSpec) -> URL:
    """The SQLAlchemy URL of a postgres connection; a host that starts with / is a folder with a socket."""
    if connection.conn_type not in ("postgres", "postgresql"):
        raise NightshiftError(
            f"Connection {connection.conn_id!r} has conn_type {connection.conn_type!r}; the warehouse needs "
            "'postgres'. Change it in airflow_settings.yaml."
        )
    socket = bool(connection.host and connection.host.startswith("/"))
    return URL.create(
        "postgresql+psycopg2",
        username=connection.login,
        password=connection.password,
        host=None if socket else connection.host,
        port=connection.port,
        database=connection.schema,
        query={"host": connection.host} if socket and connection.host else {},
    )


class Warehouse:
    """Transactions on the warehouse. `begin` is the only way in, so every write is part of one."""

    def __init__(self, engine: Engine, conn_id: str) -> None:
        self.engine, self.conn_id = engine, conn_id

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction: commits at the end of the block, rolls back on any exception.

        TemporarilyUnavailable where the server can't be reached; NightshiftError where the schema is missing.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except LOST as error:
            raise TemporarilyUnavailable(self._explain(error)) from error
        except ProgrammingError as error:
            if getattr(error.orig, "pgcode", None) in (UNDEFINED_TABLE, INVALID_SCHEMA):
                raise NightshiftError(
                    f"The warehouse (connection {self.conn_id!r}) lacks a table: {error.orig}. "
                    "Run: bin/nightshift migrate"
                ) from error
            raise

    def _explain(self, error: Exception) -> str:
        address = self.engine.url.render_as_string(hide_password=True)
        reason = " ".join(str(getattr(error, "orig", error)).split()).rstrip("?.")
        return (
            f"The warehouse does not answer (connection {self.conn_id!r}, {address}): {reason}. "
            "Start it (the embedded one: bin/nightshift up), then run this again: nothing is lost or doubled by that."
        )


def open_warehouse(connection: ConnectionSpec) -> Warehouse:
    """An engine for the connection; it connects on first use."""
    engine = create_engine(make_url(connection), pool_pre_ping=True, connect_args={"connect_timeout": 10})
    return Warehouse(engine, connection.conn_id)


def migrate_warehouse(warehouse: Warehouse) -> None:
    """Bring the schema up to date; does nothing where it already is. Safe when two run at once."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with warehouse.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
