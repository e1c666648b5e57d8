"""Replays of the quarantine, on record: begun before the first row moves, so that a broken one is taken up again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from nightshift.io.warehouse.schema import QUARANTINE_REPLAYS


@dataclass(frozen=True)
class Replay:
    """One row of ml.quarantine_replays. `into` has the rows by their own day; `accepted` is None until it is over."""

    partition: date
    run_id: str
    quarantine_sha256: str
    rows: int
    into: Mapping[date, int]
    accepted: int | None

    @property
    def days(self) -> set[date]:
        """Every partition that the replay touches."""
        return {self.partition, *self.into}


def begin_replay(connection: Connection, pipeline: str, replay: Replay, replayed_by: str, reason: str) -> None:
    """Write down what is about to move; the same run again adds to what it wrote down before."""
    table = QUARANTINE_REPLAYS.c
    statement = insert(QUARANTINE_REPLAYS).values(
        pipeline=pipeline,
        run_id=replay.run_id,
        partition_date=replay.partition,
        quarantine_sha256=replay.quarantine_sha256,
        rows=replay.rows,
        into_partitions={str(day): rows for day, rows in replay.into.items()},
        replayed_by=replayed_by,
        reason=reason,
    )
    merged = table.into_partitions.op("||")(statement.excluded.into_partitions)
    key = ["pipeline", "run_id", "partition_date"]
    connection.execute(
        statement.on_conflict_do_update(index_elements=key, set_={"into_partitions": merged, "finished_at": None})
    )


def finish_replay(connection: Connection, pipeline: str, replay: Replay, accepted: int) -> None:
    """It is over: so many of its rows are valid now."""
    table = QUARANTINE_REPLAYS.c
    mine = (
        table.pipeline == pipeline,
        table.run_id == replay.run_id,
        table.partition_date == replay.partition,
    )
    values = {"accepted": accepted, "finished_at": func.now()}
    connection.execute(update(QUARANTINE_REPLAYS).where(*mine).values(values))


def list_unfinished(connection: Connection, pipeline: str) -> list[Replay]:
    """Replays that were begun and not finished, whoever began them."""
    return _list(connection, pipeline, QUARANTINE_REPLAYS.c.finished_at.is_(None))


def list_of_run(connection: Connection, pipeline: str, run_id: str) -> list[Replay]:
    """What one run has replayed."""
    return _list(connection, pipeline, QUARANTINE_REPLAYS.c.run_id == run_id)


def _list(connection: Connection, pipeline: str, condition: ColumnElement[bool]) -> list[Replay]:
    table = QUARANTINE_REPLAYS.c
    statement = select(QUARANTINE_REPLAYS).where(table.pipeline == pipeline, condition)
    return [_to_replay(row) for row in connection.execute(statement.order_by(table.id))]


def _to_replay(row: Any) -> Replay:
    into = {date.fromisoformat(day): rows for day, rows in row.into_partitions.items()}
    return Replay(row.partition_date, row.run_id, row.quarantine_sha256, row.rows, into, row.accepted)
