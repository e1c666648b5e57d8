"""Retraining requests and decisions: monitoring.retrain_requests, monitoring.retrain_decisions."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from nightshift.config.json_values import without_nan
from nightshift.io.warehouse.schema import (
    DRIFT,
    MODEL_VERSIONS,
    PERFORMANCE,
    RETRAIN_DECISIONS,
    RETRAIN_REQUESTS,
    upsert,
)


@dataclass(frozen=True)
class Request:
    """One row of monitoring.retrain_requests."""

    run_id: str
    as_of: date
    requested_on: date
    requested_at: datetime
    closed_at: datetime | None
    outcome: str | None
    improved: bool | None


def lock_retraining(connection: Connection, pipeline: str) -> None:
    """Wait until no other transaction decides for this pipeline; released at the end of the transaction."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 2))"), {"name": f"{pipeline}/retraining"}
    )


def list_requests(connection: Connection, pipeline: str) -> list[Request]:
    """Every request, newest first."""
    columns = [RETRAIN_REQUESTS.c[name] for name in Request.__dataclass_fields__]
    statement = select(*columns).where(RETRAIN_REQUESTS.c.pipeline == pipeline)
    return [Request(*row) for row in connection.execute(statement.order_by(RETRAIN_REQUESTS.c.id.desc()))]


def open_request(connection: Connection, pipeline: str, run_id: str, as_of: date, reason: str, now: datetime) -> bool:
    """Whether the request is open now. False where another one is, or where this very run was asked for before."""
    values = {"pipeline": pipeline, "run_id": run_id, "as_of": as_of, "reason": reason}
    asked = {"requested_on": now.date(), "requested_at": now}
    statement = insert(RETRAIN_REQUESTS).values(**values, **asked).on_conflict_do_nothing()
    return connection.execute(statement.returning(RETRAIN_REQUESTS.c.id)).scalar() is not None


def close_request(
    connection: Connection, pipeline: str, run_id: str, outcome: str, improved: bool | None, now: datetime
) -> None:
    """The training is over, or given up."""
    requests = RETRAIN_REQUESTS.c
    statement = update(RETRAIN_REQUESTS).where(requests.pipeline == pipeline, requests.run_id == run_id)
    connection.execute(statement.values(closed_at=now, outcome=outcome, improved=improved))


def list_drift_results(
    connection: Connection, pipeline: str, version: int, as_of: date, count: int
) -> list[bool | None]:
    """What the last drift runs up to `as_of` found of this version, newest first; None is unknown."""
    drift = DRIFT.c
    statement = (
        select(drift.drifted)
        .where(drift.pipeline == pipeline, drift.model_version == version, drift.window_to <= as_of)
        .order_by(drift.window_to.desc())
        .limit(count)
    )
    return list(connection.execute(statement).scalars())


def count_new_labels(connection: Connection, pipeline: str, metric: str, as_of: date) -> int:
    """Rows of scored partitions up to `as_of` whose outcomes are known, and which no training has seen yet."""
    versions, measured = MODEL_VERSIONS.c, PERFORMANCE.c
    seen_to = select(func.max(versions.holdout_to)).where(versions.pipeline == pipeline).scalar_subquery()
    # A partition that two versions scored has its rows once.
    by_partition = (
        select(func.max(measured.rows).label("rows"))
        .where(
            measured.pipeline == pipeline,
            measured.kind == "realised",
            measured.metric == metric,
            measured.partition_date > seen_to,
            measured.partition_date <= as_of,
        )
        .group_by(measured.partition_date)
        .subquery()
    )
    return int(connection.execute(select(func.coalesce(func.sum(by_partition.c.rows), 0))).scalar_one())


def find_decision(connection: Connection, pipeline: str, evaluation: str) -> dict[str, Any] | None:
    """What this very evaluation decided before: decision, reason, run_id."""
    decisions = RETRAIN_DECISIONS.c
    statement = select(decisions.decision, decisions.reason, decisions.run_id)
    row = connection.execute(
        statement.where(decisions.pipeline == pipeline, decisions.evaluation == evaluation)
    ).mappings()
    found = row.one_or_none()
    return dict(found) if found else None


def record_decision(
    connection: Connection, pipeline: str, evaluation: str, version: int, as_of: date, decided: dict[str, Any]
) -> None:
    """Keep one evaluation of the policy; `decided` has decision, reason, run_id and criteria."""
    known = {"pipeline": pipeline, "evaluation": evaluation, "model_version": version, "as_of": as_of}
    upsert(connection, RETRAIN_DECISIONS, ("pipeline", "evaluation"), {**known, **without_nan(decided)})
