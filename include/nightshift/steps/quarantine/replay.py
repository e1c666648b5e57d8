"""Quarantined rows get another chance: late ones in their own partition, the others where they are."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.batch.late_rows import are_among, find_days, identify_rows
from nightshift.core.batch.quarantine import REASON_COLUMN
from nightshift.errors import NightshiftError, TemporarilyUnavailable
from nightshift.io.lake.base import ObjectRef
from nightshift.io.lake.parquet import fetch_table
from nightshift.io.ledger.entries import Entry, find_entries, find_entry, find_last_partition
from nightshift.io.ledger.history import list_written
from nightshift.io.monitoring.quarantine import Replay, begin_replay, finish_replay, list_of_run, list_unfinished
from nightshift.io.resources import Resources
from nightshift.steps.ingest.build_features import build_partition_features
from nightshift.steps.ingest.late import keep_late_rows
from nightshift.steps.ingest.validate import validate_partition
from nightshift.steps.outcome import Outcome
from nightshift.steps.quarantine.look import list_quarantined
from nightshift.steps.registry.promotions import check_reason
from nightshift.steps.runs import Report

log = logging.getLogger(__name__)
Rescore = Callable[[date], Outcome]


@dataclass(frozen=True)
class ReplayRequest:
    """Who wants the quarantine of which days replayed, and why; no days mean all. `run_id` names the request."""

    run_id: str
    replayed_by: str
    reason: str
    first: date | None = None
    last: date | None = None


def replay_quarantine(
    config: PipelineConfig, resources: Resources, request: ReplayRequest, report: Report, rescore: Rescore | None = None
) -> Outcome:
    """Move late rows to their own day, then judge every day that was touched anew and build its features.

    What an earlier replay left unfinished is finished too. With `rescore` each day is scored as well; without, whoever
    called does it for the `partitions`. Nothing is lost by running it again, and nothing doubled.
    Figures: partitions (to be scored), rows, accepted, moved (by day), waiting (days without a batch of their own),
    stopped and failed (by day, with the reason).
    """
    check_reason(request.reason)
    for entry in list_quarantined(config, resources, request.first, request.last):
        _move_rows(config, resources, entry, request)
    with resources.warehouse.begin() as connection:
        replays = list_unfinished(connection, config.name)
    outcomes = _redo_days(
        config, resources, sorted({day for replay in replays for day in replay.days}), report, rescore
    )
    failed = {day for day, outcome in outcomes.items() if outcome.figures.get("failed")}
    for replay in replays:
        if not failed & replay.days:
            _finish(config, resources, replay)
    return _summarise(config, resources, request, replays, outcomes)


def _move_rows(config: PipelineConfig, resources: Resources, entry: Entry, request: ReplayRequest) -> None:
    """Write down what is to move, then move it."""
    rows = fetch_table(resources.lake, entry.ref)
    with resources.warehouse.begin() as connection:
        days = split_by_day(config, rows, entry.partition, _find_newest(connection, config, entry.partition))
        into = {day: table.num_rows for day, table in days.items()}
        replay = Replay(entry.partition, request.run_id, entry.ref.sha256, entry.ref.rows, into, None)
        begin_replay(connection, config.name, replay, request.replayed_by, check_reason(request.reason))
    for day, table in days.items():
        keep_late_rows(config, resources, day, table)


def split_by_day(config: PipelineConfig, rows: pa.Table, partition: date, newest: date) -> dict[date, pa.Table]:
    """The quarantined rows of other days than `partition`, as they came: from the first day to the `newest`."""
    if config.spec.event_time is None or config.spec.event_time not in rows.column_names:
        return {}
    rows = rows.drop_columns([REASON_COLUMN])
    days = find_days(rows, config.spec.delivered, config.spec.event_time)
    found = sorted(day for day in days.dropna().unique() if config.spec.start <= day.date() <= newest)
    return {day.date(): rows.filter(pa.array((days == day).to_numpy())) for day in found if day.date() != partition}


def _find_newest(connection: Connection, config: PipelineConfig, partition: date) -> date:
    """Rows of later days stay where they are: nobody knows yet whether that day will ever come."""
    return max(partition, find_last_partition(connection, config.name, "raw") or partition)


def _redo_days(
    config: PipelineConfig, resources: Resources, days: Iterable[date], report: Report, rescore: Rescore | None
) -> dict[date, Outcome]:
    """Validate all of them, then build features oldest first, since they look back at valid rows of earlier days."""
    outcomes = {}
    for day in days:
        outcomes[day] = _try(config, day, partial(_validate, config, resources, day))
        report(f"validate {day}", outcomes[day])
    for day in [day for day, outcome in outcomes.items() if outcome.status == "done"]:
        valid = ObjectRef.from_record(outcomes[day].figures["valid"])
        outcomes[day] = _try(config, day, partial(build_partition_features, config, resources, day, valid))
        report(f"build_features {day}", outcomes[day])
        if rescore and outcomes[day].status == "done":
            scored = _try(config, day, partial(rescore, day))
            outcomes[day] = outcomes[day] if scored.status == "skipped" else scored
    return outcomes


def _validate(config: PipelineConfig, resources: Resources, day: date) -> Outcome:
    with resources.warehouse.begin() as connection:
        raw = find_entry(connection, config.name, day, "raw")
    if raw is None:
        reason = f"{config.name} {day}: no batch came in for this day yet; its late rows wait for it"
        return Outcome("skipped", reason, {"waiting": True})
    return validate_partition(config, resources, day, raw.ref)


def _try(config: PipelineConfig, day: date, step: Callable[[], Outcome]) -> Outcome:
    """One day's fault must not keep the others; what may pass is raised, since it would fail them as well."""
    try:
        return step()
    except (TemporarilyUnavailable, OSError):
        raise
    except NightshiftError as error:
        return Outcome("stopped", str(error), {"failed": True})
    except Exception as error:
        log.warning("%s %s could not be replayed", config.name, day, exc_info=True)
        return Outcome("stopped", f"{config.name} {day}: {type(error).__name__}: {error}", {"failed": True})


