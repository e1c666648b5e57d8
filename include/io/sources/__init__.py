"""Where a pipeline's raw rows and its outcomes come from: files, a database, or a Python function.

Libraries are imported by the kind of source that needs them, when it is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from include.config.connections import GetConnection
from include.config.feature import ReferenceTable
from include.config.pipeline import PipelineConfig
from include.config.source import FileSource, PythonSource, SqlSource
from include.config.source import Source as AnySource
from include.errors import NightshiftError, explain_unexpected
from include.io.sources.unreadable import UnreadableSource

if TYPE_CHECKING:
    import pyarrow as pa


__all__ = ["Source", "UnreadableSource", "check_available", "open_outcomes", "open_source", "read_reference_table"]


class Source(Protocol):
    """What every kind of source offers; tests/contract holds them to it."""

    def read(self, partitions: Sequence[date]) -> pa.Table:
        """The rows of these partitions and nothing else, with all columns, in the source's order.

        DataUnavailable where there is no such file, bucket or table; UnreadableSource where the content is broken.
        A source without a row for the partitions gives its columns without rows.
        """
        ...


class _Named:
    """A source whose every failure says whose it is and which days were asked for."""

    def __init__(self, source: Source, where: str) -> None:
        self._source, self._where = source, where

    def read(self, partitions: Sequence[date]) -> pa.Table:
        """As Source.read."""
        days = f"{min(partitions)}" + (f" to {max(partitions)}" if len(partitions) > 1 else "")
        with explain_unexpected(f"{self._where} can't be read for {days}"):
            return self._source.read(partitions)


def open_source(config: PipelineConfig, get_connection: GetConnection, params: dict[str, Any] | None = None) -> Source:
    """The pipeline's source; `params` replace those of a Python source for this run."""
    source = config.spec.source
    if params and not isinstance(source, PythonSource):
        names = ", ".join(params)
        raise NightshiftError(f"Pipeline {config.name!r} takes no params ({names}): its source is {source.kind}")
    opened = _open(source, config.folder, tuple(config.spec.delivered), get_connection, params)
    return _Named(opened, f"{config.name}: {source.describe()}")


def open_outcomes(
    config: PipelineConfig, get_connection: GetConnection, params: dict[str, Any] | None = None
) -> Source:
    """Where the outcomes come from: label.source, which takes no `params`, or the rows' own source with theirs."""
    label = config.spec.label
    if label.source is None:
        return open_source(config, get_connection, params)
    opened = _open(label.source, config.folder, (*config.spec.keys, label.column), get_connection, None)
    return _Named(opened, f"{config.name}, label.source: {label.source.describe()}")


def _open(
    source: AnySource,
    folder: Path,
    declared: tuple[str, ...],
    get_connection: GetConnection,
    params: dict[str, Any] | None,
) -> Source:
    if isinstance(source, FileSource):
        from include.io.sources.files import FilesSource

        return FilesSource(source, declared, get_connection)
    if isinstance(source, SqlSource):
        from include.io.sources.sql import DatabaseSource

        return DatabaseSource(source, get_connection)
    from include.io.sources.params import merge_params
    from include.io.sources.python import PythonFunctionSource

    return PythonFunctionSource(folder, source.function, merge_params(source, params or {}))


def read_reference_table(table: ReferenceTable, get_connection: GetConnection) -> pa.Table:
    """The whole of a table that features look up, every column as text."""
    from include.io.sources.files import read_reference_table as read

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


def _require_source(source: AnySource, get_connection: GetConnection) -> None:
    """Look at files of this machine only; servers are not asked."""
    if isinstance(source, PythonSource):
        return
    connection = get_connection(source.connection) if source.connection else None
    if isinstance(source, FileSource):
        from include.io.sources.files import require_files

        require_files(source)
    else:
        from include.io.sources.database import make_url, parse_url, require_database

        require_database(make_url(connection) if connection else parse_url(source.url or ""))
