"""The columns of a large table as files, of which one at a time is in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.io.lake.base import Lake, ObjectRef
from nightshift.io.lake.parquet import ROW_GROUP, store_tables
from nightshift.io.runtime.temp_files import open_temporary_folder


class ParquetColumns:
    """The columns of one Parquet file, each read anew when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.schema: pa.Schema = pq.ParquetDataset(path, memory_map=False).schema
        self.num_rows: int = pq.read_metadata(path).num_rows

    @property
    def column_names(self) -> list[str]:
        """The names of all columns, in order."""
        return self.schema.names

    def column(self, name: str, /) -> pa.ChunkedArray:
        """The column, in a chunk a row group."""
        return pq.read_table(self._path, columns=[name], memory_map=False).column(name)


class ColumnFiles:
    """Columns of `num_rows` cells that are put into a folder, an Arrow file each, and read from there."""

    def __init__(self, folder: Path, num_rows: int) -> None:
        self._folder = folder
        self._kinds: dict[str, pa.DataType] = {}
        self.num_rows = num_rows

    @property
    def schema(self) -> pa.Schema:
        """The columns that were put, in the order in which they came."""
        return pa.schema(self._kinds)

    @property
    def column_names(self) -> list[str]:
        """Their names."""
        return list(self._kinds)

    def put(self, name: str, column: pa.Array | pa.ChunkedArray) -> None:
        """Write the column in batches of ROW_GROUP cells, the last one with fewer."""
        self._kinds[name] = column.type
        schema = pa.schema([("cells", column.type)])
        with pa.OSFile(str(self._find(name)), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for start in range(0, self.num_rows, ROW_GROUP):
                writer.write_table(pa.table([column.slice(start, ROW_GROUP)], schema).combine_chunks())

    def column(self, name: str, /) -> pa.ChunkedArray:
        """The whole column."""
        with pa.OSFile(str(self._find(name))) as file, pa.ipc.open_file(file) as reader:
            return reader.read_all().column(0)

    def read_groups(self) -> Iterator[pa.Table]:
        """All columns, ROW_GROUP rows at a time."""
        for number in range(-(-self.num_rows // ROW_GROUP)):
            cells = [self._read_batch(name, number) for name in self.column_names]
            yield pa.Table.from_arrays(cells, schema=self.schema)

    def _read_batch(self, name: str, number: int) -> pa.Array:
        with pa.OSFile(str(self._find(name))) as file, pa.ipc.open_file(file) as reader:
            return reader.get_batch(number).column(0)

    def _find(self, name: str) -> Path:
        # A column's name may hold what no file's may.
        return self._folder / f"{list(self._kinds).index(name)}.arrow"


def store_columns(lake: Lake, key: str, columns: Any, rows: np.ndarray) -> ObjectRef:
    """Write the rows at these positions, in this order, under a new key.

    `columns` has `column_names`, and `column(name)`, which is asked for once a name.
    """
    with open_temporary_folder() as folder:
        files, positions = ColumnFiles(folder, len(rows)), pa.array(rows)
        for name in columns.column_names:
            files.put(name, columns.column(name).take(positions))
        return store_tables(lake, key, files.schema, files.read_groups())