def _finish(config: PipelineConfig, resources: Resources, replay: Replay) -> None:
    with resources.warehouse.begin() as connection:
        written = list_written(connection, config.name, replay.partition, "quarantine")
        valid = {day: find_entry(connection, config.name, day, "valid") for day in replay.days}
    found = next(known for known in written if known.sha256 == replay.quarantine_sha256)
    rows = fetch_table(resources.lake, ObjectRef(found.uri, found.sha256, found.rows))
    accepted = sum(_count_valid(config, resources, rows, entry) for entry in valid.values() if entry)
    with resources.warehouse.begin() as connection:
        finish_replay(connection, config.name, replay, accepted)


def _count_valid(config: PipelineConfig, resources: Resources, rows: pa.Table, entry: Entry) -> int:
    """How many of the rows, each once, are among the partition's valid ones."""
    cells, valid = (identify_rows(t, config.spec.delivered) for t in (rows, fetch_table(resources.lake, entry.ref)))
    return int(np.sum(are_among(cells, valid)))


def _summarise(
    config: PipelineConfig,
    resources: Resources,
    request: ReplayRequest,
    replays: list[Replay],
    outcomes: dict[date, Outcome],
) -> Outcome:
    with resources.warehouse.begin() as connection:
        mine = list_of_run(connection, config.name, request.run_id)
        # A run that is run again after its end still has to tell which days are to be scored.
        earlier = {day for replay in mine for day in replay.days} - outcomes.keys()
        built = find_entries(connection, config.name, "features", earlier)
    done = {day for day, outcome in outcomes.items() if outcome.status == "done"} | {entry.partition for entry in built}
    figures: dict[str, Any] = {
        "partitions": [str(day) for day in sorted(done)],
        "rows": sum(replay.rows for replay in mine),
        "accepted": sum(replay.accepted or 0 for replay in mine),
        "moved": _sum_by_day(mine),
    }
    for name in ("waiting", "failed"):
        figures[name] = {str(day): outcome.reason for day, outcome in outcomes.items() if outcome.figures.get(name)}
    bad = {str(day): outcome.reason for day, outcome in outcomes.items() if outcome.status == "stopped"}
    figures["stopped"] = {day: reason for day, reason in bad.items() if day not in figures["failed"]}
    if not replays and not mine:
        return Outcome("skipped", f"{config.name}: there is nothing in quarantine to replay", figures)
    return Outcome("done", figures=figures)


def _sum_by_day(replays: Iterable[Replay]) -> dict[str, int]:
    moved: Counter[date] = Counter()
    for replay in replays:
        moved.update(replay.into)
    return {str(day): rows for day, rows in sorted(moved.items())}
