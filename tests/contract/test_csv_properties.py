"""CSV, whatever is in it: what was written is read, and both of its parsers agree."""

import csv
import io
import tempfile
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.io.sources import UnreadableSource
from nightshift.io.sources.fetching.fetch import SourceFile
from nightshift.io.sources.formats import csv as csv_file
from nightshift.io.sources.formats.csv import read_csv
from tests.contract.source_kit import DAYS, ROWS, encode_rows, read_source

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
CELL = TEXT | st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", " ", "", "NA", "﻿", "'"])
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=12))
PIECES = (
    "a",
    ",",
    "\n",
    '"',
    '""',
    '"a"',
    '"a,b"',
    '"a\nb"',
    '"a""b"',
    "a,b\n",
    '"a",b\r\n',
    'a,"b"\n',
    "\r",
    " ",
    "\ufeff",
    "é\x0b\x1c\u2028",
)
SIZES = st.integers(1, 40)


def read_bytes(content: bytes, block: int, delimiter: str = ",") -> list[list[str]]:
    """The content's records, read in blocks of that size."""
    with tempfile.TemporaryDirectory() as folder, patch.object(csv_file, "BLOCK", block):
        path = Path(folder, "x.csv")
        path.write_bytes(content)
        table = pa.concat_tables(list(read_csv(SourceFile(path, "x.csv"), delimiter)))
        return [list(row.values()) for row in table.to_pylist()]


@given(TABLES, SIZES, st.sampled_from(["\n", "\r\n"]), st.sampled_from([",", ";", "\t"]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_what_was_written_is_read(rows: list[list[str]], block: int, end: str, delimiter: str, quote_all: bool) -> None:
    """Every text, quoted as little or as much as one likes, wherever a block ends."""
    sink = io.StringIO(newline="")
    # Python's writer forgets to quote a carriage return when its lines end in a line feed.
    stray = any("\r" in cell for row in rows for cell in row)
    quote = csv.QUOTE_ALL if quote_all or stray else csv.QUOTE_MINIMAL
    writer = csv.writer(sink, csv.excel, delimiter=delimiter, lineterminator=end, quoting=quote)  # type: ignore[arg-type]
    writer.writerows([[f"c{number}" for number in range(len(rows[0]) if rows else 1)], *rows])
    assert read_bytes(sink.getvalue().encode(), block, delimiter) == rows


@given(st.lists(st.sampled_from(PIECES), max_size=20).map(lambda pieces: "".join(pieces).encode()), SIZES)
@settings(max_examples=300, deadline=None)
def test_both_parsers_agree(body: bytes, block: int) -> None:
    """What goes through Arrow comes out as the strict reader would read it, or is refused by both."""

    def read() -> list[list[str]] | str:
        try:
            return read_bytes(b"x,y\n" + body, block)
        except UnreadableSource:
            return "refused"

    with patch.object(csv_file._CsvReader, "_parse_plain", side_effect=pa.ArrowInvalid):
        strictly = read()
    assert read() == strictly


@given(st.permutations(ROWS), st.integers(0, len(ROWS)), st.sampled_from(["csv", "jsonl", "parquet"]))
@settings(max_examples=40, deadline=None)
def test_rows_may_lie_anywhere(rows: list[dict[str, str]], cut: int, kind: str) -> None:
    """Late and reordered rows give the same set of rows, however they are spread over files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, part in (("1", rows[:cut]), ("2", rows[cut:])):
            if part:
                Path(folder, f"{name}.{kind}").write_bytes(encode_rows(part, kind))
        source = {"kind": "files", "path": f"{folder}/*.{kind}", "partition_by": {"column": "at"}}
        for day in DAYS:
            found = sorted(read_source(source, Path(folder), [day]).to_pylist(), key=lambda row: row["id"])
            assert found == [row for row in ROWS if row["at"].startswith(str(day))]
