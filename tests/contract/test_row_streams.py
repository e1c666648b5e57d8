"""Days larger than memory: what a source streams is what it reads, and is stored with the same bytes."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.io.lake import parquet as tables
from nightshift.io.lake.folder import FolderLake
from nightshift.io.lake.parquet import store_table, store_tables
from nightshift.io.sources import Source, UnreadableSource, open_source, spool
from tests.contract.source_kit import DAYS, make_config, make_lookup

TEXT, WHOLE, FLOAT = pa.string(), pa.int64(), pa.float64()


@pytest.fixture(autouse=True, params=["in memory", "in files"])
def small_parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two rows, row groups of three; blocks wait in memory, or each is written at once."""
    for place in ("formats.jsonl", "formats.parquet", "kinds.sql"):
        monkeypatch.setattr(f"nightshift.io.sources.{place}.BLOCK_ROWS", 2)
    monkeypatch.setattr("nightshift.io.sources.formats.csv.BLOCK", 8)
    monkeypatch.setattr(tables, "ROW_GROUP", 3)
    if request.param == "in files":
        monkeypatch.setattr(spool, "SPOOL_BYTES", 0)


def open_files(folder: Path, columns: tuple[str, ...] = ("id", "at", "note")) -> Source:
    source = {"kind": "files", "path": f"{folder}/{{partition}}-*"}
    return open_source(make_config(source, folder, columns), make_lookup())


def write_jsonl(folder: Path, *files: list[dict[str, Any]]) -> None:
    for number, rows in enumerate(files):
        path = folder / f"{DAYS[0]}-{number}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def check_stream(source: Source, expected: pa.Table, folder: Path) -> None:
    """Read and stream give the expected table; stored, the stream is the table, byte by byte."""
    lake = FolderLake(folder / "lake")
    assert source.read(DAYS[:1]).equals(expected)
    with source.stream(DAYS[:1]) as rows:
        assert (rows.schema, rows.rows) == (expected.schema, expected.num_rows)
        stored = store_tables(lake, "stream", rows.schema, rows.tables)
    assert (stored.sha256, stored.rows) == (store_table(lake, "whole", expected).sha256, expected.num_rows)


MIXES: dict[str, tuple[list[list[Any]], pa.DataType, list[Any]]] = {
    "no value, then integers": ([[None, None, 1, 2, 3]], WHOLE, [None, None, 1, 2, 3]),
    "integers, then fractions": ([[1, 2, 3, 0.5]], FLOAT, [1.0, 2.0, 3.0, 0.5]),
    "more than a fraction can hold, then fractions": ([[2**60 + 1, 2, 0.5]], FLOAT, [float(2**60), 2.0, 0.5]),
    "integers, then texts": ([[1, 2, "x", None]], TEXT, ["1", "2", "x", None]),
    "truths, then integers": ([[True, False, 3, None, None]], TEXT, ["true", "false", "3", None, None]),
    "parts, then texts": ([[{"a": [1]}, None, "x"]], TEXT, ['{"a": [1]}', None, "x"]),
    "no value at all": ([[None, None, None]], TEXT, [None, None, None]),
    "texts for a missing value": ([["NA", "", "x", "y", "NULL"]], TEXT, [None, None, "x", "y", None]),
    "a file without a value, then one of integers": ([[None, None], [1, 2, 3]], TEXT, [None, None, "1", "2", "3"]),
    "files of integers and of fractions": ([[1, None, 2], [0.5]], FLOAT, [1.0, None, 2.0, 0.5]),
    "files of truths and of texts": ([[True, None, None], ["NA", "x"]], TEXT, ["true", None, None, None, "x"]),
}


@pytest.mark.parametrize("name", MIXES)
def test_a_type_that_shows_late_holds_for_all_rows(name: str, tmp_path: Path) -> None:
    files, kind, values = MIXES[name]
    write_jsonl(tmp_path, *([{"id": "a", "note": value} for value in file] for file in files))
    expected = pa.table({"id": ["a"] * len(values), "note": pa.array(values, kind)})
    check_stream(open_files(tmp_path, ("id", "note")), expected, tmp_path)


def test_a_column_that_a_file_lacks_is_empty_there(tmp_path: Path) -> None:
    write_jsonl(tmp_path, [{"id": 1}, {"id": 2}, {"id": 3}], [{"more": 0.5, "id": 4}])
    expected = pa.table({"id": [1, 2, 3, 4], "more": [None, None, None, 0.5]})
    check_stream(open_files(tmp_path, ("id", "note")), expected, tmp_path)


def test_a_declared_column_that_a_file_lacks_is_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path, [{"id": 1, "note": "x"}], [{"id": 2}])
    with (
        pytest.raises(UnreadableSource, match=r"-1.jsonl: has no column 'note', though other parts"),
        open_files(tmp_path).stream(DAYS[:1]),
    ):
        pytest.fail("it was opened")


