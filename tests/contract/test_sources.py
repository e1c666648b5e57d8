"""Every source keeps the same promises: files of each format in each place, a database, a Python function."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.errors import DataUnavailable, NightshiftError
from nightshift.io.lake.s3 import make_s3_client
from nightshift.io.sources import check_available
from nightshift.io.sources.fetching.fetch import SourceFile
from tests.contract.source_kit import (
    DAYS,
    EMPTY_DAY,
    ROWS,
    QuietHandler,
    encode_rows,
    make_config,
    make_lookup,
    read_source,
    serve,
)
from tests.s3_server import S3Server

KINDS = ("csv", "csv.gz", "parquet", "jsonl", "jsonl.gz")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Store:
    """A place that holds files, and how sources are told where."""

    base: str
    put: Callable[[str, bytes], object]
    connections: tuple[ConnectionSpec, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    can_list: bool = True

    def read(self, name: str, partitions: Sequence[date], **source: Any) -> pa.Table:
        """Read the files called `name` as a source."""
        return read_source(
            {"kind": "files", "path": f"{self.base}/{name}", **self.options, **source},
            Path(),
            partitions,
            self.connections,
        )


@pytest.fixture(params=["folder", "s3", "http"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty place of each sort."""
    folder = tmp_path / "[files] & 'more'?"
    folder.mkdir()

    def put_locally(name: str, content: bytes) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)

    if request.param == "folder":
        yield Store(str(folder), put_locally)
    elif request.param == "http":
        with serve(partial(QuietHandler, directory=str(folder))) as address:
            yield Store(address, put_locally, can_list=False)
    else:
        server: S3Server = request.getfixturevalue("s3_server")
        bucket, connection = server.make_bucket(), server.make_connection(conn_id="my_files")
        client = make_s3_client(connection)
        yield Store(
            f"s3://{bucket}/some/where",
            lambda name, content: client.put_object(Bucket=bucket, Key=f"some/where/{name}", Body=content),
            (connection,),
            {"connection": "my_files"},
        )


BY_AT = {"partition_by": {"column": "at"}}


def of_days(days: Sequence[date], rows: Rows = ROWS) -> Rows:
    """The rows that belong to these days, in their order."""
    return [row for row in rows if row["at"][:10] in {str(day) for day in days}]


@pytest.mark.parametrize("kind", KINDS)
def test_gives_the_rows_of_the_partitions_and_nothing_else(store: Store, kind: str) -> None:
    """One day, several days, a day without rows: values, order and columns are those of the source."""
    store.put(f"all.{kind}", encode_rows(ROWS, kind))
    for days in ([DAYS[0]], [DAYS[0], DAYS[2]], DAYS, [EMPTY_DAY], [EMPTY_DAY, DAYS[1]]):
        table = store.read(f"all.{kind}", days, **BY_AT)
        assert table.to_pylist() == of_days(days)
        assert table.column_names == ["id", "at", "note"]
        assert set(table.schema.types) == {pa.string()}


@pytest.mark.parametrize("kind", KINDS)
def test_reads_one_file_per_partition(store: Store, kind: str) -> None:
    """The partition's date in the path, written as one likes."""
    for day in DAYS:
        store.put(f"{day:%Y/%m}/at={day}.{kind}", encode_rows(of_days([day]), kind))
    name = "{partition:%Y/%m}/at={partition}." + kind
    assert store.read(name, [DAYS[1]]).to_pylist() == of_days([DAYS[1]])
    assert store.read(name, [DAYS[2], DAYS[0]]).to_pylist() == of_days([DAYS[2]]) + of_days([DAYS[0]])


@pytest.mark.parametrize("kind", KINDS)
def test_rows_may_lie_in_any_file_in_any_order(store: Store, kind: str) -> None:
    """Late and reordered rows, and reordered columns, give the same set of rows."""
    if not store.can_list:
        with pytest.raises(NightshiftError, match=r"HTTP can.t list files"):
            store.read(f"part-*.{kind}", [DAYS[0]], **BY_AT)
        return
    reordered = [dict(sorted(row.items(), reverse=True)) for row in ROWS[::-1]]
    store.put(f"part-1.{kind}", encode_rows(reordered[5:], kind))
    store.put(f"part-2.{kind}", encode_rows(reordered[:5], kind))
    store.put(f"part-3/x.{kind}", b"is not matched: * stops at a slash")
    table = store.read(f"part-*.{kind}", [DAYS[0]], **BY_AT)
    assert sorted(table.to_pylist(), key=lambda row: row["id"]) == of_days([DAYS[0]])


@pytest.mark.parametrize("kind", KINDS)
def test_texts_for_a_missing_value_become_null(store: Store, kind: str) -> None:
    """The same ones in every format; other texts stay."""
    rows = [{"id": text, "at": "2017-06-01", "note": "x"} for text in ("", "NA", "none", " ", "-")]
    store.put(f"all.{kind}", encode_rows(rows, kind))
    assert store.read(f"all.{kind}", DAYS, **BY_AT)["id"].to_pylist() == [None, None, "none", " ", "-"]
    read_as_is = store.read(f"all.{kind}", DAYS, **BY_AT, null_values=["-"])["id"].to_pylist()
    assert read_as_is == ["", "NA", "none", " ", None]


@pytest.mark.parametrize("name", ["missing.csv", "{partition}.parquet", "no/such/folder/x.jsonl"])
def test_a_missing_file_is_named(store: Store, name: str) -> None:
    """With the address that was looked at, in which no placeholder is left."""
    source = BY_AT if "{partition" not in name else {}
    with pytest.raises(DataUnavailable) as caught:
        store.read(name, [DAYS[0]], **source)
    assert name.replace("{partition}", "2017-06-01") in str(caught.value)


