"""monitoring.schema_changes: how a batch's columns differed from what was agreed."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from nightshift.io.warehouse.schema import SCHEMA_CHANGES

_NEW = """
    with batches as (
        select partition_date, success, row_number() over (order by partition_date desc) as age
        from monitoring.validation where pipeline = :pipeline
    )
    select c.partition_date, c.detail from monitoring.schema_changes c
    join batches n on n.age = 1 and n.success and n.partition_date = c.partition_date
    join batches before on before.age = 2
    where c.pipeline = :pipeline and not exists (
        select from monitoring.schema_changes e
        where e.pipeline = c.pipeline and e.partition_date = before.partition_date
            and (e.column_name, e.change) = (c.column_name, c.change) and e.found is not distinct from c.found
    )
    order by c.id
"""


def list_new_changes(connection: Connection, pipeline: str) -> list[dict[str, Any]]:
    """Differences that the newest batch has, the one before had not, and the policy took: partition_date, detail."""
    return [dict(row) for row in connection.execute(text(_NEW), {"pipeline": pipeline}).mappings()]


def record_changes(
    connection: Connection, pipeline: str, partition: date, policy: str, changes: Sequence[dict[str, Any]]
) -> None:
    """Replace what was recorded of the partition; `changes` have the table's columns from column_name to detail."""
    own = SCHEMA_CHANGES.c
    connection.execute(delete(SCHEMA_CHANGES).where(own.pipeline == pipeline, own.partition_date == partition))
    key = {"pipeline": pipeline, "partition_date": partition, "policy": policy}
    if changes:
        connection.execute(insert(SCHEMA_CHANGES), [{**key, **change} for change in changes])


def list_last_changes(connection: Connection, pipeline: str) -> list[dict[str, Any]]:
    """The differences of the newest partition that has any, in the order in which they were found."""
    own = SCHEMA_CHANGES.c
    newest = select(own.partition_date).where(own.pipeline == pipeline).order_by(own.partition_date.desc()).limit(1)
    statement = select(SCHEMA_CHANGES).where(own.pipeline == pipeline, own.partition_date == newest.scalar_subquery())
    return [dict(row) for row in connection.execute(statement.order_by(own.id)).mappings()]
