"""Arrow batches into a table of the warehouse: a binary COPY, encoded on the fly."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

import pgpq
import psycopg2
import pyarrow as pa
from psycopg2 import sql

# Bytes that the driver is handed at a time: it lets go of the interpreter while it sends them.
PIECE = 1 << 18
# Rows encoded at once: that holds the interpreter, and what is on its way to the server lasts no longer than this.
ENCODED = 16_384


def copy_batches(cursor: Any, table: sql.Composable, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Append the batches to the table's columns of the same names; return how many rows. The caller commits.

    What goes wrong while a batch is made is raised as it is.
    """
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in schema.names)
    stream = _CopyStream(schema, batches)
    try:
        statement = sql.SQL("copy {} ({}) from stdin with (format binary)").format(table, columns)
        cursor.copy_expert(statement, stream, PIECE)
    except psycopg2.Error:
        # The driver makes it an OperationalError, which would pass for a server that does not answer.
        if stream.failure:
            raise stream.failure from None
        raise
    return stream.rows


class _CopyStream(io.RawIOBase):
    """Encodes batches on the fly, as psycopg2 asks for bytes."""

    def __init__(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        self.rows = 0
        self.failure: Exception | None = None
        self._chunks = self._encode(pgpq.ArrowToPostgresBinaryEncoder(schema), batches)
        self._rest = memoryview(b"")

    def _encode(self, encoder: Any, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
        yield encoder.write_header()
        try:
            for batch in batches:
                self.rows += batch.num_rows
                for start in range(0, batch.num_rows, ENCODED):
                    yield encoder.write_batch(batch.slice(start, ENCODED))
        except Exception as error:
            self.failure = error
            raise
        yield encoder.finish()

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        taken = self._rest[:size] if size > 0 else self._rest
        self._rest = self._rest[len(taken) :]
        return bytes(taken)
