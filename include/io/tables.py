"""Arrow tables in the lake: one Parquet file an object. The same rows give the same bytes, so the same sha256."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from include.io.lake import Lake, ObjectRef, fetch_verified, store_file

ROW_GROUP = 131_072


def store_table(lake: Lake, key: str, table: pa.Table) -> ObjectRef:
    """Write the table under a new key."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        path = Path(folder) / "table.parquet"
        # Pandas' metadata would tie the bytes to a pandas version.
        pq.write_table(table.replace_schema_metadata(None), path, compression="zstd", row_group_size=ROW_GROUP)
        return store_file(lake, key, path, table.num_rows)


def store_batches(lake: Lake, key: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> ObjectRef:
    """Write a stream of batches under a new key without holding them all."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        path = Path(folder) / "table.parquet"
        rows = 0
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch, row_group_size=ROW_GROUP)
                rows += batch.num_rows
        return store_file(lake, key, path, rows)


def fetch_table(lake: Lake, ref: ObjectRef) -> pa.Table:
    """Read the whole object; CorruptObject unless its bytes are those that were recorded."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        return pq.read_table(fetch_verified(lake, ref, Path(folder) / "table.parquet"), memory_map=False)


def stream_batches(lake: Lake, ref: ObjectRef, rows: int) -> Iterator[pa.RecordBatch]:
    """Read the object in batches of at most `rows` rows; checked as a whole before the first one."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        path = fetch_verified(lake, ref, Path(folder) / "table.parquet")
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=rows)
