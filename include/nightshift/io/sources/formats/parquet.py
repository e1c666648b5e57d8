"""Parquet as blocks of columns, with the file's own types."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.io.sources.fetching.fetch import SourceFile
from nightshift.io.sources.formats.unreadable import UnreadableSource, refuse_repeated, show_name

BLOCK_ROWS = 65_536
# Bytes of each column that are read ahead. Without a buffer Arrow reads a row group's share of it at once, and with
# pre_buffer it keeps all that was read of the file.
BUFFER = 1 << 20
OPEN = {"page_checksum_verification": True, "buffer_size": BUFFER, "pre_buffer": False}


def read_parquet(file: SourceFile) -> Iterator[pa.Table]:
    """First a table without rows, then block after block; memory holds a block, whatever the file's row groups."""
    try:
        with pq.ParquetFile(file.path, **OPEN) as parquet:
            refuse_repeated(parquet.schema_arrow.names, file.name)
            yield parquet.schema_arrow.empty_table()
            for batch in parquet.iter_batches(BLOCK_ROWS):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        reason = show_name(" ".join(str(error).split()).rstrip("."))
        raise UnreadableSource(f"{file.name}: is not a whole Parquet file ({reason})") from error
