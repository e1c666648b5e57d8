"""The warehouse's side of upkeep: what has outlived its retention, and how it leaves."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg2 import sql
from sqlalchemy import Connection, func, insert, text

from nightshift.config.json_values import without_nan
from nightshift.config.names import check_identifier
from nightshift.io.warehouse.locks import lock_partition
from nightshift.io.warehouse.schema import MAINTENANCE

_EXPIRED = """
with newest as (
    -- A partition of the year 9999 must not make all others old.
    select max(partition_date) as day from ml.ledger
    where pipeline = :pipeline and partition_date <= cast(:now as timestamptz)::date + 1
),
protected as (
    select distinct day.key as partition from ml.model_versions v, jsonb_each(v.inputs) input(kind, days),
        jsonb_each_text(case when jsonb_typeof(days) = 'object' then days else '{}' end) day
    where v.pipeline = :pipeline
        and not exists (select from ml.retired_versions r where (r.pipeline, r.version) = (v.pipeline, v.version))
)
select l.kind, l.partition_date, l.attempt, l.rows, l.object_uri, l.written_at from ml.ledger l, newest
where l.pipeline = :pipeline and l.kind = any (:kinds)
    and l.partition_date < newest.day - cast(:days as integer)
    and l.written_at < cast(:now as timestamptz) - make_interval(days => :days)
    and (l.kind in ('quarantine', 'scores') or l.partition_date::text not in (select partition from protected))
order by l.partition_date, l.kind
"""
_REPORTS = """
    pipeline = :pipeline and measured_at < cast(:now as timestamptz) - make_interval(days => :days)
    and (report_uri is not null or report_json_uri is not null)
"""
_SHADOW = """
    pipeline = :pipeline and scored_at < cast(:now as timestamptz) - make_interval(days => :days)
    and partition_date < (
        select max(partition_date) from ml.ledger
        where pipeline = :pipeline and partition_date <= cast(:now as timestamptz)::date + 1
    ) - cast(:days as integer)
"""
_CANDIDATES = """
select v.version, v.rows, v.artifact_uri, v.created_at from ml.model_versions v
where v.pipeline = :pipeline and v.created_at < cast(:now as timestamptz) - make_interval(days => :days)
    and not exists (select from ml.retired_versions r where (r.pipeline, r.version) = (v.pipeline, v.version))
    and not exists (select from ml.promotions p where (p.pipeline, p.version) = (v.pipeline, v.version))
    and not exists (select from ml.champions c where (c.pipeline, c.version) = (v.pipeline, v.version))
    and not exists (select from ml.challengers c where (c.pipeline, c.version) = (v.pipeline, v.version))
    and not exists (select from ml.ledger l where (l.pipeline, l.model_version) = (v.pipeline, v.version))
order by v.version
"""


@dataclass(frozen=True)
class Expired:
    """One row of the ledger that has outlived its retention."""

    kind: str
    partition: date
    attempt: str
    rows: int
    uri: str
    written_at: datetime


def read_clock(connection: Connection) -> datetime:
    """What the warehouse's clock says."""
    now: datetime = connection.execute(text("select clock_timestamp()")).scalar_one()
    return now


def find_beginning(connection: Connection, pipeline: str) -> datetime | None:
    """When this warehouse first heard of the pipeline; None if it never did."""
    statement = text("select min(written_at) from ml.ledger_history where pipeline = :pipeline")
    found: datetime | None = connection.execute(statement, {"pipeline": pipeline}).scalar()
    return found


def list_expired(
    connection: Connection, pipeline: str, kinds: list[str], days: int, now: datetime, only: date | None = None
) -> list[Expired]:
    """Partitions of these kinds that lie more than `days` behind the newest and were written as long ago.

    Those that a version was trained on stay, until it is retired; their scores and their quarantine need not.
    """
    values = {"pipeline": pipeline, "kinds": kinds, "days": days, "now": now}
    rows = connection.execute(text(_EXPIRED), values)
    return [
        Expired(row.kind, row.partition_date, row.attempt, row.rows, row.object_uri, row.written_at)
        for row in rows
        if only in (None, row.partition_date)
    ]


