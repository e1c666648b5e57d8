"""Broken files: one clear message that names the file and the place; never a traceback, never half a table."""

import gzip
import io
import json
import socketserver
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from nightshift.config.sections.features import ReferenceTable
from nightshift.config.sections.source import FileSource
from nightshift.errors import DataUnavailable, NightshiftError, TemporarilyUnavailable
from nightshift.io.sources import UnreadableSource, read_reference_table
from tests.contract.source_kit import DAYS, ROWS, encode_rows, make_lookup, read_source, serve

CSV = encode_rows(ROWS, "csv")
PARQUET = encode_rows(ROWS, "parquet")
PLAIN = b"id,at\n" + b"1,2017-06-01\n" * 3
NO_JSON = b'{"id": 1, "at": "2017-06-01"}\n'
Read = Callable[..., pa.Table]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes a file and reads it as a source."""

    def write_and_read(name: str, content: bytes, **source: Any) -> pa.Table:
        (tmp_path / name).write_bytes(content)
        options = {"partition_by": {"column": "at"}, **source}
        return read_source({"kind": "files", "path": str(tmp_path / name), **options}, tmp_path, DAYS)

    return write_and_read


def flip_bytes(content: bytes, position: int, length: int = 8) -> bytes:
    """The content with some bytes changed."""
    changed = bytes(byte ^ 0xFF for byte in content[position : position + length])
    return content[:position] + changed + content[position + length :]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        # Broken containers
        ("x.csv.gz", gzip.compress(CSV * 999)[:-9], "not a whole gzip file"),
        ("x.csv.gz", gzip.compress(CSV)[:5], "not a whole gzip file"),
        ("x.csv.gz", flip_bytes(gzip.compress(CSV * 999), 60), "not a whole gzip file"),
        ("x.csv.gz", gzip.compress(CSV) + b"rest", "not a whole gzip file"),
        ("x.csv.gz", CSV, "not a whole gzip file"),
        ("x.jsonl.gz", gzip.compress(NO_JSON * 9999)[:-9], "not a whole gzip file"),
        ("x.parquet", PARQUET[:-20], "not a whole Parquet file"),
        ("x.parquet", PARQUET[: len(PARQUET) // 2], "not a whole Parquet file"),
        ("x.parquet", b"", "not a whole Parquet file"),
        ("x.parquet", CSV, "not a whole Parquet file"),
        # Another format than the name says
        ("x.csv", PARQUET, "is not CSV; its content looks like a Parquet file"),
        ("x.csv", gzip.compress(CSV), "looks like gzip .its name should end in .gz"),
        ("x.csv", NO_JSON, "looks like JSON"),
        ("x.csv", b"<!DOCTYPE html><html>", "looks like a web page"),
        ("x.csv", b"PK\x03\x04rest", "looks like a ZIP archive or an Excel file"),
        ("x.csv", PLAIN.decode().encode("utf-16"), "looks like UTF-16"),
        ("x.jsonl", CSV, "line 1, column 5: is not valid JSON"),
        ("x.jsonl", PARQUET, "looks like a Parquet file"),
        # CSV
        ("x.csv", b"", "is empty; not even a header"),
        ("x.csv.gz", gzip.compress(b""), "is empty; not even a header"),
        ("x.csv", b"\n\n", "is empty; not even a header"),
        ("x.csv", b"id,at,id\n1,2017-06-01,2\n", "column 'id' appears more than once"),
        ("x.csv", PLAIN + b"1\n", "line 5: has 1 fields, but the header has 2"),
        ("x.csv", PLAIN + b"1,2,3\n", "line 5: has 3 fields, but the header has 2"),
        ("x.csv", PLAIN * 999_9 + b"1,2,3\n", "line 39997: has 3 fields"),
        ("x.csv", PLAIN + b'"1",2,3\n', "line 5: has 3 fields"),
        ("x.csv", PLAIN + b"1,2017\0-06-01\n", "line 5: holds a NUL byte"),
        ("x.csv", PLAIN + b"1,2017-06-01\xff\n", r"line 5: is not UTF-8 text \(byte 13"),
        ("x.csv", "id,at,é\n".encode("latin-1"), "line 1: is not UTF-8 text"),
        ("x.csv", PLAIN + b'"1,2017-06-01\n2,2017-06-01\n', "line 5: is not valid CSV.*unexpected end of data"),
        ("x.csv", PLAIN + b'"1,2017-06-01\n2,"b"\n', "line 5: is not valid CSV"),
        ("x.csv", PLAIN + b'"1"2,2017-06-01\n', "line 5: is not valid CSV"),
        ("x.csv", PLAIN + b'"1,' + b"2017-06-01\n" * 99_999, "line 5: is not valid CSV.*field larger"),
        ("x.csv", b"id,at\ra,2017-06-01\rb,2017-06-02\r", "line 1: is not valid CSV.*a carriage return alone"),
        # JSON Lines
        ("x.jsonl", b"", "is empty; not even one row"),
        ("x.jsonl", b"\n \n", "is empty; not even one row"),
        ("x.jsonl", NO_JSON + b'{"id": 1,\n', "line 2, column 10: is not valid JSON"),
        ("x.jsonl", NO_JSON + b'{"id": 1} {"id": 2}\n', "line 2, column 11: is not valid JSON: Extra data"),
        ("x.jsonl", NO_JSON + b"[1, 2]\n", "line 2: is not a JSON object"),
        ("x.jsonl", b'[{"id": 1}]\n', "line 1: is not a JSON object"),
        ("x.jsonl", NO_JSON + b'{"id": 1, "id": 2}\n', "line 2: is not usable JSON: key 'id' appears more than once"),
        ("x.jsonl", NO_JSON + b'{"id": "\xff"}\n', "line 2: is not UTF-8 text"),
        ("x.jsonl", NO_JSON + b"[" * 100_000 + b"\n", "line 2: is not usable JSON"),
        ("x.jsonl", NO_JSON + b'{"id": ' + b"9" * 5000 + b"}\n", "line 2: is not usable JSON"),
        ("x.jsonl", b'{"id": "a\\u0000b", "at": "2017-06-01"}', "column id: holds a NUL byte"),
        ("x.jsonl", b'{"id": "\\ud800", "at": "2017-06-01"}', "not valid Unicode"),
        # The column that tells the day
        ("x.csv", PLAIN.replace(b"at", b"At"), "has no column 'at', which says which day a row belongs to"),
        ("x.jsonl", b'{"id": 1}\n', "has no column 'at'"),
    ],
)  # fmt: skip
def test_broken_content_is_refused(read: Read, name: str, content: bytes, message: str) -> None:
    """With the file's name, and the line where there are lines."""
    with pytest.raises(UnreadableSource, match=message) as caught:
        read(name, content)
    assert f"/{name}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_parquet_page_is_refused(read: Read, tmp_path: Path) -> None:
    """Where the writer left checksums, a flipped bit is seen; nothing is half read."""
    sink = io.BytesIO()
    table = pa.table({"id": [str(n) for n in range(50_000)], "at": ["2017-06-01"] * 50_000})
    pq.write_table(table, sink, compression="none", use_dictionary=False, write_page_checksum=True)
    with pytest.raises(UnreadableSource, match="not a whole Parquet file"):
        read("x.parquet", sink.getvalue().replace(b"12345", b"12346", 1))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            pa.Table.from_arrays([pa.array(["1"]), pa.array(["2017-06-01"]), pa.array(["2"])], ["id", "at", "id"]),
            "'id' appears",
        ),
        (pa.table({"id": ["a\0b"], "at": ["2017-06-01"]}), "column id: holds a NUL byte"),
        (
            pa.table({"id": pa.array([b"\xff"]).cast(pa.binary()).view(pa.string()), "at": ["2017-06-01"]}),
            "column id: is not UTF-8",
        ),
    ],
)
def test_broken_parquet_columns_are_refused(read: Read, table: pa.Table, message: str) -> None:
    """A name twice, or text that no database takes."""
    sink = io.BytesIO()
    pq.write_table(table, sink)
    with pytest.raises(UnreadableSource, match=message):
        read("x.parquet", sink.getvalue())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'id,at\r\n"a\r\nb",2017-06-01\r\n', ["a\r\nb"]),
        (b'\xef\xbb\xbf"id",at\na,2017-06-01', ["a"]),
        (b"\xef\xbb\xbfid,at\na,2017-06-01", ["a"]),
        (b"id,at\n\na,2017-06-01\n\n\n", ["a"]),
        (b'id,at\n5" disk,2017-06-01\n"a ""b""",2017-06-01\n', ['5" disk', 'a "b"']),
        (b"id,at\n", []),
        (b"id,at", []),
        (b"at,id\n2017-06-01,007\n2017-06-02,1e5\n", ["007", "1e5"]),
    ],
)
def test_unusual_csv_is_read(read: Read, content: bytes, expected: list[str]) -> None:
    """CRLF and quotes as they occur, a byte order mark, blank lines, no rows; nothing is guessed."""
    table = read("x.csv", content)
    assert table["id"].to_pylist() == expected
    assert table["id"].type == pa.string()


