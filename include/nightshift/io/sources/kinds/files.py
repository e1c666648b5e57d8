"""Rows from files: CSV, Parquet or JSON Lines; in a folder, on S3 or behind HTTP."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pyarrow as pa

from nightshift.config.airflow.connections import GetConnection
from nightshift.config.model import Parameter
from nightshift.config.names import suggest_name
from nightshift.config.sections.features import ReferenceTable
from nightshift.config.sections.source import FileSource
from nightshift.errors import DataUnavailable, NightshiftError
from nightshift.io.sources.block_schema import blank_nulls, cast_column
from nightshift.io.sources.fetching.address import explain_data, fill_address, resolve_path
from nightshift.io.sources.fetching.cache import read_kept
from nightshift.io.sources.fetching.fetch import Fetcher, SourceFile
from nightshift.io.sources.formats.csv import read_csv
from nightshift.io.sources.formats.jsonl import read_jsonl
from nightshift.io.sources.formats.parquet import read_parquet
from nightshift.io.sources.formats.unreadable import UnreadableSource, show_name
from nightshift.io.sources.partitions import select_partitions
from nightshift.io.sources.row_stream import Block, stream_rows

SUFFIXES = {"csv": "csv", "parquet": "parquet", "pq": "parquet", "jsonl": "jsonl", "ndjson": "jsonl"}


class FilesSource:
    """Reads the files of a pipeline; each one once, however many partitions are asked for."""

    def __init__(self, source: FileSource, get_connection: GetConnection) -> None:
        self._source = source
        self._fetcher = Fetcher(get_connection(source.connection) if source.connection else None)

    def read_blocks(self, partitions: Sequence[date]) -> Generator[Block]:
        """All rows of these partitions; a part is a file."""
        addresses = dict.fromkeys(fill_address(self._source.path, partition) for partition in partitions)
        for address in addresses:
            for file in fetch_known_files(self._fetcher, self._source.path, address):
                for block in self._read_file(file, partitions):
                    yield file.name, block

    def _read_file(self, file: SourceFile, partitions: Sequence[date]) -> Iterator[pa.Table]:
        kind, delimiter, by = self._source.format, self._source.delimiter, self._source.partition_by
        if not by:
            return read_blocks(file, kind, delimiter)
        blocks = read_kept(file, f"{kind} {delimiter}", lambda: read_blocks(file, kind, delimiter))
        selected = (select_partitions(block, by, partitions) for block in blocks)
        return _require_columns(selected, (by.column,), file, "which says which day a row belongs to")


def open_files(
    source: FileSource, folder: Path, get_connection: GetConnection, params: Mapping[str, Parameter]
) -> FilesSource:
    """The reader of a pipeline's files."""
    return FilesSource(source, get_connection)


def read_reference_table(table: ReferenceTable, get_connection: GetConnection) -> pa.Table:
    """The whole table, every column as text."""
    with stream_rows(_read_reference_blocks(table)) as rows:
        return blank_nulls(_to_text(rows.collect()), table.null_values)


def _read_reference_blocks(table: ReferenceTable) -> Generator[Block]:
    for file in fetch_known_files(Fetcher(), table.path, fill_address(table.path, None)):
        blocks = read_blocks(file, None, table.delimiter)
        for block in _require_columns(blocks, (table.key, *table.columns), file, "which the pipeline looks up"):
            yield file.name, block


def _to_text(table: pa.Table) -> pa.Table:
    columns = [cast_column(column, pa.string()) for column in table.columns]
    return pa.Table.from_arrays(columns, table.column_names)


def fetch_known_files(fetcher: Fetcher, template: str, address: str) -> Iterator[SourceFile]:
    """The files at `address`; where there is none, the message also says what `{data}` stands for."""
    try:
        yield from fetcher.fetch(address)
    except DataUnavailable as error:
        raise DataUnavailable(f"{error}{explain_data(template)}") from error


def read_blocks(file: SourceFile, kind: str | None, delimiter: str) -> Iterator[pa.Table]:
    """The file's rows, block by block, as its format has them."""
    kind = kind or find_format(file.address)
    if kind == "parquet":
        return read_parquet(file)
    return read_jsonl(file) if kind == "jsonl" else read_csv(file, delimiter)


def find_format(name: str) -> str:
    """The format that the file's name tells; NightshiftError where it tells none."""
    suffix = name.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix not in SUFFIXES:
        formats = ", ".join(dict.fromkeys(SUFFIXES.values()))
        raise NightshiftError(f"{show_name(name)}: the name does not show the format; set source.format ({formats})")
    return SUFFIXES[suffix]


def require_files(source: FileSource, get_connection: GetConnection) -> None:
    """DataUnavailable where a local source's file, or the folder that its files come into, is missing."""
    if source.connection:
        get_connection(source.connection)
    if "://" in source.path:
        return
    first = min((source.path.find(mark) for mark in ("{partition", "*") if mark in source.path), default=None)
    if first is None:
        list(fetch_known_files(Fetcher(), source.path, fill_address(source.path, None)))
        return
    folder = resolve_path(fill_address(source.path[:first].rpartition("/")[0] or ".", None))
    if not folder.is_dir():
        raise DataUnavailable(f"{folder} does not exist{explain_data(source.path)}")


def _require_columns(
    blocks: Iterable[pa.Table], columns: Sequence[str], file: SourceFile, purpose: str
) -> Iterator[pa.Table]:
    """The file's blocks; UnreadableSource after the last one where none had one of these columns."""
    found: dict[str, None] = {}
    for block in blocks:
        found.update(dict.fromkeys(block.column_names))
        yield block
    for column in columns:
        if column not in found:
            near = suggest_name(column, found)
            hint = f"; did you mean {near!r}?" if near else ""
            raise UnreadableSource(f"{file.name}: has no column {column!r}, {purpose}{hint}")
