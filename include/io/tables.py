"""Arrow tables in the lake: one Parquet file an object. The same rows give the same bytes, so the same sha256."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from include.io.disks import open_temporary_folder
from include.io.lake import CorruptObject, Lake, ObjectRef, fetch_verified, store_file

ROW_GROUP = 131_072


def store_table(lake: Lake, key: str, table: pa.Table) -> ObjectRef:
    """Write the table under a new key."""
    with open_temporary_folder() as folder:
        path = folder / "table.parquet"
        # Pandas' metadata would tie the bytes to a pandas version.
        pq.write_table(table.replace_schema_metadata(None), path, compression="zstd", row_group_size=ROW_GROUP)
        return store_file(lake, key, path, table.num_rows)


def store_batches(lake: Lake, key: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> ObjectRef:
    """Write a stream of batches under a new key without holding them all."""
    with open_temporary_folder() as folder:
        path = folder / "table.parquet"
        rows = 0
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch, row_group_size=ROW_GROUP)
                rows += batch.num_rows
        return store_file(lake, key, path, rows)


def fetch_table(lake: Lake, ref: ObjectRef) -> pa.Table:
    """Read the whole object; CorruptObject unless its bytes are those that were recorded."""
    with open_temporary_folder() as folder:
        return pq.read_table(fetch_verified(lake, ref, folder / "table.parquet"), memory_map=False)


def stream_batches(lake: Lake, ref: ObjectRef, rows: int) -> Iterator[pa.RecordBatch]:
    """Read the object in batches of at most `rows` rows; checked as a whole before the first one."""
    with open_temporary_folder() as folder:
        path = fetch_verified(lake, ref, folder / "table.parquet")
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=rows)


@contextmanager
def stream_groups(
    lake: Lake, ref: ObjectRef, columns: Sequence[str], most: int
) -> Iterator[tuple[list[int], Iterator[pa.Table]]]:
    """At most `most` of the object's row groups, evenly spread over it: their numbers of rows, and the groups in order.

    Of `columns` those that are there. Not checked against the recorded hash, which would read all of it; CorruptObject
    where it can't be read or has another number of rows.
    """
    with open_temporary_folder() as folder:
        path = lake.locate(ref.uri)
        if path is None:
            path = folder / "table.parquet"
            lake.get_file(ref.uri, path)
        try:
            with pq.ParquetFile(path) as file:
                if file.metadata.num_rows != ref.rows:
                    raise CorruptObject(f"{ref.uri} has {file.metadata.num_rows} rows, but {ref.rows} were recorded")
                count = file.metadata.num_row_groups
                numbers = [round(n * (count - 1) / max(1, min(most, count) - 1)) for n in range(min(most, count))]
                present = [name for name in columns if name in file.schema_arrow.names]
                sizes = [file.metadata.row_group(number).num_rows for number in numbers]
                yield sizes, (file.read_row_group(number, columns=present) for number in numbers)
        except pa.ArrowInvalid as error:
            raise CorruptObject(f"{ref.uri} can't be read as Parquet: {error}") from error