def test_texts_stored_in_other_ways_become_texts(tmp_path: Path) -> None:
    """Dictionaries, a different one in each file, long texts and views; numbers by a dictionary stay numbers."""
    words, numbers = pa.array(["x", None, "NA", "x", "y"]), pa.array([7, 7, None, 8, 9])
    for number, kind in enumerate((pa.dictionary(pa.int8(), TEXT), pa.large_string(), pa.string_view())):
        columns = {"id": words.cast(kind), "note": numbers.dictionary_encode()}
        pq.write_table(pa.table(columns), tmp_path / f"{DAYS[0]}-{number}.parquet", row_group_size=4)
    expected = pa.table({"id": ["x", None, None, "x", "y"] * 3, "note": [7, 7, None, 8, 9] * 3})
    check_stream(open_files(tmp_path, ("id", "note")), expected, tmp_path)


def test_csv_is_text(tmp_path: Path) -> None:
    (tmp_path / f"{DAYS[0]}-0.csv").write_text("id,note\n1,a\n2,\n3,NA\n")
    (tmp_path / f"{DAYS[0]}-1.csv").write_text('note,id\n"two\nlines",4\nb,5\n')
    expected = pa.table({"id": ["1", "2", "3", "4", "5"], "note": ["a", None, None, "two\nlines", "b"]})
    check_stream(open_files(tmp_path, ("id", "note")), expected, tmp_path)


def test_a_query_is_streamed(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db") as database:
        database.execute("CREATE TABLE events (id INTEGER, note)")
        database.executemany("INSERT INTO events VALUES (?, ?)", [(1, None), (2, None), (3, 4), (4, 0.5), (5, None)])
    query = "SELECT * FROM events WHERE :partition_start < :partition_end ORDER BY id"
    source = {"kind": "sql", "query": query, "url": f"sqlite:///{tmp_path}/x.db"}
    expected = pa.table({"id": [1, 2, 3, 4, 5], "note": [None, None, 4.0, 0.5, None]})
    check_stream(open_source(make_config(source, tmp_path), make_lookup()), expected, tmp_path)


def test_a_table_of_a_function_is_streamed(tmp_path: Path) -> None:
    (tmp_path / "source.py").write_text(
        "import pandas as pd\ndef read(day):\n"
        "    return pd.DataFrame({'id': [1, 2, 3, 4], 'note': pd.Categorical(['x', None, 'y', 'x'])})\n"
    )
    source = {"kind": "python", "function": "source.py:read"}
    expected = pa.table({"id": [1, 2, 3, 4], "note": ["x", None, "y", "x"]})
    check_stream(open_source(make_config(source, tmp_path), make_lookup()), expected, tmp_path)


def test_a_day_without_rows_has_its_columns(tmp_path: Path) -> None:
    (tmp_path / f"{DAYS[0]}-0.csv").write_text("id,note\n")
    with open_files(tmp_path).stream(DAYS[:1]) as rows:
        assert (rows.rows, rows.schema.names, list(rows.tables)) == (0, ["id", "note"], [])


def test_only_the_asked_columns_are_kept_where_all_are_there(tmp_path: Path) -> None:
    write_jsonl(tmp_path, [{"id": 1, "at": "x", "note": "y"}] * 4)
    source = open_files(tmp_path)
    assert source.read(DAYS[:1], ["note", "id"]).equals(pa.table({"note": ["y"] * 4, "id": [1] * 4}))
    assert source.read(DAYS[:1], ["id", "no"]).column_names == ["id", "at", "note"]


def test_text_that_is_found_broken_late_leaves_nothing(tmp_path: Path) -> None:
    """Neither an object nor a temporary file, though the first rows were written by then."""
    write_jsonl(tmp_path, [{"id": 1, "note": "x"}] * 7 + [{"id": 1, "note": "\0"}])
    lake, seen = FolderLake(tmp_path / "lake"), []

    def note(found: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for table in found:
            seen.append(table.num_rows)
            yield table

    with (
        pytest.raises(UnreadableSource, match=r"-0.jsonl, column note: holds a NUL byte"),
        open_files(tmp_path).stream(DAYS[:1]) as rows,
    ):
        store_tables(lake, "raw/a", rows.schema, note(rows.tables))
    assert seen == [3, 3]
    assert list(lake.list_uris("")) == []


def test_what_fails_while_rows_are_used_is_not_the_sources(tmp_path: Path) -> None:
    write_jsonl(tmp_path, [{"id": 1}])
    with pytest.raises(KeyError, match="mine"), open_files(tmp_path).stream(DAYS[:1]) as rows:
        assert len(list(rows.tables)) == 1
        raise KeyError("mine")


MANY, WIDE = 60, 1000


def test_memory_holds_a_few_blocks_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightshift.io.sources.formats.parquet.BLOCK_ROWS", WIDE)
    monkeypatch.setattr(tables, "ROW_GROUP", WIDE)
    monkeypatch.setattr(spool, "SPOOL_BYTES", 0)
    block = pa.table({f"x{number}": pa.array(range(WIDE), FLOAT) for number in range(20)})
    with pq.ParquetWriter(tmp_path / f"{DAYS[0]}-0.parquet", block.schema) as writer:
        for _ in range(MANY):
            writer.write_table(block)
    before, most = pa.total_allocated_bytes(), 0
    with open_files(tmp_path, ("x0", "x1")).stream(DAYS[:1]) as rows:
        most = pa.total_allocated_bytes() - before
        for _ in rows.tables:
            most = max(most, pa.total_allocated_bytes() - before)
    assert rows.rows == MANY * WIDE
    assert most < 8 * block.nbytes