def test_a_pattern_that_matches_nothing_is_named(store: Store) -> None:
    """And HTTP says that it can't match."""
    with pytest.raises(NightshiftError, match=r"part-\*\.csv"):
        store.read("part-*.csv", [DAYS[0]], **BY_AT)


def test_a_shared_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many partitions are asked for."""
    from nightshift.io.sources.kinds import files

    opened: list[str] = []
    read_blocks = files.read_blocks

    def note(file: SourceFile, kind: str | None, delimiter: str) -> Iterator[pa.Table]:
        opened.append(file.name)
        return read_blocks(file, kind, delimiter)

    monkeypatch.setattr(files, "read_blocks", note)
    (tmp_path / "all.csv").write_bytes(encode_rows(ROWS, "csv"))
    read_source({"kind": "files", "path": f"{tmp_path}/all.csv", **BY_AT}, tmp_path, DAYS)
    assert len(opened) == 1


# The same promises of a database and a function


@pytest.fixture(params=["sql by connection", "sql by url", "python"])
def read_other(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Sequence[date]], pa.Table]:
    """Reads the same rows from something that is no file."""
    path = tmp_path / "my data.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE events (id TEXT, at TEXT, note TEXT)")
        database.executemany("INSERT INTO events VALUES (:id, :at, :note)", ROWS)
    query = "SELECT * FROM events WHERE at >= :partition_start AND at < :partition_end"
    (tmp_path / "source.py").write_text(
        f"import pandas as pd\nROWS = {ROWS!r}\n"
        "def read_rows(partition):\n"
        "    rows = [row for row in ROWS if row['at'].startswith(str(partition))]\n"
        "    return pd.DataFrame(rows, columns=['id', 'at', 'note'])\n"
    )
    sources: dict[str, dict[str, Any]] = {
        "sql by connection": {"kind": "sql", "query": query, "connection": "my_db"},
        "sql by url": {"kind": "sql", "query": query, "url": f"sqlite:///{path}"},
        "python": {"kind": "python", "function": "source.py:read_rows"},
    }
    connection = ConnectionSpec("my_db", "sqlite", host=str(path))
    return lambda days: read_source(sources[request.param], tmp_path, days, (connection,))


@pytest.mark.parametrize("days", [[DAYS[0]], [DAYS[0], DAYS[2]], DAYS, [EMPTY_DAY], [EMPTY_DAY, DAYS[1]]])
def test_others_give_the_rows_of_the_partitions_too(
    read_other: Callable[[Sequence[date]], pa.Table], days: Sequence[date]
) -> None:
    """The same rows, columns and types as files give."""
    table = read_other(days)
    assert sorted(table.to_pylist(), key=lambda row: row["id"]) == of_days(days)
    assert table.column_names == ["id", "at", "note"]
    assert set(table.schema.types) == {pa.string()}


# Whether data can be had


@pytest.mark.parametrize("path", ["{data}/all.csv", "{data}/deep/{partition}.csv", "{data}/deep/*.csv"])
def test_missing_data_are_told_before_anything_is_read(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence with the path and the variable; None once they are there."""
    monkeypatch.setenv("NIGHTSHIFT_DATA", str(tmp_path / "data"))
    by = {} if "{partition" in path else BY_AT
    config = make_config({"kind": "files", "path": path, **by}, tmp_path)
    sentence = check_available(config, make_lookup())
    assert sentence is not None
    assert sentence.startswith(f"no data: {tmp_path}/data/")
    assert f"NIGHTSHIFT_DATA is '{tmp_path}/data'" in sentence
    with pytest.raises(DataUnavailable, match="NIGHTSHIFT_DATA is"):
        read_source({"kind": "files", "path": path, **by}, tmp_path, DAYS)
    (tmp_path / "data/deep").mkdir(parents=True)
    (tmp_path / "data/all.csv").touch()
    assert check_available(config, make_lookup()) is None


def test_an_unset_variable_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also its default, which was tried."""
    monkeypatch.delenv("NIGHTSHIFT_DATA", raising=False)
    with pytest.raises(DataUnavailable, match=r"NIGHTSHIFT_DATA is not set, so \{data\} is \.\./shared/data"):
        read_source({"kind": "files", "path": "{data}/no/such.csv", **BY_AT}, Path(), DAYS)


def test_a_missing_database_file_is_told_and_not_made(tmp_path: Path) -> None:
    """SQLite would make it."""
    query = "SELECT 1 WHERE :partition_start < :partition_end"
    source = {"kind": "sql", "query": query, "url": f"sqlite:///{tmp_path}/none.db"}
    assert "none.db does not exist" in str(check_available(make_config(source, tmp_path), make_lookup()))
    with pytest.raises(DataUnavailable, match=r"none\.db does not exist"):
        read_source(source, tmp_path, DAYS)
    assert not (tmp_path / "none.db").exists()


def test_an_unknown_connection_is_told(tmp_path: Path) -> None:
    """Servers themselves are not asked."""
    source = {"kind": "files", "path": "s3://bucket/all.csv", "connection": "nowhere", **BY_AT}
    assert check_available(make_config(source, tmp_path), make_lookup()) == "no data: No connection is called 'nowhere'"
    known = make_lookup(ConnectionSpec("nowhere", "aws"))
    assert check_available(make_config(source, tmp_path), known) is None
