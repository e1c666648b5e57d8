"""Arrow tables in the lake: one Parquet file an object. The same rows give the same bytes, so the same sha256."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.io.lake.base import CorruptObject, Lake, ObjectRef, store_file, verify_file
from nightshift.io.runtime.temp_files import explain_os_error, open_temporary_folder
from nightshift.prefetch import prefetch_map

Result = TypeVar("Result")
# zstd is smaller; lz4 is for what is read whole every night, since decoding it takes less than half the time.
Compression = Literal["zstd", "lz4"]
ROW_GROUP = 131_072


def store_table(lake: Lake, key: str, table: pa.Table, compression: Compression = "zstd") -> ObjectRef:
    """Write the table under a new key."""
    # Pandas' metadata would tie the bytes to a pandas version.
    plain = table.replace_schema_metadata(None)
    return store_tables(lake, key, plain.schema, [plain], compression)


def store_groups(lake: Lake, key: str, schema: pa.Schema, groups: Iterable[list[pa.RecordBatch]]) -> ObjectRef:
    """Write row groups, each in batches, under a new key without holding them all."""
    return store_tables(lake, key, schema, (pa.Table.from_batches(group, schema) for group in groups))


def store_tables(
    lake: Lake,
    key: str,
    schema: pa.Schema,
    tables: Iterable[pa.Table],
    compression: Compression = "zstd",
    most_rows: int | None = None,
) -> ObjectRef:
    """Write tables, each as a row group or more, under a new key without holding them all.

    A group has ROW_GROUP rows at most, or `most_rows` where that is less.
    """
    group_rows = min(ROW_GROUP, most_rows or ROW_GROUP)
    with open_temporary_folder() as folder:
        path, rows = folder / "table.parquet", 0
        with open_writer(path, schema, compression) as writer:
            for table in tables:
                writer.write_table(table, row_group_size=group_rows)
                rows += table.num_rows
                del table  # before the next one is made
        return store_file(lake, key, path, rows)


def open_writer(path: Path, schema: pa.Schema, compression: Compression = "zstd") -> pq.ParquetWriter:
    """What writes a file of the lake's kind."""
    return pq.ParquetWriter(path, schema, compression=compression, **_choose_encodings(schema))