def test_a_quoted_field_may_cross_blocks(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a block ends, the rows and the line of a later fault are right."""
    from nightshift.io.sources.formats import csv as csv_file

    rows = b"id,at\n" + b'plain,2017-06-01\n"two\nlines",2017-06-01\n' * 9
    for size in range(1, 60):
        monkeypatch.setattr(csv_file, "BLOCK", size)
        assert read("x.csv", rows)["id"].to_pylist() == ["plain", "two\nlines"] * 9
        with pytest.raises(UnreadableSource, match="line 29: has 1 fields"):
            read("x.csv", rows + b"a\n" + rows)


def test_another_delimiter(read: Read) -> None:
    """Also one that is not ASCII; a line break or quote can't be one."""
    assert read("x.csv", b"id;at\na,b;2017-06-01\n", delimiter=";")["id"].to_pylist() == ["a,b"]
    assert read("x.csv", "id¦at\na¦2017-06-01\n".encode(), delimiter="¦")["id"].to_pylist() == ["a"]
    with pytest.raises(ValidationError, match="delimiter"):
        read("x.csv", PLAIN, delimiter='"')


def test_json_keeps_its_types(read: Read) -> None:
    """Numbers are numbers; what is mixed or nested becomes text; a key that is lacking is null."""
    rows = [
        {"at": "2017-06-01", "n": 1, "f": 1, "b": True, "m": 1, "o": {"a": [1]}, "big": 2**70, "none": None},
        {"at": "2017-06-01", "n": None, "f": 0.5, "b": False, "m": "x", "o": None, "new": "007"},
    ]
    table = read("x.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    assert {name: table[name].to_pylist() for name in table.column_names[1:]} == {
        "n": [1, None], "f": [1.0, 0.5], "b": [True, False], "m": ["1", "x"], "o": ['{"a": [1]}', None],
        "big": [str(2**70), None], "none": [None, None], "new": [None, "007"],
    }  # fmt: skip


def test_json_columns_may_come_late(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that first shows, or changes its type, in a later block."""
    monkeypatch.setattr("nightshift.io.sources.formats.jsonl.BLOCK_ROWS", 1)
    rows = [{"id": 1}, {"id": 2, "at": "2017-06-01"}, {"id": "x", "at": "2017-06-02", "late": 1.5}]
    table = read("x.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    assert table.to_pylist() == [
        {"id": "2", "at": "2017-06-01", "late": None},
        {"id": "x", "at": "2017-06-02", "late": 1.5},
    ]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([datetime(2017, 6, 1), datetime(2017, 6, 1, 23, 59, 59, 999999), datetime(2017, 6, 4), None]),
        pa.array([date(2017, 6, 1), date(2017, 6, 1), date(2017, 6, 4), None]),
        pa.array([20170601, 20170601, 20170604, None]),
        pa.array(["20170601T05", "20170601", "20170604", None]).dictionary_encode(),
        pa.array(["20170601T05", "20170601", "20170604", None], pa.large_string()),
        # 23:30 in New York is the next day in UTC: a day is one of the column's own time zone.
        pa.array(
            [datetime(2017, 6, 1, 4), datetime(2017, 6, 4, 3, 30), datetime(2017, 6, 4, 4), None],
            pa.timestamp("us", "UTC"),
        ).cast(pa.timestamp("us", "America/New_York")),
        pa.array(
            [datetime(1969, 12, 31, 12), datetime(2017, 6, 1, 12), datetime(2017, 6, 1, 13), None], pa.timestamp("ns")
        ),
    ],
    ids=str,
)
def test_typed_parquet_columns_tell_the_day(read: Read, column: pa.Array) -> None:
    """Dates, timestamps, numbers and all ways to store text."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"at": column, "n": range(4)}), sink)
    table = read("x.parquet", sink.getvalue(), partition_by={"column": "at", "format": "%Y%m%d"})
    expected = [1, 2] if pa.types.is_timestamp(column.type) and column.type.unit == "ns" else [0, 1]
    assert table["n"].to_pylist() == expected
    assert table.schema.metadata is None


def test_files_of_one_source_must_agree_on_needed_columns(tmp_path: Path) -> None:
    """A declared column that one file lacks is refused; others are null there, and types are reconciled."""
    source = {"kind": "files", "path": f"{tmp_path}/*.jsonl", "partition_by": {"column": "at"}}
    (tmp_path / "1.jsonl").write_text('{"id": 1, "at": "2017-06-01", "note": "a", "old": 1}\n')
    (tmp_path / "2.jsonl").write_text('{"note": "b", "id": "x", "at": "2017-06-01", "new": 2}\n')
    table = read_source(source, tmp_path, DAYS)
    assert table.to_pylist() == [
        {"id": "1", "at": "2017-06-01", "note": "a", "old": 1, "new": None},
        {"id": "x", "at": "2017-06-01", "note": "b", "old": None, "new": 2},
    ]
    (tmp_path / "3.jsonl").write_text('{"id": 3, "at": "2017-06-01"}\n')
    with pytest.raises(UnreadableSource, match=r"3\.jsonl: has no column 'note'"):
        read_source(source, tmp_path, DAYS)


@pytest.mark.parametrize(
    "name", ["$(touch hacked).csv", "; rm -rf x.csv", "a\nb.csv", "-rf.csv", "%s{0}.csv", "x?.csv"]
)
def test_file_names_are_only_names(tmp_path: Path, name: str) -> None:
    """Whatever they look like; in messages they stay on one line."""
    for content, works in ((PLAIN, True), (b"", False)):
        (tmp_path / name).write_bytes(content)
        source = {"kind": "files", "path": f"{tmp_path}/*.csv", "partition_by": {"column": "at"}}
        if works:
            assert read_source(source, tmp_path, DAYS).num_rows == 3
        else:
            with pytest.raises(UnreadableSource, match="is empty") as caught:
                read_source(source, tmp_path, DAYS)
            assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("s3://bucket/x.csv", "name the S3 server's connection in source.connection"),
        ("/dev/null/x.csv", "does not exist"),
        ("/dev/zero", "is not a file"),
        ("/tmp", "is not a file"),
    ],
)
def test_addresses_that_are_no_files(path: str, message: str, tmp_path: Path) -> None:
    """Are refused with what is possible."""
    with pytest.raises(NightshiftError, match=message):
        read_source({"kind": "files", "path": path, "partition_by": {"column": "at"}}, tmp_path, DAYS)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("ftp://127.0.0.1/x.csv", "ftp:// is not read; there are"),
        ("/tmp/{partitions}.csv", r"\{partitions\} is not a placeholder"),
        ("/tmp/{partition.__class__}.csv", "is not a placeholder"),
        ("/tmp/{partition}/{user}.csv", r"\{user\} is not a placeholder"),
    ],
)
def test_addresses_that_nothing_can_be_at(path: str, message: str) -> None:
    """Are refused when pipeline.yaml is read."""
    with pytest.raises(ValidationError, match=message):
        FileSource.model_validate({"kind": "files", "path": path, "partition_by": {"column": "at"}})


