"""A source's blocks -> its rows with one schema, in bounded memory.

The types of a day are known only after its last block: one without any value takes the type that another one has, and
numbers beside texts are texts. So the blocks are spooled until then.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice

import pyarrow as pa

from nightshift.io.lake.parquet import regroup_tables
from nightshift.io.sources.block_schema import align_table, blank_nulls, finish_table, make_schema, refuse_broken_name
from nightshift.io.sources.formats.unreadable import UnreadableSource, refuse_repeated
from nightshift.io.sources.spool import Spool, open_spool

# The part that it belongs to, as messages name it, such as a file; and rows of it.
Block = tuple[str, pa.Table]
# By column: the types that it has somewhere, in the order in which they came.
Kinds = dict[str, dict[pa.DataType, None]]


@dataclass(frozen=True)
class RowStream:
    """The columns, the number of rows, and the rows in tables of ROW_GROUP rows each, the last one with fewer."""

    schema: pa.Schema
    rows: int
    tables: Iterator[pa.Table]

    def collect(self, columns: Sequence[str] = ()) -> pa.Table:
        """All rows as one table; of `columns` alone where all of them are there, since the others take memory."""
        names = list(columns) if columns and set(columns) <= set(self.schema.names) else self.schema.names
        tables = [table.select(names) for table in self.tables]
        return pa.concat_tables(tables or [self.schema.empty_table().select(names)]).combine_chunks()


@dataclass
class _Part:
    """What is known of a part so far."""

    name: str
    kinds: Kinds = field(default_factory=dict)
    rows: int = 0
    blocks: int = 0  # those with rows

    def note(self, block: pa.Table) -> None:
        """Take in the block's columns; UnreadableSource where no table may have them."""
        refuse_repeated(block.column_names, self.name)
        for column in block.schema:
            refuse_broken_name(column.name, self.name)
            self.kinds.setdefault(column.name, {})[column.type] = None
        self.rows += block.num_rows
        self.blocks += block.num_rows > 0

    @property
    def schema(self) -> pa.Schema:
        """What all of its blocks become."""
        return make_schema(self.kinds)


@contextmanager
def stream_rows(
    blocks: Generator[Block], declared: Sequence[str] = (), null_values: Sequence[str] = ()
) -> Iterator[RowStream]:
    """All blocks, part after part, by column name; a column of `declared` that only some parts have is refused.

    UnreadableSource where a block can't be used; for its text only once its table is due.
    """
    with open_spool() as spool, closing(blocks):
        parts = _spool_blocks(blocks, spool)
        _refuse_lacking(parts, declared)
        kinds: Kinds = {}
        for part in parts:
            for column in finish_table(part.schema.empty_table(), part.name).schema:
                kinds.setdefault(column.name, {})[column.type] = None
        schema = make_schema(kinds)
        tables = _read_back(spool, parts, schema, null_values)
        yield RowStream(schema, sum(part.rows for part in parts), regroup_tables(tables))


def _spool_blocks(blocks: Iterator[Block], spool: Spool) -> list[_Part]:
    parts: list[_Part] = []
    for name, block in blocks:
        if not parts or parts[-1].name != name:
            parts.append(_Part(name))
        parts[-1].note(block)
        if block.num_rows:
            spool.add(block)
    if not parts:
        raise ValueError("no partition was asked for")
    return parts


def _refuse_lacking(parts: Sequence[_Part], declared: Sequence[str]) -> None:
    for column in declared:
        lacking = [part.name for part in parts if column not in part.kinds]
        if lacking and len(lacking) < len(parts):
            raise UnreadableSource(f"{lacking[0]}: has no column {column!r}, though other parts of the source have it")


def _read_back(
    spool: Spool, parts: Sequence[_Part], schema: pa.Schema, null_values: Sequence[str]
) -> Iterator[pa.Table]:
    blocks = spool.read()
    for part in parts:
        own = part.schema
        for block in islice(blocks, part.blocks):
            table = finish_table(align_table(block, own), part.name)
            yield align_table(blank_nulls(table, null_values), schema)