def regroup_tables(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of ROW_GROUP rows, the last one with fewer; each column in one chunk.

    A stream that is stored so has the bytes that its rows have as one table.
    """
    pending, missing = list[pa.Table](), ROW_GROUP
    for table in tables:
        start = 0
        while table.num_rows - start >= missing:
            pending.append(table.slice(start, missing))
            start, missing = start + missing, ROW_GROUP
            yield _combine(pending)
        if start < table.num_rows:
            pending.append(table.slice(start))
            missing -= table.num_rows - start
    if pending:
        yield _combine(pending)


def _combine(tables: list[pa.Table]) -> pa.Table:
    """All as one; the list is empty afterwards, so that nothing lies in memory twice."""
    whole = pa.concat_tables(tables).combine_chunks()
    tables.clear()
    return whole


def _choose_encodings(schema: pa.Schema) -> dict[str, Any]:
    """Numbers without a dictionary: trying one takes most of the time of writing, and seldom makes them smaller."""
    if len(set(schema.names)) < len(schema) or any(pa.types.is_nested(field.type) for field in schema):
        # A name may then stand for several columns, and an encoding does not fit every type.
        return {}
    whole = [field.name for field in schema if pa.types.is_integer(field.type)]
    numbers = {*whole, *(field.name for field in schema if pa.types.is_floating(field.type))}
    return {
        "use_dictionary": [name for name in schema.names if name not in numbers],
        "column_encoding": dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
    }


@contextmanager
def fetch_object(lake: Lake, ref: ObjectRef) -> Iterator[Path]:
    """The object's file, for reading, in the block; CorruptObject unless its bytes are those that were recorded."""
    with _open_file(lake, ref.uri) as path:
        _verify(path, ref)
        yield path


@contextmanager
def fetch_unverified(lake: Lake, ref: ObjectRef) -> Iterator[tuple[Path, Future[None]]]:
    """The object's file, which is still being hashed, and what is done, or raises CorruptObject, when that is known.

    Whoever reads the file meanwhile keeps the results to himself until then. That it is corrupt is also raised in place
    of whatever else ended the block.
    """
    with _open_file(lake, ref.uri) as path, ThreadPoolExecutor(1, thread_name_prefix="hashing") as pool:
        verified = pool.submit(_verify, path, ref)
        try:
            yield path, verified
        finally:
            verified.result()


def _verify(path: Path, ref: ObjectRef) -> None:
    try:
        verify_file(path, ref)
    except OSError as error:
        raise explain_os_error(f"Can't read {ref.uri}", error) from error


@contextmanager
def _open_file(lake: Lake, uri: str) -> Iterator[Path]:
    """A copy of the object, or the object itself where the lake is a folder: objects never change."""
    place = lake.locate(uri)
    if place is not None:
        yield place
        return
    with open_temporary_folder() as folder:
        lake.get_file(uri, folder / "table.parquet")
        yield folder / "table.parquet"


def fetch_table(lake: Lake, ref: ObjectRef, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of the object, all columns or these; CorruptObject unless its bytes are those that were recorded."""
    with fetch_object(lake, ref) as path:
        return read_file(path, columns)


def read_file(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of the Parquet file: all columns, or these."""
    return pq.read_table(path, columns=columns, memory_map=False)


def release_memory() -> None:
    """Give back what Arrow keeps for tables to come, as much as it read: nothing but Arrow can use it."""
    pa.default_memory_pool().release_unused()


def stream_batches(lake: Lake, ref: ObjectRef, rows: int) -> Iterator[pa.RecordBatch]:
    """Read the object in batches of at most `rows` rows; checked as a whole before the first one."""
    # What was read ahead would be kept until the end of the file.
    with fetch_object(lake, ref) as path, pq.ParquetFile(path, pre_buffer=False) as file:
        yield from file.iter_batches(batch_size=rows)


@dataclass(frozen=True)
class Reading:
    """What of a Parquet file is read, and how.

    `columns`: these, or all. `share` (a number from 0, of how many) takes that part of the row groups; all shares
    together are the file, in order. Text columns named in `dictionaries` stay as the file has them: each text once, and
    its number for every row.
    """

    columns: Sequence[str] | None = None
    share: tuple[int, int] = (0, 1)
    dictionaries: Sequence[str] = ()


ALL = Reading()


def map_groups(
    path: Path,
    function: Callable[[Iterator[pa.RecordBatch]], Result],
    rows: int,
    workers: int,
    reading: Reading = ALL,
    ahead: int = 1,
) -> Generator[Result]:
    """`function` of each row group of the Parquet file, in order, worked out ahead by so many threads.

    It gets the group's batches of at most `rows` rows, decoded in its own thread. No more groups are in memory than
    there are threads, and `ahead` results; what comes out does not depend on the number of threads.
    """
    metadata = pq.read_metadata(path)
    number, count = reading.share
    first, last = (metadata.num_row_groups * edge // count for edge in (number, number + 1))

    def map_group(number: int) -> Result:
        # A file of its own for each: a reader is not meant to be shared by threads.
        with pq.ParquetFile(path, metadata=metadata, read_dictionary=list(reading.dictionaries)) as file:
            return function(file.iter_batches(rows, row_groups=[number], columns=reading.columns, use_threads=False))

    with closing(prefetch_map(map_group, range(first, last), workers, ahead)) as results:
        yield from results


def read_schema(path: Path) -> pa.Schema:
    """The columns of the Parquet file, in order."""
    return pq.read_schema(path)


@contextmanager
def stream_groups(
    lake: Lake, ref: ObjectRef, columns: Sequence[str], most: int
) -> Iterator[tuple[list[int], Iterator[pa.Table]]]:
    """At most `most` of the object's row groups, evenly spread over it: their numbers of rows, and the groups in order.

    Of `columns` those that are there. Not checked against the recorded hash, which would read all of it; CorruptObject
    where it can't be read or has another number of rows.
    """
    with _open_file(lake, ref.uri) as path:
        try:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                if file.metadata.num_rows != ref.rows:
                    raise CorruptObject(f"{ref.uri} has {file.metadata.num_rows} rows, but {ref.rows} were recorded")
                count = file.metadata.num_row_groups
                numbers = [round(n * (count - 1) / max(1, min(most, count) - 1)) for n in range(min(most, count))]
                present = [name for name in columns if name in file.schema_arrow.names]
                sizes = [file.metadata.row_group(number).num_rows for number in numbers]
                yield sizes, (file.read_row_group(number, columns=present) for number in numbers)
        except pa.ArrowInvalid as error:
            raise CorruptObject(f"{ref.uri} can't be read as Parquet: {error}") from error
