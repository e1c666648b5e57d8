"""SQL sources on SQLite and on a real PostgreSQL: bound, streamed, read-only, with clear errors."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.errors import DataUnavailable, NightshiftError, TemporarilyUnavailable
from nightshift.io.sources import UnreadableSource, open_source
from nightshift.io.sources.database import make_url
from nightshift.local.paths import Paths
from nightshift.local.postgres import Server, start_postgres, stop_postgres
from tests.contract.source_kit import DAYS, make_config, make_lookup, read_source

WHERE = "WHERE at >= :partition_start AND at < :partition_end"
HOURS = [datetime(2017, 6, 1) + timedelta(hours=hour) for hour in range(24 * 5)]
Read = Callable[..., pa.Table]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The embedded PostgreSQL, with one table of five days."""
    folder = tmp_path_factory.mktemp("postgres")
    paths = Paths(folder, folder / ".nightshift")
    paths.logs.mkdir(parents=True)
    server = start_postgres(paths)
    try:
        with server.connect("warehouse") as connection, connection.cursor() as cursor:
            cursor.execute("CREATE SEQUENCE counter")
            cursor.execute(
                "CREATE TABLE events (id bigint, at timestamp, amount numeric(12, 2), huge numeric(30, 0), ok boolean,"
                " tags jsonb, key uuid, raw bytea, day date, seen timestamptz, note text, ids int[])"
            )
            for number, hour in enumerate(HOURS):
                cursor.execute(
                    "INSERT INTO events VALUES (%s, %s, 1.25, 123456789012345678901234567890, true, '{\"a\": [1]}',"
                    " '00000000-0000-0000-0000-000000000001', 'x', %s, %s, 'Zürich', '{1,2}')",
                    (number, hour, hour.date(), hour.replace(tzinfo=UTC)),
                )
        connection.close()
        yield server
    finally:
        stop_postgres(paths)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> ConnectionSpec:
    """A connection to a table of five days, one row an hour."""
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        return ConnectionSpec("my_db", "postgres", host=server.socket_folder, login="postgres", schema="warehouse")
    with sqlite3.connect(tmp_path / "50% #1?.db") as connection:
        connection.execute("CREATE TABLE events (id INTEGER, at TEXT)")
        connection.executemany("INSERT INTO events VALUES (?, ?)", [(n, str(hour)) for n, hour in enumerate(HOURS)])
    connection.close()
    return ConnectionSpec("my_db", "sqlite", host=str(tmp_path / "50% #1?.db"))


@pytest.fixture
def read(database: ConnectionSpec, tmp_path: Path) -> Read:
    """Reads a query from the database."""

    def read_query(query: str, days: Sequence[date] = DAYS) -> pa.Table:
        return read_source({"kind": "sql", "query": query, "connection": "my_db"}, tmp_path, days, (database,))

    return read_query


def test_one_query_per_run_of_days(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days that follow each other are asked for at once; a gap makes another query."""
    asked: list[dict[str, date]] = []
    execute = sa.Connection.execute

    def note(self: sa.Connection, statement: Any, bounds: dict[str, date]) -> Any:
        asked.append(bounds)
        return execute(self, statement, bounds)

    monkeypatch.setattr(sa.Connection, "execute", note)
    days = [date(2017, 6, 5), date(2017, 6, 1), date(2017, 6, 2), date(2017, 6, 1)]
    table = read(f"SELECT id FROM events {WHERE} ORDER BY id", days)
    assert table["id"].to_pylist() == [*range(48), *range(96, 120)]
    assert [[str(day) for day in bounds.values()] for bounds in asked] == [
        ["2017-06-01", "2017-06-03"],
        ["2017-06-05", "2017-06-06"],
    ]


def test_many_blocks_are_one_table(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values whose type only shows later, and an empty day with its columns."""
    monkeypatch.setattr("nightshift.io.sources.kinds.sql.BLOCK_ROWS", 5)
    query = f"SELECT id, CASE WHEN id > 50 THEN id + 0.5 END AS late FROM events {WHERE} ORDER BY id"
    table = read(query)
    assert table["id"].to_pylist() == list(range(72))
    assert [None if v is None else float(v) for v in table["late"].to_pylist()] == [
        None if n <= 50 else n + 0.5 for n in range(72)
    ]
    empty = read(query, [date(2020, 1, 1)])
    assert (empty.num_rows, empty.column_names) == (0, ["id", "late"])


def test_the_database_is_left_before_the_rows_are_used(
    database: ConnectionSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever takes long with them, no connection waits for it."""
    left: list[object] = []
    create = sa.create_engine

    def create_watched(*arguments: Any, **options: Any) -> sa.Engine:
        engine = create(*arguments, **options)
        sa.event.listen(engine, "close", lambda *_: left.append(engine))
        return engine

    monkeypatch.setattr(sa, "create_engine", create_watched)
    config = make_config({"kind": "sql", "query": f"SELECT id FROM events {WHERE}", "connection": "my_db"}, tmp_path)
    with open_source(config, make_lookup(database)).stream(DAYS) as rows:
        assert len(left) == 1
        assert sum(table.num_rows for table in rows.tables) == rows.rows == 72


def test_postgres_is_asked_for_a_block_at_a_time(postgres: Server, tmp_path: Path) -> None:
    """By a cursor of the server's: what it works at while it makes a row is one fetch, and not the whole query."""
    query = f"SELECT id, (SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()) AS task FROM events {WHERE}"
    table = read_source({"kind": "sql", "query": query, "url": postgres.make_url("warehouse")}, tmp_path, DAYS)
    assert all(task.startswith("FETCH FORWARD ") for task in table["task"].to_pylist())


def test_the_database_is_never_changed(read: Read) -> None:
    """Whatever the query says."""
    count = f"SELECT count(*) AS n FROM events {WHERE}"
    before = read(count).to_pylist()
    with pytest.raises(NightshiftError, match="'my_db'"):
        read(f"DELETE FROM events {WHERE} RETURNING id")
    assert read(count).to_pylist() == before


def test_not_even_by_a_function(postgres: Server, tmp_path: Path) -> None:
    """A sequence would keep what was taken from it, whatever is rolled back."""
    query = "SELECT nextval('counter') AS n WHERE :partition_start < :partition_end"
    with pytest.raises(NightshiftError, match="read-only"):
        read_source({"kind": "sql", "query": query, "url": postgres.make_url("warehouse")}, tmp_path, DAYS)


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        (f"SELECT * FROM nowhere {WHERE}", DataUnavailable, "nowhere"),
        (f"SELECT id, id FROM events {WHERE}", UnreadableSource, "column 'id' appears more than once"),
        (f"SELEC id FROM events {WHERE}", NightshiftError, "'my_db'.*SELEC"),
        (f"SELECT id FROM events {WHERE} AND id > :lowest", NightshiftError, "'my_db'.*lowest"),
        (f"SELECT id FROM events {WHERE.replace(':partition_end', ':partition_ending')}", NightshiftError, "must bind"),
    ],
)
def test_wrong_queries_are_explained(read: Read, query: str, error: type[Exception], message: str) -> None:
    """In one line, with the database's own words."""
    with pytest.raises(error, match=message) as caught:
        read(query)
    assert "\n" not in str(caught.value)


