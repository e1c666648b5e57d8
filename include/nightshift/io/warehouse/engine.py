"""The warehouse: a PostgreSQL engine, its migrations, and errors that say what to do."""

import contextlib
import re
from collections.abc import Iterator

import psycopg2
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.config.project import COMMAND
from nightshift.config.project import ENGINE as ENGINE_FOLDER
from nightshift.errors import NightshiftError, TemporarilyUnavailable
from nightshift.io.warehouse.roles import INSUFFICIENT_PRIVILEGE, grant_roles

MIGRATIONS = ENGINE_FOLDER / "sql" / "migrations"
# Any constant will do: it keeps two processes from migrating at once.
MIGRATION_LOCK = 7_424_001
# A connection that is cut in the middle of a COPY only shows when it is rolled back, as an InterfaceError.
LOST = (psycopg2.OperationalError, psycopg2.InterfaceError)
# What a connection's extra may say of encryption; the driver knows these names.
TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey")
UNDEFINED_TABLE, INVALID_SCHEMA = "42P01", "3F000"
DISK_FULL, READ_ONLY, TOO_MANY = "53100", "25006", "53300"
# Who gets no connection gets no code from the driver either, only the server's words.
NO_CONNECTION_LEFT = re.compile("too many (clients|connections)|remaining connection slots")
CONFLICTS = ("40001", "40P01", "55P03")  # not serialisable, deadlock, waited too long for a lock
# A process that was paused in the middle of a transaction must not keep the others waiting for its locks for ever.
SET_TIMEOUTS = "set local lock_timeout = '15min'; set local idle_in_transaction_session_timeout = '10min'"


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
        query={
            **({"host": connection.host} if socket and connection.host else {}),
            **{name: str(connection.extra[name]) for name in TLS if name in connection.extra},
        },
    )


class Warehouse:
    """Transactions on the warehouse. `begin` is the only way in, so every write is part of one."""

    def __init__(self, engine: Engine, conn_id: str) -> None:
        self.engine, self.conn_id = engine, conn_id

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction: commits at the end of the block, rolls back on any exception.

        TemporarilyUnavailable where the server can't be reached, is full, or chose this transaction to give way;
        NightshiftError where the schema or a right is missing.
        """
        try:
            with self.engine.begin() as connection:
                # For this transaction alone, since a connection pooler between us may give the next one to others.
                connection.execute(text(SET_TIMEOUTS))
                yield connection
        except (DBAPIError, psycopg2.Error) as error:
            explained = self._explain(error.orig if isinstance(error, DBAPIError) else error)
            if explained is None:
                raise
            raise explained from error

    def _explain(self, error: BaseException | None) -> NightshiftError | None:
        """One sentence and the next thing to do; None for what only a fault of the code can cause."""
        code = find_code(error)
        reason = " ".join(str(error).split()).rstrip("?.")
        where = f"(connection {self.conn_id!r}, {self.engine.url.render_as_string(hide_password=True)})"
        if code in (UNDEFINED_TABLE, INVALID_SCHEMA):
            return NightshiftError(f"The warehouse {where} has no such table: {reason}. Run: {COMMAND} migrate")
        if code == INSUFFICIENT_PRIVILEGE:
            return NightshiftError(
                f"The warehouse {where} does not allow this: {reason}. Grant it, or log in otherwise"
            )
        if code in ADVICE or is_lost(error):
            problem, advice = ADVICE.get(code or "", DOWN)
            return TemporarilyUnavailable(f"The warehouse {problem} {where}: {reason}. {advice}, then {AGAIN}")
        return None


DOWN = ("does not answer", f"Start it (the embedded one: {COMMAND} up)")
AGAIN = "run this again: nothing is lost or doubled by that."
ADVICE = {
    DISK_FULL: ("has no space left", "Free space on its disk"),
    READ_ONLY: ("takes no writes", "Wait until it has recovered, or point the connection to the primary"),
    TOO_MANY: ("has no connection left", "Close some, or raise max_connections"),
    **dict.fromkeys(CONFLICTS, ("had to give way to another transaction", "Wait until the other is through")),
}


def find_code(error: BaseException | None) -> str | None:
    """PostgreSQL's code of the error; None where there is none."""
    code: str | None = getattr(error, "pgcode", None)
    return code or (TOO_MANY if NO_CONNECTION_LEFT.search(str(error)) else None)


def is_lost(error: BaseException | None) -> bool:
    """Whether the connection or the server is at fault; a lost one may also come as the driver's plainest error."""
    return isinstance(error, LOST) or type(error) is psycopg2.DatabaseError


def open_warehouse(connection: ConnectionSpec) -> Warehouse:
    """An engine for the connection; it connects on first use."""
    engine = create_engine(make_url(connection), pool_pre_ping=True, connect_args={"connect_timeout": 10})
    return Warehouse(engine, connection.conn_id)


def migrate_warehouse(warehouse: Warehouse) -> str:
    """Bring schema and roles up to date; does nothing where they already are. Safe when two run at once.

    Returns what a superuser has to do for the roles, or nothing. NightshiftError where the login may not migrate.
    """
    # Imported here: nobody else needs it, and each task would pay a tenth of a second for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with warehouse.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except ProgrammingError as error:
            if getattr(error.orig, "pgcode", None) != INSUFFICIENT_PRIVILEGE:
                raise
            raise NightshiftError(
                f"The warehouse's schema is not up to date, and connection {warehouse.conn_id!r} may not change it "
                f"({str(error.orig).strip()}). Give airflow_settings.yaml the connection nightshift_admin, then run: "
                f"{COMMAND} migrate"
            ) from None
        return grant_roles(connection)
