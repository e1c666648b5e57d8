"""scores.NAME: natively partitioned by day, replaced a day at a time inside the caller's transaction."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg2 import sql
from sqlalchemy import Connection

from nightshift.config.arrow_types import ARROW_TYPES
from nightshift.config.names import check_identifier
from nightshift.config.pipeline import PipelineConfig
from nightshift.extension.tasks import find_task
from nightshift.io.scores.partitions import attach_part, choose_part, find_defaults, find_part, index_part
from nightshift.io.warehouse.binary_copy import copy_batches
from nightshift.io.warehouse.roles import become_self, become_writer

POSTGRES_TYPES: Mapping[str, str] = {
    "text": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}


@dataclass(frozen=True)
class Stamp:
    """The columns of scores.NAME that have one value in all rows of a partition."""

    partition_date: date
    model_version: int
    scored_at: datetime


def make_scores_schema(config: PipelineConfig) -> pa.Schema:
    """The Arrow schema of a partition's scores: the same columns, in the same order, in the lake and the warehouse."""
    spec = config.spec
    fields = [pa.field(name, ARROW_TYPES[spec.columns[name]], nullable=False) for name in spec.keys]
    fields += [pa.field("partition_date", pa.date32(), nullable=False), pa.field("score", pa.float64(), nullable=False)]
    fields += [pa.field(name, ARROW_TYPES[kind], nullable=False) for name, kind in find_task(spec.task).score_columns]
    fields.append(pa.field("model_version", pa.int32(), nullable=False))
    fields.append(pa.field("scored_at", pa.timestamp("us", tz="UTC"), nullable=False))
    return pa.schema(fields)


def ensure_scores_table(connection: Connection, config: PipelineConfig, stamp: Stamp, rows: int) -> None:
    """Create scores.NAME, its view NAME_latest and the part for a partition of so many rows where they are missing."""
    cursor, name, partition = _cursor(connection), check_identifier(config.name), stamp.partition_date
    if find_part(cursor, name, partition):
        return
    # One process at a time; those that waited look again.
    cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 2))", (f"{name}/ddl",))
    if find_part(cursor, name, partition):
        return
    became = become_writer(connection)
    cursor.execute("select from pg_class where relnamespace = 'scores'::regnamespace and relname = %s", (name,))
    if not cursor.rowcount:
        cursor.execute(_make_table(config))
        cursor.execute(
            sql.SQL(
                "create or replace view scores.{view} as select * from scores.{table}"
                " where partition_date = (select max(partition_date) from scores.{table})"
            ).format(view=sql.Identifier(f"{name}_latest"), table=sql.Identifier(name))
        )
    attach_part(cursor, config, choose_part(cursor, name, partition, rows), asdict(stamp))
    if became:
        become_self(connection)


def replace_scores(
    connection: Connection, config: PipelineConfig, stamp: Stamp, batches: Iterable[pa.RecordBatch]
) -> int:
    """Delete the partition's rows and copy the new ones in, binary; return how many. The caller's commit shows them.

    The partition must have its part (see `ensure_scores_table`). ValueError where a row differs from the stamp.
    """
    cursor, partition = _cursor(connection), stamp.partition_date
    part = find_part(cursor, config.name, partition)
    if part is None:
        raise ValueError(f"scores.{config.name} has no part for {partition}")
    # Into the part itself: the server then has no row's part to find.
    cursor.execute(sql.SQL("delete from {} where partition_date = %s").format(part.table), (partition,))
    # Looked up now that the part is locked: nobody gives it others before the commit.
    values = asdict(stamp)
    defaults = find_defaults(cursor, part, values)
    filled_in = {name for name, value in defaults.items() if value == values[name]}
    schema = pa.schema([field for field in make_scores_schema(config) if field.name not in filled_in])
    rows = copy_batches(cursor, part.table, schema, _select_columns(batches, schema, values))
    index_part(cursor, config, part)
    return rows


def _select_columns(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, values: dict[str, Any]
) -> Iterator[pa.RecordBatch]:
    """The schema's columns of each batch; ValueError where a row has other values than these, by column."""
    for batch in batches:
        for name, value in values.items():
            column = batch.column(name)
            if not pc.all(pc.equal(column, pa.scalar(value, column.type)), skip_nulls=False, min_count=0).as_py():
                raise ValueError(f"a row for {values['partition_date']} has another {name} than {value}")
        yield batch.select(schema.names)


def _cursor(connection: Connection) -> Any:
    return connection.connection.cursor()


def _make_table(config: PipelineConfig) -> sql.Composed:
    """Without a key of its own: it would have to be there before a part has its rows. Each part has one."""
    spec = config.spec
    columns: list[sql.Composable] = [
        sql.SQL("{} {} not null").format(sql.Identifier(name), sql.SQL(POSTGRES_TYPES[spec.columns[name]]))
        for name in spec.keys
    ]
    columns += [sql.SQL("partition_date date not null"), sql.SQL("score double precision not null")]
    columns += [
        sql.SQL("{} {} not null").format(sql.Identifier(name), sql.SQL(POSTGRES_TYPES[kind]))
        for name, kind in find_task(spec.task).score_columns
    ]
    columns += [sql.SQL("model_version integer not null"), sql.SQL("scored_at timestamptz not null")]
    return sql.SQL("create table scores.{} ({}) partition by range (partition_date)").format(
        sql.Identifier(config.name), sql.SQL(", ").join(columns)
    )
