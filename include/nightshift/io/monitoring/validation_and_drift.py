"""What was measured and decided: the tables of the schema monitoring. Measuring again replaces what was measured."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, func, select, text

from nightshift.config.json_values import without_nan
from nightshift.io.warehouse.schema import DRIFT, DRIFT_COLUMNS, VALIDATION, upsert


def record_validation(connection: Connection, pipeline: str, partition: date, verdict: dict[str, Any]) -> None:
    """The partition's last validation; `verdict` has success, rows, quarantined, repeated, failures."""
    values = {"pipeline": pipeline, "partition_date": partition, "checked_at": func.now(), **without_nan(verdict)}
    upsert(connection, VALIDATION, ("pipeline", "partition_date"), values)


def list_accepted(connection: Connection, pipeline: str, before: date, most: int) -> list[dict[str, Any]]:
    """The last validations of the `most` newest partitions before a day that passed, newest first."""
    own = VALIDATION.c
    statement = select(VALIDATION).where(own.pipeline == pipeline, own.partition_date < before, own.success)
    return [
        dict(row) for row in connection.execute(statement.order_by(own.partition_date.desc()).limit(most)).mappings()
    ]


def list_stopped_sizes(connection: Connection, pipeline: str, before: date, most: int) -> list[dict[str, Any]]:
    """The last validations of the `most` newest partitions before a day that were stopped for their number of rows."""
    own = VALIDATION.c
    sized = own.failures.contains([{"level": "batch", "expectation": "size"}])
    statement = select(VALIDATION).where(own.pipeline == pipeline, own.partition_date < before)
    newest = statement.where(own.success.is_(False), sized).order_by(own.partition_date.desc()).limit(most)
    return [dict(row) for row in connection.execute(newest).mappings()]


def list_validations(connection: Connection, pipeline: str, first: date, last: date) -> list[dict[str, Any]]:
    """The last validation of each partition from `first` to `last`."""
    validations = VALIDATION.c
    statement = select(VALIDATION).where(
        validations.pipeline == pipeline, validations.partition_date.between(first, last)
    )
    return [dict(row) for row in connection.execute(statement.order_by(validations.partition_date)).mappings()]


def record_drift(connection: Connection, pipeline: str, version: int, measured: dict[str, Any]) -> None:
    """What the comparison of a window with a version's training data found; `measured` has the other columns."""
    values = {"pipeline": pipeline, "model_version": version, "measured_at": func.now(), **without_nan(measured)}
    upsert(connection, DRIFT, ("pipeline", "window_to", "model_version"), values)


def record_drift_columns(
    connection: Connection, pipeline: str, partition: date, version: int, columns: Sequence[dict[str, Any]]
) -> None:
    """What the comparison found column by column; `columns` have the other columns of monitoring.drift_columns."""
    own = DRIFT_COLUMNS.c
    gone = own.column_name.not_in([column["column_name"] for column in columns])
    key = {"pipeline": pipeline, "partition_date": partition, "model_version": version}
    connection.execute(delete(DRIFT_COLUMNS).where(*(own[name] == value for name, value in key.items()), gone))
    for column in columns:
        values = {**key, "measured_at": func.now(), **without_nan(column)}
        upsert(connection, DRIFT_COLUMNS, (*key, "column_name", "kind"), values)


_STATUS = """
    select p.pipeline, c.version as champion_version, c.since as champion_since,
           s.partition_date as last_scored, s.rows as last_scored_rows,
           v.partition_date as last_validated, v.success as last_validation_success,
           v.rows as last_validation_rows, v.quarantined as last_quarantined, v.failures as last_failures,
           d.window_to as last_drift_to, d.drifted as last_drifted, d.share as last_drift_share,
           d.reason as last_drift_reason,
           (select count(*) from monitoring.alerts a where a.pipeline = p.pipeline and a.recovered_at is null)
               as open_alerts,
           r.as_of as last_decision_as_of, r.decision as last_decision, r.reason as last_decision_reason
    from unnest(cast(:pipelines as text[])) with ordinality as p (pipeline, position)
    left join ml.champions c using (pipeline)
    left join lateral (
        select * from ml.ledger l where l.pipeline = p.pipeline and l.kind = 'scores'
        order by partition_date desc limit 1
    ) s on true
    left join lateral (
        select * from monitoring.validation x where x.pipeline = p.pipeline order by partition_date desc limit 1
    ) v on true
    left join lateral (
        select * from monitoring.drift x where x.pipeline = p.pipeline
        order by window_to desc, measured_at desc limit 1
    ) d on true
    left join lateral (
        select * from monitoring.retrain_decisions x where x.pipeline = p.pipeline order by id desc limit 1
    ) r on true
    order by p.position
"""


def read_status_rows(connection: Connection, pipelines: list[str]) -> list[dict[str, Any]]:
    """Champion, last scored partition, last validation, last drift and last decision of each pipeline."""
    return [dict(row) for row in connection.execute(text(_STATUS), {"pipelines": pipelines}).mappings()]
