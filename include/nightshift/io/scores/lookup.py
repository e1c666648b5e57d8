"""One row of scores.NAME, found by its key."""

from datetime import date
from typing import Any

from psycopg2 import sql
from sqlalchemy import Connection, select

from nightshift.config.names import check_identifier
from nightshift.config.pipeline import PipelineConfig
from nightshift.io.warehouse.schema import LEDGER

Key = dict[str, Any]


def find_scored_row(
    connection: Connection, config: PipelineConfig, key: Key, partition: date | None = None
) -> dict[str, Any] | None:
    """The row, of the newest partition that has the key where none is named; its columns by name."""
    found = _select(connection, config, sql.SQL("*"), key, partition, limit=1)
    return found[0] if found else None


def list_partitions_of(connection: Connection, config: PipelineConfig, key: Key, limit: int) -> list[date]:
    """The newest partitions that have the key."""
    found = _select(connection, config, sql.SQL("partition_date"), key, None, limit)
    return [row["partition_date"] for row in found]


def list_scored_partitions(connection: Connection, pipeline: str, limit: int) -> list[date]:
    """The newest partitions that are scored."""
    scored = select(LEDGER.c.partition_date).where(LEDGER.c.pipeline == pipeline, LEDGER.c.kind == "scores")
    return list(connection.execute(scored.order_by(LEDGER.c.partition_date.desc()).limit(limit)).scalars())


def _select(
    connection: Connection,
    config: PipelineConfig,
    columns: sql.Composable,
    key: Key,
    partition: date | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Rows, newest partition first; none where nothing was ever published."""
    cursor: Any = connection.connection.cursor()
    name, wanted = check_identifier(config.name), {**key, **({"partition_date": partition} if partition else {})}
    cursor.execute("select to_regclass(%s) is not null", (f"scores.{name}",))
    if not cursor.fetchone()[0]:
        return []
    matches = [sql.SQL("{} = %s").format(sql.Identifier(column)) for column in wanted]
    cursor.execute(
        sql.SQL("select {} from scores.{} where {} order by partition_date desc limit %s").format(
            columns, sql.Identifier(name), sql.SQL(" and ").join([sql.SQL("true"), *matches])
        ),
        (*wanted.values(), limit),
    )
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
