"""The ledger: which object is a partition, now. Readers follow it; nothing else makes an object visible."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, delete, func, select, text

from nightshift.config.horizons import MAX_ATTEMPT_DAYS
from nightshift.io.lake.base import ObjectRef, make_attempt_id, read_attempt_time
from nightshift.io.warehouse.locks import lock_partition
from nightshift.io.warehouse.schema import LEDGER, upsert

Kind = Literal["raw", "late", "valid", "quarantine", "features", "scores"]
# Maintenance sweeps objects that nothing points at only when they are older than this.
MAX_AGE = timedelta(days=MAX_ATTEMPT_DAYS)


class Superseded(Exception):
    """A later attempt has written the partition, or what this one was made from: it must not commit any more."""


class Expired(Exception):
    """The attempt began so long ago that maintenance may have swept what it wrote."""


@dataclass(frozen=True)
class Attempt:
    """One try at writing a partition: a name that no other has, for keys, and the number of its turn."""

    name: str
    number: int


@dataclass(frozen=True)
class Entry:
    """One row of ml.ledger."""

    partition: date
    attempt: str
    ref: ObjectRef
    model_version: int | None
    written_at: datetime
    inputs_sha256: str | None
    params: dict[str, Any]


@dataclass(frozen=True)
class NewEntry:
    """What a step says of the object that it wrote."""

    kind: Kind
    attempt: Attempt
    ref: ObjectRef
    inputs_sha256: str | None = None
    model_version: int | None = None
    params: dict[str, Any] = field(default_factory=dict)


def begin_attempt(connection: Connection) -> Attempt:
    """Draw a number before anything is read, so that a higher number means data that are at least as new.

    The database counts: clocks of two machines may differ, and a paused process doesn't know how long it slept.
    """
    number: int = connection.execute(text("select nextval('ml.attempt_numbers')")).scalar_one()
    return Attempt(make_attempt_id(), number)


def claim_partition(connection: Connection, pipeline: str, partition: date, attempt: Attempt, *kinds: Kind) -> None:
    """Lock the partition to write these kinds.

    Superseded where a later attempt has written one of them, Expired where this one is too old; what is the ledger's
    already may be written again at any age.
    """
    lock_partition(connection, pipeline, partition)
    held = select(LEDGER.c.attempt, LEDGER.c.attempt_number).where(
        LEDGER.c.pipeline == pipeline, LEDGER.c.partition_date == partition, LEDGER.c.kind.in_(kinds)
    )
    numbers = {row.attempt: row.attempt_number for row in connection.execute(held)}
    newest = max(numbers.values(), default=0)
    if newest > attempt.number:
        raise Superseded(f"a later attempt took over ({newest}, and this is {attempt.number}); its rows stay")
    if attempt.name not in numbers and datetime.now(UTC) - read_attempt_time(attempt.name) > MAX_AGE:
        raise Expired(
            f"this attempt began more than {MAX_AGE.days} days ago and never became visible, so maintenance may have "
            "removed what it wrote"
        )


def require_current(connection: Connection, pipeline: str, partition: date, kind: Kind, ref: ObjectRef) -> Entry:
    """The object's entry; Superseded unless it still is the partition's. To be called with the partition claimed."""
    entry = find_entry(connection, pipeline, partition, kind)
    if entry is None or entry.ref.sha256 != ref.sha256:
        raise Superseded(f"a later attempt replaced the {kind} rows that this one was made from; what it wrote stays")
    return entry


def write_entry(
    connection: Connection, pipeline: str, partition: date, entry: NewEntry, config_sha256: str, code_version: str
) -> None:
    """Make the object the partition's current one; the row it replaces stays in ml.ledger_history."""
    values = {
        "pipeline": pipeline,
        "partition_date": partition,
        "kind": entry.kind,
        "attempt": entry.attempt.name,
        "attempt_number": entry.attempt.number,
        "model_version": entry.model_version,
        "rows": entry.ref.rows,
        "object_uri": entry.ref.uri,
        "sha256": entry.ref.sha256,
        "written_at": func.now(),
        "inputs_sha256": entry.inputs_sha256,
        "config_sha256": config_sha256,
        "code_version": code_version,
        "params": entry.params,
    }
    upsert(connection, LEDGER, ("pipeline", "partition_date", "kind"), values)


def remove_entry(connection: Connection, pipeline: str, partition: date, kind: Kind) -> None:
    """Forget the partition's object of this kind, as when a better batch has nothing in quarantine."""
    connection.execute(delete(LEDGER).where(*_match(pipeline, kind), LEDGER.c.partition_date == partition))


def find_entry(connection: Connection, pipeline: str, partition: date, kind: Kind) -> Entry | None:
    """The partition's current object of this kind."""
    found = find_entries(connection, pipeline, kind, [partition])
    return found[0] if found else None


def find_entries(connection: Connection, pipeline: str, kind: Kind, partitions: Iterable[date]) -> list[Entry]:
    """The current objects of those partitions that have one, in order of time."""
    statement = select(LEDGER).where(*_match(pipeline, kind), LEDGER.c.partition_date.in_(list(partitions)))
    return [_to_entry(row) for row in connection.execute(statement.order_by(LEDGER.c.partition_date))]


def list_entries(
    connection: Connection, pipeline: str, kind: Kind, first: date | None = None, last: date | None = None
) -> list[Entry]:
    """The current objects of this kind from `first` to `last`, of all partitions where no end is named, by time."""
    days = LEDGER.c.partition_date.between(first or date.min, last or date.max)
    statement = select(LEDGER).where(*_match(pipeline, kind), days)
    return [_to_entry(row) for row in connection.execute(statement.order_by(LEDGER.c.partition_date))]


def find_last_partition(connection: Connection, pipeline: str, kind: Kind) -> date | None:
    """The newest partition that has an object of this kind."""
    statement = select(func.max(LEDGER.c.partition_date)).where(*_match(pipeline, kind))
    found: date | None = connection.execute(statement).scalar()
    return found


def _match(pipeline: str, kind: Kind) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return LEDGER.c.pipeline == pipeline, LEDGER.c.kind == kind


def _to_entry(row: Any) -> Entry:
    return Entry(
        partition=row.partition_date,
        attempt=row.attempt,
        ref=ObjectRef(row.object_uri, row.sha256, row.rows),
        model_version=row.model_version,
        written_at=row.written_at,
        inputs_sha256=row.inputs_sha256,
        params=row.params,
    )
