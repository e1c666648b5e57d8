"""Row groups that are written to the lake while somebody else works on them."""

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.io.lake.base import Lake, ObjectRef, store_file
from nightshift.io.lake.parquet import ROW_GROUP, open_writer
from nightshift.io.runtime.temp_files import open_temporary_folder
from nightshift.prefetch import prefetch_map

# So many groups that are written, at most, wait for whoever takes them.
MAX_WAITING = 2


@dataclass
class Storing:
    """An object in the making; `pool` has the one thread that stores it."""

    lake: Lake
    key: str
    schema: pa.Schema
    path: Path
    writer: pq.ParquetWriter
    pool: ThreadPoolExecutor
    rows: int = 0
    stored: Future[ObjectRef] | None = field(default=None, init=False)

    def pass_on(self, groups: Iterable[list[pa.RecordBatch]]) -> Generator[list[pa.RecordBatch]]:
        """The same groups, in order, each once it is written; the object is stored after the last one.

        To be closed before this object's block ends.
        """
        with closing(prefetch_map(self._write, groups, workers=1, ahead=MAX_WAITING)) as written:
            yield from written
        self.stored = self.pool.submit(self._store)

    def finish(self) -> ObjectRef:
        """The object, which is that of `store_groups`; ValueError unless all groups were taken."""
        if self.stored is None:
            raise ValueError(f"{self.key}: not all of its rows were taken")
        return self.stored.result()

    def _write(self, group: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
        table = pa.Table.from_batches(group, self.schema)
        self.writer.write_table(table, row_group_size=ROW_GROUP)
        self.rows += table.num_rows
        return group

    def _store(self) -> ObjectRef:
        self.writer.close()
        return store_file(self.lake, self.key, self.path, self.rows)


@contextmanager
def store_meanwhile(lake: Lake, key: str, schema: pa.Schema) -> Iterator[Storing]:
    """What writes row groups under a new key while they pass it; there is no object unless all of them have."""
    with open_temporary_folder() as folder:
        path = folder / "table.parquet"
        with open_writer(path, schema) as writer, ThreadPoolExecutor(1, thread_name_prefix="storing") as pool:
            yield Storing(lake, key, schema, path, writer, pool)
