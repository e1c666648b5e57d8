"""Tables that wait until all of them are there: in memory while they are few, else in a temporary file."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa

from nightshift.io.runtime.temp_files import open_temporary_folder

SPOOL_BYTES = 32 << 20  # of waiting tables in memory


class Spool:
    """Takes tables of any schemas, and gives them back in their order, as they were.

    Each is an Arrow IPC stream of its own, one behind the other in one file: a stream has one schema.
    """

    def __init__(self, files: ExitStack) -> None:
        self._files = files
        self._path: Path | None = None
        self._waiting: list[pa.Table] = []
        self._bytes = self._written = 0

    def add(self, table: pa.Table) -> None:
        """Take one more table."""
        self._waiting.append(table)
        self._bytes += table.nbytes
        if self._bytes > SPOOL_BYTES:
            self._write_waiting()

    def _write_waiting(self) -> None:
        if self._path is None:
            self._path = self._files.enter_context(open_temporary_folder()) / "blocks.arrow"
            self._sink = self._files.enter_context(pa.OSFile(str(self._path), "wb"))
        for table in self._waiting:
            with pa.ipc.new_stream(self._sink, table.schema) as stream:
                stream.write_table(table)
        self._written += len(self._waiting)
        self._waiting, self._bytes = [], 0

    def read(self) -> Iterator[pa.Table]:
        """All tables, one in memory at a time beside those that were never written."""
        if self._path is not None:
            # Not mapped into memory: pages of a mapped file count as memory of this process.
            with pa.OSFile(str(self._path)) as file:
                for _ in range(self._written):
                    with pa.ipc.open_stream(file) as stream:
                        table = stream.read_all()
                    yield table
        yield from self._waiting


@contextmanager
def open_spool() -> Iterator[Spool]:
    """An empty spool, whose file is gone afterwards."""
    with ExitStack() as files:
        yield Spool(files)
