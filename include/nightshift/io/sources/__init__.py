"""Where a pipeline's raw rows and its outcomes come from: files, a database, or a Python function.

Libraries are imported by the kind of source that needs them, when it is opened.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from nightshift.config.airflow.connections import GetConnection
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.sections.features import ReferenceTable
from nightshift.config.sections.source import SourceSettings
from nightshift.errors import NightshiftError, explain_unexpected
from nightshift.extension.source_kinds import SOURCE_KINDS
from nightshift.io.sources.formats.unreadable import UnreadableSource
from nightshift.io.sources.params import merge_params

if TYPE_CHECKING:
    import pyarrow as pa

    from nightshift.io.sources.row_stream import Block, RowStream

__all__ = ["Source", "UnreadableSource", "check_available", "open_outcomes", "open_source", "read_reference_table"]


class BlockReader(Protocol):
    """What every kind of source offers."""

    def read_blocks(self, partitions: Sequence[date]) -> Generator[Block]:
        """The rows of these partitions and nothing else, block by block, in the source's order.

        A part's first block may be without rows, and tell its columns: a day without a row has its columns too.
        """
        ...


class Source:
    """A source, opened; tests/contract holds every kind of it to the same promises.

    Every failure says whose it is and which days were asked for. `declared` are the columns that all parts have where
    one has them, and `null_values` the texts that stand for a missing value.
    """

    def __init__(
        self, reader: BlockReader, where: str, declared: Sequence[str] = (), null_values: Sequence[str] = ()
    ) -> None:
        self._reader, self._where, self._declared, self._null_values = reader, where, declared, null_values

    @contextmanager
    def stream(self, partitions: Sequence[date]) -> Iterator[RowStream]:
        """The rows of these partitions and nothing else, with all columns, in the source's order.

        Memory holds some blocks, whatever the number of rows: all have passed, and lie in a temporary folder, when the
        context is entered. Text that can't be used is found where its table is due.
        DataUnavailable where there is no such file, bucket or table; UnreadableSource where the content is broken.
        A source without a row for the partitions gives its columns without rows.
        """
        from nightshift.io.sources.row_stream import stream_rows

        days = f"{min(partitions)}" + (f" to {max(partitions)}" if len(partitions) > 1 else "")
        what = f"{self._where} can't be read for {days}"
        with ExitStack() as stack:
            with explain_unexpected(what):
                blocks = self._reader.read_blocks(partitions)
                rows = stack.enter_context(stream_rows(blocks, self._declared, self._null_values))
            yield replace(rows, tables=_explain_tables(rows.tables, what))

    def read(self, partitions: Sequence[date], columns: Sequence[str] = ()) -> pa.Table:
        """What `stream` gives as one table; of `columns` alone where all of them are there."""
        with self.stream(partitions) as rows:
            return rows.collect(columns)


def _explain_tables(tables: Iterator[pa.Table], what: str) -> Iterator[pa.Table]:
    """The tables; whatever their user fails with is not explained."""
    with explain_unexpected(what):
        yield from tables


def open_source(config: PipelineConfig, get_connection: GetConnection, params: dict[str, Any] | None = None) -> Source:
    """The pipeline's source; `params` replace those of a Python source for this run."""
    source = config.spec.source
    if params and not source.run_params:
        names = ", ".join(params)
        raise NightshiftError(f"Pipeline {config.name!r} takes no params ({names}): its source is {source.kind}")
    where = f"{config.name}: {source.describe()}"
    return _open(config, source, tuple(config.spec.delivered), where, get_connection, params)


def open_outcomes(
    config: PipelineConfig, get_connection: GetConnection, params: dict[str, Any] | None = None
) -> Source:
    """Where the outcomes come from: label.source, which takes no `params`, or the rows' own source with theirs."""
    label = config.spec.label
    if label.source is None:
        return open_source(config, get_connection, params)
    declared, where = (*config.spec.keys, label.column), f"{config.name}, label.source: {label.source.describe()}"
    return _open(config, label.source, declared, where, get_connection, None)


def _open(
    config: PipelineConfig,
    source: SourceSettings,
    declared: tuple[str, ...],
    where: str,
    get_connection: GetConnection,
    params: dict[str, Any] | None,
) -> Source:
    kind = SOURCE_KINDS.find(source.kind)
    reader = kind.open(source, config.folder, get_connection, merge_params(source, params or {}))
    return Source(reader, where, declared, source.missing_texts)


def read_reference_table(table: ReferenceTable, get_connection: GetConnection) -> pa.Table:
    """The whole of a table that features look up, every column as text."""
    from nightshift.io.sources.kinds.files import read_reference_table as read

    return read(table, get_connection)


def check_available(config: PipelineConfig, get_connection: GetConnection) -> str | None:
    """The sentence to show where the data can't be had; None where they can, or where only reading would tell."""
    sources = {"data": config.spec.source, "outcomes": config.spec.label.source}
    problems = []
    for what, source in sources.items():
        try:
            if source:
                _require_source(source, get_connection)
        except NightshiftError as problem:
            problems.append(f"no {what}: {problem}")
    return "; ".join(problems) or None


def _require_source(source: SourceSettings, get_connection: GetConnection) -> None:
    """Look at files of this machine only; servers are not asked."""
    if require := SOURCE_KINDS.find(source.kind).require:
        require(source, get_connection)
