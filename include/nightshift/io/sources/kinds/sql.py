"""Rows from a query on any database that SQLAlchemy reaches; streamed, read-only, its bounds always bound."""

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from nightshift.config.airflow.connections import GetConnection
from nightshift.config.model import Parameter
from nightshift.config.sections.source import SqlSource
from nightshift.errors import DataUnavailable, NightshiftError, TemporarilyUnavailable
from nightshift.io.sources.block_schema import make_array
from nightshift.io.sources.database import make_url, parse_url, require_database
from nightshift.io.sources.formats.unreadable import refuse_repeated
from nightshift.io.sources.partitions import find_runs
from nightshift.io.sources.row_stream import Block

BLOCK_ROWS = 10_000
BOUNDS = ("partition_start", "partition_end")
UNDEFINED_TABLE = re.compile(
    r"no such table|relation .* does not exist|table .* doesn't exist|invalid object name", re.IGNORECASE
)


class DatabaseSource:
    """Runs the pipeline's query once for every unbroken run of partitions."""

    def __init__(self, source: SqlSource, get_connection: GetConnection) -> None:
        self._where = f"Connection {source.connection!r}" if source.connection else "The database of source.url"
        self._url = make_url(get_connection(source.connection)) if source.connection else parse_url(source.url or "")
        self._statement = make_statement(source.query)

    def read_blocks(self, partitions: Sequence[date]) -> Generator[Block]:
        """All rows of these partitions, as one part; nothing is ever changed in the database.

        The connection is open from the first block to the last one.
        """
        require_database(self._url)
        with self._explain_errors(), self._connect() as connection:
            for run in find_runs(partitions):
                for table in self._read_run(connection, run):
                    yield self._part, table

    @property
    def _part(self) -> str:
        return f"{self._where}, source.query"

    def _read_run(self, connection: sa.Connection, run: tuple[date, date]) -> Iterator[pa.Table]:
        result = connection.execute(self._statement, dict(zip(BOUNDS, run, strict=True)))
        names = list(result.keys())
        refuse_repeated(names, self._part)
        yield pa.table([pa.nulls(0)] * len(names), names)
        for rows in result.partitions(BLOCK_ROWS):
            yield pa.table([make_array(column) for column in zip(*rows, strict=True)], names)

    @contextmanager
    def _connect(self) -> Iterator[sa.Connection]:
        engine = sa.create_engine(self._url, poolclass=sa.NullPool, hide_parameters=True)
        try:
            with engine.connect() as connection:
                # A server-side cursor where the database has one, so that memory holds a block, and not the day.
                yield connection.execution_options(stream_results=True, postgresql_readonly=True)
        finally:
            engine.dispose()

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            reason = " ".join(str(error.orig).split())
            if UNDEFINED_TABLE.search(reason):
                raise DataUnavailable(f"{self._where}: {reason}") from error
            if isinstance(error, (OperationalError, InterfaceError)):
                # A file that can't be read stays so; a server may come back.
                kind = DataUnavailable if self._url.get_backend_name() == "sqlite" else TemporarilyUnavailable
                raise kind(f"{self._where} can't answer: {reason}") from error
            raise NightshiftError(f"{self._where} refuses source.query: {reason}") from error
        except (SQLAlchemyError, ImportError) as error:
            # SQLAlchemy adds the statement and a link on further lines.
            raise NightshiftError(f"{self._where}: {' '.join(str(error).partition('[SQL:')[0].split())}") from error


def make_statement(query: str) -> sa.TextClause:
    """The query with its bounds bound as dates."""
    # SQLAlchemy would take `:partition_start::date`, a PostgreSQL cast, for no parameter at all.
    spaced = re.sub(rf":({'|'.join(BOUNDS)})(?=::)", r":\1 ", query)
    try:
        return sa.text(spaced).bindparams(*(sa.bindparam(name, type_=sa.Date()) for name in BOUNDS))
    except sa.exc.ArgumentError as error:
        raise NightshiftError(f"source.query must bind :{' and :'.join(BOUNDS)}: {error}") from error


def open_query(
    source: SqlSource, folder: Path, get_connection: GetConnection, params: Mapping[str, Parameter]
) -> DatabaseSource:
    """The reader of a pipeline's query."""
    return DatabaseSource(source, get_connection)


def require_query(source: SqlSource, get_connection: GetConnection) -> None:
    """NightshiftError where a database that is a file of this machine is missing."""
    connection = get_connection(source.connection) if source.connection else None
    require_database(make_url(connection) if connection else parse_url(source.url or ""))
