"""JSON Lines as blocks of columns. Numbers stay numbers and text stays text; what is nested becomes its JSON text."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa

from nightshift.io.sources.block_schema import make_array
from nightshift.io.sources.fetching.fetch import SourceFile
from nightshift.io.sources.formats.compressed import BYTE_ORDER_MARK, open_stream, refuse_other_format
from nightshift.io.sources.formats.unreadable import UnreadableSource, show_name

BLOCK_ROWS = 20_000
Row = dict[str, Any]


def read_jsonl(file: SourceFile) -> Iterator[pa.Table]:
    """The file's rows in blocks; a key that a row lacks is null there."""
    with open_stream(file) as stream:
        refuse_other_format(stream, file, "JSON Lines")
        rows = _parse_lines(stream, file.name)
        while block := list(islice(rows, BLOCK_ROWS)):
            yield _make_table(block, file.name)


def _parse_lines(lines: Iterator[bytes], name: str) -> Iterator[Row]:
    empty = True
    for number, line in enumerate(lines, 1):
        if line.strip():
            empty = False
            yield _parse_line(line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line, f"{name}, line {number}")
    if empty:
        raise UnreadableSource(f"{name}: is empty; not even one row shows its columns")


def _parse_line(line: bytes, where: str) -> Row:
    try:
        row = json.loads(line.decode().rstrip(), object_pairs_hook=_make_row)
    except UnicodeDecodeError as error:
        raise UnreadableSource(f"{where}: is not UTF-8 text (byte {error.start + 1} of the line)") from error
    except json.JSONDecodeError as error:
        raise UnreadableSource(f"{where}, column {error.colno}: is not valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadableSource(f"{where}: is not usable JSON: {error}") from error
    if not isinstance(row, dict):
        raise UnreadableSource(f'{where}: is not a JSON object; every line must be one, as in {{"id": 1}}')
    return row


def _make_row(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} appears more than once")
    return row


def _make_table(rows: list[Row], name: str) -> pa.Table:
    columns = dict.fromkeys(column for row in rows for column in row)
    try:
        return pa.table({column: make_array([row.get(column) for row in rows]) for column in columns})
    except UnicodeEncodeError as error:
        shown = show_name(error.object)[:80]
        raise UnreadableSource(f"{name}: holds {shown}, which is not valid Unicode text") from error
