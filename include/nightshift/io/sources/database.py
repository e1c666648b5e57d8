"""A connection or URL -> where the database is."""

import sqlite3
from urllib.parse import quote, unquote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.errors import DataUnavailable, NightshiftError
from nightshift.io.sources.fetching.address import resolve_path

DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
    "sqlite": "sqlite",
    "mssql": "mssql+pyodbc",
}
# What libpq takes from a connection's extra; the rest of an extra is Airflow's own.
POSTGRES_EXTRAS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "application_name", "options")


def make_url(connection: ConnectionSpec) -> sa.URL:
    """The URL of a connection; NightshiftError for a type that is no database."""
    kind = connection.conn_type.lower()
    if kind not in DRIVERS:
        raise NightshiftError(
            f"Connection {connection.conn_id!r} is of type {connection.conn_type!r}, which is no database that can be "
            f"queried; possible are {', '.join(sorted(DRIVERS))}. For others give source.url"
        )
    if kind == "sqlite":
        return _make_sqlite_url(connection.host or connection.schema or "")
    host, query = connection.host, _pick_query(kind, connection)
    if host and host.startswith("/"):  # a folder with PostgreSQL's socket
        query["host"], host = host, None
    return sa.URL.create(
        DRIVERS[kind], connection.login, connection.password, host, connection.port, connection.schema, query
    )


def _pick_query(kind: str, connection: ConnectionSpec) -> dict[str, str]:
    if kind == "mssql":
        return {"driver": str(connection.extra.get("driver") or "ODBC Driver 18 for SQL Server")}
    names = POSTGRES_EXTRAS if kind.startswith("postgres") else ()
    return {name: str(connection.extra[name]) for name in names if name in connection.extra}


def parse_url(text: str) -> sa.URL:
    """The URL that a pipeline gives; a relative SQLite path starts at the project's root."""
    try:
        url = sa.make_url(text)
        url.get_dialect()
    except (ArgumentError, sa.exc.NoSuchModuleError, ValueError) as error:
        raise NightshiftError(f"source.url is not a URL that SQLAlchemy can open: {error}") from error
    return _make_sqlite_url(url.database or "") if url.get_backend_name() == "sqlite" else url


def _make_sqlite_url(path: str) -> sa.URL:
    """SQLite makes missing files, so the file is opened for reading only."""
    if not path or path == ":memory:":
        raise NightshiftError("An SQLite database needs the path of its file")
    database = f"file:{quote(str(resolve_path(path)))}"
    return sa.URL.create("sqlite", database=database, query={"mode": "ro", "uri": "true"})


def require_database(url: sa.URL) -> None:
    """DataUnavailable where the file of an SQLite database is missing; other databases are not asked."""
    if url.get_backend_name() == "sqlite":
        try:
            sqlite3.connect(f"{url.database}?mode=ro", uri=True).close()
        except sqlite3.OperationalError as error:
            path = unquote(url.database or "").removeprefix("file:")
            raise DataUnavailable(f"{path} does not exist or can't be read") from error