def expire_partition(
    connection: Connection, pipeline: str, partition: date, kinds: list[str], days: int, now: datetime
) -> list[Expired]:
    """Take the partition's rows of these kinds out of the ledger, with the visible scores in the same transaction.

    Looked up again under the partition's lock: what was written meanwhile stays. The objects are left to the sweep.
    """
    lock_partition(connection, pipeline, partition)
    found = list_expired(connection, pipeline, kinds, days, now, partition)
    for entry in found:
        if entry.kind == "scores":
            _delete_scores(connection, pipeline, partition)
        values = {"pipeline": pipeline, "partition": partition, "kind": entry.kind}
        statement = "delete from ml.ledger where pipeline = :pipeline and partition_date = :partition and kind = :kind"
        connection.execute(text(statement), values)
    return found


def _delete_scores(connection: Connection, pipeline: str, partition: date) -> None:
    table = sql.Identifier("scores", check_identifier(pipeline))
    cursor = connection.connection.cursor()
    cursor.execute(sql.SQL("delete from {} where partition_date = %s").format(table), (partition,))


def count_reports(connection: Connection, pipeline: str, days: int, now: datetime) -> tuple[int, datetime | None]:
    """How many drift runs have reports that are older, and since when."""
    return _count(connection, f"select count(*), min(measured_at) from monitoring.drift where {_REPORTS}",
                  pipeline, days, now)  # fmt: skip


def forget_reports(connection: Connection, pipeline: str, days: int, now: datetime) -> int:
    """Let go of drift reports; how many drift runs had some. Their figures stay."""
    statement = f"update monitoring.drift set report_uri = null, report_json_uri = null where {_REPORTS}"
    return _change(connection, statement, pipeline, days, now)


def count_shadow(connection: Connection, pipeline: str, days: int, now: datetime) -> tuple[int, datetime | None]:
    """How many rows of challengers are older, and since when."""
    return _count(connection, f"select count(*), min(scored_at) from monitoring.shadow_scores where {_SHADOW}",
                  pipeline, days, now)  # fmt: skip


def forget_shadow(connection: Connection, pipeline: str, days: int, now: datetime) -> int:
    """Remove what challengers said of old partitions; how many rows."""
    return _change(connection, f"delete from monitoring.shadow_scores where {_SHADOW}", pipeline, days, now)


def list_stale_candidates(connection: Connection, pipeline: str, days: int, now: datetime) -> list[int]:
    """Versions that old which never were champion, are no challenger, and whose scores nobody sees."""
    values = {"pipeline": pipeline, "days": days, "now": now}
    return [row.version for row in connection.execute(text(_CANDIDATES), values)]


def retire_candidates(connection: Connection, pipeline: str, days: int, now: datetime) -> list[int]:
    """Retire them: from the commit on nobody can promote them, so their artifacts may go."""
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:name, 3))"), {"name": pipeline})
    versions = list_stale_candidates(connection, pipeline, days, now)
    for version in versions:
        statement = "insert into ml.retired_versions (pipeline, version) values (:pipeline, :version)"
        connection.execute(text(statement), {"pipeline": pipeline, "version": version})
    return versions


def record_maintenance(connection: Connection, run_id: str, dry_run: bool, lines: list[dict[str, Any]]) -> None:
    """Keep what was removed, or would be: pipeline, kind, objects, rows, bytes, detail."""
    for line in lines:
        values = {**without_nan(line), "run_id": run_id, "dry_run": dry_run, "done_at": func.now()}
        connection.execute(insert(MAINTENANCE).values(values))


def _count(
    connection: Connection, statement: str, pipeline: str, days: int, now: datetime
) -> tuple[int, datetime | None]:
    row = connection.execute(text(statement), {"pipeline": pipeline, "days": days, "now": now}).one()
    return row[0], row[1]


def _change(connection: Connection, statement: str, pipeline: str, days: int, now: datetime) -> int:
    return int(connection.execute(text(statement), {"pipeline": pipeline, "days": days, "now": now}).rowcount)
