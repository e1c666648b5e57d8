"""monitoring.alerts: what is open, what was told to whom, and the state that alerts are found in."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from nightshift.io.warehouse.schema import ALERTS

_STOPPED = """
    select partition_date, failures, not exists (
        select from monitoring.validation n
        where n.pipeline = v.pipeline and n.partition_date > v.partition_date
            and n.checked_at > v.checked_at and n.success
    ) or (v.checked_at > now() - interval '7 days' and not exists (
        select from monitoring.alerts a
        where a.pipeline = v.pipeline and a.kind = 'stopped_batch' and a.subject = v.partition_date::text
            and a.opened_at >= v.checked_at
    )) as current
    from monitoring.validation v where pipeline = :pipeline and not success order by 1
"""
_DRIFT = """
    select window_to, model_version, drifted, reason from monitoring.drift where pipeline = :pipeline
    order by window_to desc, measured_at desc limit 1
"""
_COLUMNS = """
    select column_name, kind, drifted, score from monitoring.drift_columns
    where pipeline = :pipeline and partition_date = :window_to and model_version = :model_version
        and kind <> 'prediction'
"""
_REFUSED = """
    select candidate_version, decision, reason from ml.gate_decisions g
    where pipeline = :pipeline and decision <> 'promote' and decided_at > coalesce(
        (select max(promoted_at) from ml.promotions p where p.pipeline = g.pipeline), '-infinity')
    and id = (select max(id) from ml.gate_decisions n
              where n.pipeline = g.pipeline and n.candidate_version = g.candidate_version)
    order by id
"""
_CHAMPION = """
    select version, holdout_to, (select min(promoted_at) from ml.promotions p where p.pipeline = c.pipeline) as first
    from ml.champions c join ml.model_versions using (pipeline, version) where pipeline = :pipeline
"""
_CLAIM = """
    select * from monitoring.alerts where pipeline = :pipeline and id > :after
    and (notified_at is null or (recovered_at is not null and recovery_notified_at is null))
    order by id limit 1 for update skip locked
"""


def lock_alerts(connection: Connection, pipeline: str) -> None:
    """One reconciliation of a pipeline at a time, until this transaction ends."""
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:name, 5))"), {"name": f"{pipeline}/alerts"})


def list_stopped(connection: Connection, pipeline: str) -> list[dict[str, Any]]:
    """Partitions whose last validation failed; `current` where no newer batch has passed since.

    So, too, where one has before the failure became an alert: several days may run at once.
    """
    return _ask(connection, _STOPPED, pipeline=pipeline)


def find_last_drift(connection: Connection, pipeline: str) -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
    """The newest row of monitoring.drift and its columns."""
    rows = _ask(connection, _DRIFT, pipeline=pipeline)
    if not rows:
        return None
    of = {name: rows[0][name] for name in ("window_to", "model_version")}
    return rows[0], _ask(connection, _COLUMNS, pipeline=pipeline, **of)


def list_refused(connection: Connection, pipeline: str) -> list[dict[str, Any]]:
    """The gate's refusals since the last promotion, oldest first; of each candidate its last decision."""
    return _ask(connection, _REFUSED, pipeline=pipeline)


def find_charge(connection: Connection, pipeline: str) -> dict[str, Any] | None:
    """The champion's version, its last day of training (holdout_to), and when the pipeline's first one took over."""
    rows = _ask(connection, _CHAMPION, pipeline=pipeline)
    return rows[0] if rows else None


def list_partitions(connection: Connection, pipeline: str) -> dict[str, frozenset[date]]:
    """The partitions that the ledger has, by kind."""
    query = "select kind, array_agg(partition_date) as days from ml.ledger where pipeline = :pipeline group by kind"
    return {row["kind"]: frozenset(row["days"]) for row in _ask(connection, query, pipeline=pipeline)}


def open_alert(connection: Connection, pipeline: str, alert: dict[str, Any]) -> bool:
    """Insert it, unless the same one is open; whether it is new."""
    alerts = ALERTS.c
    statement = insert(ALERTS).values(pipeline=pipeline, **alert)
    added = connection.execute(
        statement.on_conflict_do_nothing(
            index_elements=["pipeline", "kind", "subject"], index_where=alerts.recovered_at.is_(None)
        )
    )
    return added.rowcount == 1


def close_alert(connection: Connection, identity: int, recovery: str) -> None:
    """From now on it is recovered."""
    values = {"recovered_at": func.now(), "recovery": recovery}
    connection.execute(update(ALERTS).where(ALERTS.c.id == identity, ALERTS.c.recovered_at.is_(None)).values(values))


def list_alerts(connection: Connection, pipelines: list[str], every: bool = False) -> list[dict[str, Any]]:
    """The open alerts of the pipelines, or `every` one, newest first."""
    statement = select(ALERTS).where(ALERTS.c.pipeline.in_(pipelines))
    if not every:
        statement = statement.where(ALERTS.c.recovered_at.is_(None))
    return [dict(row) for row in connection.execute(statement.order_by(ALERTS.c.id.desc())).mappings()]


def claim_unnotified(connection: Connection, pipeline: str, after: int) -> dict[str, Any] | None:
    """The first alert beyond `after` that is to be told, or whose recovery is; nobody else has it meanwhile."""
    rows = _ask(connection, _CLAIM, pipeline=pipeline, after=after)
    return rows[0] if rows else None


def record_notified(
    connection: Connection, identity: int, recovered: bool, recipients: list[str], problem: str | None, at: datetime
) -> None:
    """Who was told; without a `problem` everybody was, and nobody is told again."""
    prefix = "recovery_" if recovered else ""
    values: dict[str, Any] = {f"{prefix}recipients": recipients, "problem": problem}
    if problem is None:
        # A recovery says what had happened: who never heard of the alert needs no second message.
        notified = {"notified_at": func.coalesce(ALERTS.c.notified_at, at)}
        values |= notified | ({"recovery_notified_at": at} if recovered else {})
    connection.execute(update(ALERTS).where(ALERTS.c.id == identity).values(values))


def _ask(connection: Connection, query: str, **values: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(text(query), values).mappings()]
