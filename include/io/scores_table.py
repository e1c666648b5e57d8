"""scores.NAME: one native range partition a month, replaced a day at a time inside the caller's transaction."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import pyarrow as pa
from psycopg2 import sql
from sqlalchemy import Connection

from include.config.arrow_types import ARROW_TYPES
from include.config.model import ColumnType
from include.config.names import check_identifier
from include.config.pipeline import PipelineConfig
from include.io.copying import copy_batches
from include.io.roles import become_self, become_writer

POSTGRES_TYPES: dict[ColumnType, str] = {
    "text": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
}


def make_scores_schema(config: PipelineConfig) -> pa.Schema:
    """The Arrow schema of a partition's scores: the same columns, in the same order, in the lake and the warehouse."""
    spec = config.spec
    fields = [pa.field(name, ARROW_TYPES[spec.columns[name]], nullable=False) for name in spec.keys]
    fields += [pa.field("partition_date", pa.date32(), nullable=False), pa.field("score", pa.float64(), nullable=False)]
    if spec.task == "classification":
        fields.append(pa.field("decision", pa.bool_(), nullable=False))
    fields.append(pa.field("model_version", pa.int32(), nullable=False))
    fields.append(pa.field("scored_at", pa.timestamp("us", tz="UTC"), nullable=False))
    return pa.schema(fields)


def ensure_scores_table(connection: Connection, config: PipelineConfig, partition: date) -> None:
    """Create scores.NAME, its view NAME_latest and the month's partition where they are missing."""
    cursor = _cursor(connection)
    name = check_identifier(config.name)
    cursor.execute(
        "select to_regclass(%s), to_regclass(%s)", (f"scores.{name}", f"scores_parts.{_part(name, partition)}")
    )
    table, part = cursor.fetchone()
    if table and part:
        return
    # DDL locks the table that readers query, so it is done only when needed and one process at a time.
    cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 2))", (f"{name}/ddl",))
    became = become_writer(connection)
    cursor.execute(_make_table(config))
    cursor.execute(
        sql.SQL(
            "create or replace view scores.{view} as select * from scores.{table}"
            " where partition_date = (select max(partition_date) from scores.{table})"
        ).format(view=sql.Identifier(f"{name}_latest"), table=sql.Identifier(name))
    )
    first, following = _month_bounds(partition)
    cursor.execute(
        sql.SQL(
            "create table if not exists scores_parts.{part} partition of scores.{table} for values from ({a}) to ({b})"
        ).format(
            part=sql.Identifier(_part(name, partition)),
            table=sql.Identifier(name),
            a=sql.Literal(first),
            b=sql.Literal(following),
        )
    )
    if became:
        become_self(connection)


def replace_scores(
    connection: Connection, config: PipelineConfig, partition: date, batches: Iterable[pa.RecordBatch]
) -> int:
    """Delete the partition's rows and copy the new ones in, binary; return how many. The caller's commit shows them."""
    cursor = _cursor(connection)
    table = sql.SQL("scores.{}").format(sql.Identifier(check_identifier(config.name)))
    cursor.execute(sql.SQL("delete from {} where partition_date = %s").format(table), (partition,))
    return copy_batches(cursor, table, make_scores_schema(config), batches)


def _cursor(connection: Connection) -> Any:
    return connection.connection.cursor()


def _make_table(config: PipelineConfig) -> sql.Composed:
    spec = config.spec
    columns: list[sql.Composable] = [
        sql.SQL("{} {} not null").format(sql.Identifier(name), sql.SQL(POSTGRES_TYPES[spec.columns[name]]))
        for name in spec.keys
    ]
    columns += [sql.SQL("partition_date date not null"), sql.SQL("score double precision not null")]
    if spec.task == "classification":
        columns.append(sql.SQL("decision boolean not null"))
    columns += [sql.SQL("model_version integer not null"), sql.SQL("scored_at timestamptz not null")]
    key = sql.SQL(", ").join(sql.Identifier(name) for name in ("partition_date", *spec.keys))
    return sql.SQL(
        "create table if not exists scores.{} ({}, primary key ({})) partition by range (partition_date)"
    ).format(sql.Identifier(config.name), sql.SQL(", ").join(columns), key)


def _part(name: str, partition: date) -> str:
    return f"{name}_{partition:%Y_%m}"


def _month_bounds(partition: date) -> tuple[date, date]:
    first = partition.replace(day=1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first, following