def test_a_name_without_a_format(tmp_path: Path) -> None:
    """Must be helped by the pipeline."""
    (tmp_path / "x.dat").write_bytes(PLAIN)
    source = {"kind": "files", "path": f"{tmp_path}/x.dat", "partition_by": {"column": "at"}}
    with pytest.raises(NightshiftError, match=r"set source\.format \(csv, parquet, jsonl\)"):
        read_source(source, tmp_path, DAYS)
    assert read_source({**source, "format": "csv"}, tmp_path, DAYS).num_rows == 3


# Servers that fail


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "the server answered 404 Not Found"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "the server answered 403 Forbidden"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + PLAIN, "could not be downloaded whole .IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nid,at\r\n", "could not be downloaded whole"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>log in first</html>", "looks like a web page"),
        (b"nonsense", "could not be downloaded whole"),
    ],
)
def test_a_failing_server_gives_nothing(answer: bytes, message: str, tmp_path: Path) -> None:
    """No half file is read, and a token in the address is not printed."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answer)

    with serve(Handler) as address:
        source = {"kind": "files", "path": f"{address}/x.csv?ticket=canary", "partition_by": {"column": "at"}}
        with pytest.raises(NightshiftError, match=message) as caught:
            read_source(source, tmp_path, DAYS)
    assert f"{address}/x.csv" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_server_may_compress_what_it_sends(tmp_path: Path) -> None:
    """Where it was not asked to, and where it takes a compressed file for one that it compressed itself."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked = b"".join(iter(self.rfile.readline, b"\r\n"))
            # It would compress a second time what it may, and the file's name would no longer say what it is.
            body = gzip.compress(gzip.compress(PLAIN) if b"Encoding: gzip" in asked else PLAIN)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + body)

    with serve(Handler) as address:
        for name in ("x.csv", "x.csv.gz"):
            source = {"kind": "files", "path": f"{address}/{name}", "partition_by": {"column": "at"}}
            assert read_source(source, tmp_path, DAYS).num_rows == 3


