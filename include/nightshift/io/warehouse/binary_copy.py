"""Arrow batches into a table of the warehouse: a binary COPY, encoded on the fly."""

import io
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

import pgpq
import psycopg2
import pyarrow as pa
from psycopg2 import sql

from nightshift.prefetch import prefetch_map

# Bytes that the driver is handed at a time: it lets go of the interpreter while it sends them.
PIECE = 1 << 16
# Rows encoded at once: that holds the interpreter, and what is on its way to the server lasts no longer than this.
ENCODED = 8_192


def copy_batches(cursor: Any, table: sql.Composable, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Append the batches to the table's columns of the same names; return how many rows. The caller commits.

    What goes wrong while a batch is made is raised as it is.
    """
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in schema.names)
    statement = sql.SQL("copy {} ({}) from stdin with (format binary)").format(table, columns)
    encoder, rows = pgpq.ArrowToPostgresBinaryEncoder(schema), 0

    def slice_batches() -> Iterator[pa.RecordBatch]:
        nonlocal rows
        for batch in batches:
            rows += batch.num_rows
            yield from (batch.slice(start, ENCODED) for start in range(0, batch.num_rows, ENCODED))

    def encode() -> Generator[bytes]:
        yield encoder.write_header()
        # One thread encodes what comes next while the server takes what was before.
        with closing(prefetch_map(encoder.write_batch, slice_batches(), workers=1, ahead=2)) as pieces:
            yield from pieces
        yield encoder.finish()

    with closing(encode()) as pieces:
        stream = _CopyStream(pieces)
        try:
            cursor.copy_expert(statement, stream, PIECE)
        except psycopg2.Error:
            # The driver makes it an OperationalError, which would pass for a server that does not answer.
            if stream.failure:
                raise stream.failure from None
            raise
    return rows


class _CopyStream(io.RawIOBase):
    """Pieces of bytes as a file, from which psycopg2 reads."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.failure: Exception | None = None
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            try:
                piece = next(self._pieces, None)
            except Exception as error:
                self.failure = error
                raise
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        taken = self._rest[:size] if size > 0 else self._rest
        self._rest = self._rest[len(taken) :]
        return bytes(taken)
