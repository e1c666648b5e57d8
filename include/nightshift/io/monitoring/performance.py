"""monitoring.performance: how good each version's scores of a night were, or are expected to be."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Connection, delete, select, text, tuple_

from nightshift.config.json_values import without_nan
from nightshift.io.warehouse.schema import PERFORMANCE


@dataclass(frozen=True)
class Performance:
    """All metrics of one version on one partition: `realised` on `rows` outcomes, or `estimated` on all scores."""

    partition: date
    version: int
    kind: Literal["realised", "estimated"]
    metrics: dict[str, float]
    rows: int


# In one order always, or two runs at once could wait for each other.
_RECORD = """
    insert into monitoring.performance as old
        (pipeline, partition_date, model_version, metric, kind, value, rows, measured_at)
    select :pipeline, new.*, now()
    from unnest(
        cast(:days as date[]), cast(:versions as integer[]), cast(:metrics as text[]), cast(:kinds as text[]),
        cast(:values as double precision[]), cast(:rows as bigint[])
    ) as new (day, version, metric, kind, value, rows)
    order by day, version, metric, kind
    on conflict (pipeline, partition_date, model_version, metric, kind)
    do update set value = excluded.value, rows = excluded.rows, measured_at = excluded.measured_at
    where (old.value, old.rows) is distinct from (excluded.value, excluded.rows)
"""


def record_performance(connection: Connection, pipeline: str, measured: Iterable[Performance]) -> None:
    """Replace what was measured before; rows that would stay the same keep their `measured_at` too."""
    columns: dict[str, list[Any]] = {name: [] for name in ("days", "versions", "metrics", "kinds", "values", "rows")}
    for found in measured:
        for metric, value in without_nan(found.metrics).items():
            row = (found.partition, found.version, metric, found.kind, value, found.rows)
            for column, item in zip(columns.values(), row, strict=True):
                column.append(item)
    if columns["days"]:
        connection.execute(text(_RECORD), {"pipeline": pipeline, **columns})


def forget_realised(connection: Connection, pipeline: str, nights: Sequence[tuple[date, int]]) -> None:
    """Remove the realised metrics of these (partition, version): their outcomes were taken back."""
    if not nights:
        return
    performance = PERFORMANCE.c
    connection.execute(
        delete(PERFORMANCE).where(
            performance.pipeline == pipeline,
            performance.kind == text("'realised'"),
            tuple_(performance.partition_date, performance.model_version).in_(list(nights)),
        )
    )


def list_realised(connection: Connection, pipeline: str, first: date, last: date) -> set[tuple[date, int]]:
    """Every (partition, version) from `first` to `last` that has realised metrics."""
    performance = PERFORMANCE.c
    statement = select(performance.partition_date, performance.model_version).where(
        performance.pipeline == pipeline,
        performance.kind == text("'realised'"),
        performance.partition_date.between(first, last),
    )
    return {(row.partition_date, row.model_version) for row in connection.execute(statement.distinct())}


@dataclass(frozen=True)
class EstimateError:
    """By how much one night's estimate missed what came true (estimated - realised), and on how many rows."""

    partition: date
    error: float
    rows: int


_ERRORS = """
    select partition_date as partition, error, rows from monitoring.estimate_check
    where pipeline = :pipeline and model_version = :version and metric = :metric
        and partition_date between :first and :last and error is not null
    order by partition_date desc limit :nights
"""


def list_estimate_errors(
    connection: Connection, pipeline: str, version: int, metric: str, first: date, last: date, nights: int
) -> list[EstimateError]:
    """The newest `nights` nights from `first` to `last` of which both figures are known, newest first."""
    values = {
        "pipeline": pipeline,
        "version": version,
        "metric": metric,
        "first": first,
        "last": last,
        "nights": nights,
    }
    return [EstimateError(**row) for row in connection.execute(text(_ERRORS), values).mappings()]