def test_a_server_that_is_down(tmp_path: Path) -> None:
    """Is named, without the address's token."""
    with serve(socketserver.StreamRequestHandler) as address:
        pass
    source = {"kind": "files", "path": f"{address}/x.csv?ticket=canary", "partition_by": {"column": "at"}}
    with pytest.raises(TemporarilyUnavailable, match=rf"{address}/x\.csv: could not be downloaded") as caught:
        read_source(source, tmp_path, DAYS)
    assert "canary" not in str(caught.value)


# Reference tables


def test_reference_tables_are_text(tmp_path: Path) -> None:
    """From CSV and Parquet alike, with their own null values."""
    rows: list[dict[str, Any]] = [
        {"tail": "N1", "seats": 4, "name": "NA"},
        {"tail": "N2", "seats": None, "name": "none"},
    ]
    (tmp_path / "x.csv").write_bytes(b"tail,seats,name\nN1,4,NA\nN2,,none\n")
    (tmp_path / "x.parquet").write_bytes(encode_rows(rows, "parquet"))
    for name in ("x.csv", "x.parquet"):
        table = ReferenceTable(path=f"{tmp_path}/{name}", key="tail", column="tailnum", columns={"seats": "seats"})
        read = read_reference_table(table, make_lookup())
        assert read.to_pylist() == [
            {"tail": "N1", "seats": "4", "name": None},
            {"tail": "N2", "seats": None, "name": "none"},
        ]
        wrong = table.model_copy(update={"key": "tial"})
        with pytest.raises(
            UnreadableSource, match="no column 'tial', which the pipeline looks up; did you mean 'tail'"
        ):
            read_reference_table(wrong, make_lookup())
    missing = table.model_copy(update={"path": "{data}/none.csv"})
    with pytest.raises(DataUnavailable, match=r"none\.csv does not exist; NIGHTSHIFT_DATA"):
        read_reference_table(missing, make_lookup())