def test_values_of_postgres_keep_their_types(postgres: Server, tmp_path: Path) -> None:
    """Those that Arrow knows; the others become text. A PostgreSQL cast of a bound works."""
    query = (
        "SELECT * FROM events WHERE at >= :partition_start::timestamp AND at < :partition_end::timestamp ORDER BY id"
    )
    source = {"kind": "sql", "query": query, "url": postgres.make_url("warehouse")}
    table = read_source(source, tmp_path, DAYS[:1])
    assert table.slice(1, 1).to_pylist() == [
        {
            "id": 1, "at": datetime(2017, 6, 1, 1), "amount": Decimal("1.25"), "ok": True, "tags": '{"a": [1]}',
            "huge": Decimal("123456789012345678901234567890"), "key": "00000000-0000-0000-0000-000000000001",
            "raw": b"x", "day": date(2017, 6, 1), "seen": datetime(2017, 6, 1, 1, tzinfo=UTC), "note": "Zürich",
            "ids": "[1, 2]",
        }
    ]  # fmt: skip


def test_a_database_that_is_down_is_named_without_its_password(tmp_path: Path) -> None:
    """The driver's message says where it tried."""
    spec = ConnectionSpec("my_db", "postgres", host="127.0.0.1", port=1, login="me", password="canary", schema="x")
    source = {"kind": "sql", "query": f"SELECT 1 FROM x {WHERE}", "connection": "my_db"}
    with pytest.raises(TemporarilyUnavailable, match=r"'my_db' can't answer:.*refused") as caught:
        read_source(source, tmp_path, DAYS, (spec,))
    assert "canary" not in str(caught.value) + repr(caught.value.__cause__)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (ConnectionSpec("c", "postgres", "h", "me", "p@:/ss", 5433, "db"), "postgresql+psycopg2://me:p%40%3A%2Fss@h:5433/db"),
        (ConnectionSpec("c", "postgres", "h", extra={"sslmode": "require", "iam": True}), "postgresql+psycopg2://h?sslmode=require"),
        (ConnectionSpec("c", "mysql", "h", "me", "x", None, "db"), "mysql+pymysql://me:x@h/db"),
        (ConnectionSpec("c", "mssql", "h", schema="db"), "mssql+pyodbc://h/db?driver=ODBC+Driver+18+for+SQL+Server"),
        (ConnectionSpec("c", "sqlite", "/a/c.db"), "sqlite:///file%3A/a/c.db?mode=ro&uri=true"),
    ],
)  # fmt: skip
def test_connections_become_urls(spec: ConnectionSpec, expected: str) -> None:
    """With what the driver knows of the extra; the password is quoted."""
    assert make_url(spec).render_as_string(hide_password=False) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"connection": "my_http"}, "'my_http' is of type 'http', which is no database.*mssql, mysql, postgres"),
        ({"connection": "my_mysql"}, "'my_mysql'.*pymysql"),
        ({"url": "nonsense"}, "source.url is not a URL"),
        ({"url": "nosuchdb://127.0.0.1/x"}, "source.url is not a URL.*nosuchdb"),
        ({"url": "sqlite://"}, "needs the path of its file"),
        ({"connection": "nowhere"}, "No connection is called 'nowhere'"),
    ],
)
def test_what_is_no_database_is_explained(source: dict[str, str], message: str, tmp_path: Path) -> None:
    """A wrong type, a driver that is not installed, a URL that is not valid."""
    known = (ConnectionSpec("my_http", "http"), ConnectionSpec("my_mysql", "mysql", "127.0.0.1"))
    with pytest.raises(NightshiftError, match=message):
        read_source({"kind": "sql", "query": f"SELECT 1 FROM x {WHERE}", **source}, tmp_path, DAYS, known)
