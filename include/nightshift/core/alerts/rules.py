"""What somebody should look at, from the state of one pipeline: values in, alerts out."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from nightshift.config.project import COMMAND
from nightshift.config.sections.alerts import Alerts
from nightshift.config.sections.schedules import Schedules
from nightshift.core.alerts.schedule import list_due_times

AlertKind = Literal[
    "drift", "extreme", "unknown", "stopped_batch", "failed_gate", "stale_champion", "missed_partition", "schema_change"
]
# Nights further back are history: somebody who looks after a month doesn't want thirty messages.
LOOKBACK = timedelta(days=7)
# A subject that names more columns than this is no name any more.
MAX_COLUMNS = 8


@dataclass(frozen=True)
class Alert:
    """One event: `subject` tells it from others of its kind, `dag` is the kind of DAG that is concerned."""

    kind: AlertKind
    subject: str
    what: str
    why: str
    todo: str
    dag: str


@dataclass(frozen=True)
class Drifted:
    """The newest row of monitoring.drift; `unknown` are the columns that could not be compared.

    `extreme` are those that have left every ordinary value, whether that is drift of the pipeline or not.
    """

    last: date
    version: int
    drifted: bool | None
    reason: str
    unknown: tuple[str, ...] = ()
    columns: int = 0
    extreme: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decided:
    """A decision of the gate on a candidate."""

    version: int
    decision: str
    reason: str


@dataclass(frozen=True)
class Facts:
    """The state of one pipeline at `now` (aware), read in one transaction.

    `stopped` maps the partitions whose last validation failed, and that no newer batch has made old news, to the
    reason. `changed` maps the newest one, if its columns differ as those before it did not, to how. `refused` are the
    gate's refusals since the last promotion, oldest first. `ingested`, `built` and `scored` are the partitions that
    the ledger has. `failed` are all partitions whose last validation failed. `open` are the alerts that are open, as
    kind and subject. `expected` are nights that somebody waits for besides the schedule.
    """

    pipeline: str
    now: datetime
    champion: int | None = None
    champion_last_day: date | None = None
    champion_since: datetime | None = None
    stopped: Mapping[date, str] = field(default_factory=dict)
    changed: Mapping[date, str] = field(default_factory=dict)
    failed: frozenset[date] = frozenset()
    drift: Drifted | None = None
    refused: tuple[Decided, ...] = ()
    ingested: frozenset[date] = frozenset()
    built: frozenset[date] = frozenset()
    scored: frozenset[date] = frozenset()
    open: frozenset[tuple[str, str]] = frozenset()
    expected: frozenset[date] = frozenset()


def find_alerts(facts: Facts, limits: Alerts, schedules: Schedules) -> list[Alert]:
    """Every alert whose condition holds now, whether it is open already or new."""
    return [
        *_find_stopped(facts),
        *_find_changed(facts),
        *_find_drift(facts),
        *_find_extreme(facts),
        *_find_refused(facts),
        *_find_stale(facts, limits),
        *_find_missed(facts, limits, schedules),
    ]


def _find_stopped(facts: Facts) -> Iterator[Alert]:
    for day, reason in sorted(facts.stopped.items()):
        yield Alert(
            "stopped_batch",
            str(day),
            f"Validation stopped the batch of {day}; nothing of it was scored.",
            reason,
            "Fix the source, or the limit in expectations.yaml, and run the day again: "
            f"{facts.pipeline}_ingest with Partition {day}.",
            "ingest",
        )


def _find_changed(facts: Facts) -> Iterator[Alert]:
    """A batch that was stopped for its columns is told as that."""
    for day, how in facts.changed.items():
        yield Alert(
            "schema_change",
            str(day),
            f"The columns of the batch of {day} are not what was agreed; schema.policy lets it pass.",
            how,
            "Ask the source's owner whether that is intended; then change columns in pipeline.yaml, or schema.policy.",
            "ingest",
        )


def _find_drift(facts: Facts) -> Iterator[Alert]:
    found = facts.drift
    # What an earlier champion was trained on says nothing about the present one.
    if found is None or found.version != facts.champion:
        return
    if found.drifted:
        yield Alert(
            "drift",
            f"version {found.version}",
            f"The input has drifted from what version {found.version} was trained on (up to {found.last}).",
            found.reason,
            "Look at the drift report. The policy retrains by itself when that helps; its last decision is in "
            "monitoring.retrain_decisions.",
            "drift",
        )
    elif found.drifted is None:
        yield Alert(
            "unknown",
            name_unknown(found),
            f"Whether the data have drifted is unknown (up to {found.last}).",
            found.reason,
            "Look at the columns named here, at the source. Nothing is retrained on what is unknown.",
            "drift",
        )


def _find_extreme(facts: Facts) -> Iterator[Alert]:
    """Its own alert: a column with little importance can't cause a retraining, but its source may be broken."""
    found = facts.drift
    if found is None or found.version != facts.champion or not found.extreme:
        return
    # Each of few columns comes and goes by itself; of many, something is wrong with all of them.
    few = len(found.extreme) <= MAX_COLUMNS
    for name in sorted(found.extreme) if few else [f"{len(found.extreme)} columns"]:
        yield Alert(
            "extreme",
            name if few else f"version {found.version}",
            f"{name}: beyond nearly all that version {found.version} was trained on (up to {found.last}).",
            found.reason,
            "Ask the source's owner whether it is a fault or a new unit. monitoring.drift_columns has the distance.",
            "drift",
        )


def name_unknown(found: Drifted) -> str:
    """What could not be compared, named the same every night: the columns, or the reason without its figures."""
    if 0 < len(found.unknown) <= MAX_COLUMNS and len(found.unknown) < found.columns:
        return ", ".join(sorted(found.unknown))
    return re.sub(r"\d[\d.,:-]*", "#", found.reason)[:200]


def _find_refused(facts: Facts) -> Iterator[Alert]:
    """The last refusal; earlier ones stay open until a promotion, but nobody wants to hear of them now."""
    for decided in facts.refused:
        subject = f"version {decided.version}"
        if decided is not facts.refused[-1] and ("failed_gate", subject) not in facts.open:
            continue
        waits = decided.decision == "needs_approval"
        yield Alert(
            "failed_gate",
            subject,
            f"Version {decided.version} "
            + ("needs a person's approval and has not been promoted." if waits else "did not pass the gate."),
            decided.reason,
            f"Read its model card. To promote it anyway: {COMMAND} promote {facts.pipeline} "
            f'{decided.version} --reason "…"',
            "train",
        )


def _find_stale(facts: Facts, limits: Alerts) -> Iterator[Alert]:
    """Old in comparison with the data that it scores, so that history that is replayed does not count as neglect."""
    if facts.champion is None or facts.champion_last_day is None or not facts.ingested:
        return
    age = (max(facts.ingested) - facts.champion_last_day).days
    if age > limits.stale_after_days:
        yield Alert(
            "stale_champion",
            f"version {facts.champion}",
            f"The champion, version {facts.champion}, was trained on nothing of the last {age} days.",
            f"Its last day of training is {facts.champion_last_day}; "
            f"alerts.stale_after_days is {limits.stale_after_days}.",
            f"Trigger {facts.pipeline}_train; failed trainings and kept champions there show why none was promoted.",
            "train",
        )


def _find_missed(facts: Facts, limits: Alerts, schedules: Schedules) -> Iterator[Alert]:
    if facts.champion is None:
        return
    waiting = {date.fromisoformat(subject) for kind, subject in facts.open if kind == "missed_partition"}
    # A night that validation stopped is told as that.
    for night in sorted((list_due(facts, limits, schedules) | facts.expected | waiting) - facts.scored - facts.failed):
        built = night in facts.built
        dag, lacks = ("score", "they were not scored") if built else ("ingest", "its features are not there either")
        yield Alert(
            "missed_partition",
            str(night),
            f"The scores of {night} are missing.",
            f"More than {limits.missed_after_hours:g} hours after the ingest was due: {lacks}.",
            f"Look at the last runs of {facts.pipeline}_{dag}, then trigger it with Partition {night}.",
            dag,
        )


def list_due(facts: Facts, limits: Alerts, schedules: Schedules) -> set[date]:
    """The nights of the last days whose scores should be there by now.

    Only those after the first champion, and only while the pipeline is in use: one of the week before such a night
    was ingested. So a pipeline that is paused, or that works on history, misses nothing.
    """
    zone, late = ZoneInfo(schedules.timezone), timedelta(hours=limits.missed_after_hours)
    since = max(facts.champion_since or datetime.max.replace(tzinfo=UTC), facts.now - late - LOOKBACK)
    due = set()
    for tick in list_due_times(schedules.ingest, zone, since, facts.now - late):
        night = tick.date() - timedelta(days=1)
        if any(night - LOOKBACK <= day < night for day in facts.ingested):
            due.add(night)
    return due


def explain_recovery(kind: str, subject: str, facts: Facts) -> str:
    """Why an alert that was open is so no more."""
    if kind == "stopped_batch":
        again = date.fromisoformat(subject) not in facts.failed
        return "It was run again and passed." if again else "A newer batch passed. This one still has no scores."
    if kind == "missed_partition":
        scored = date.fromisoformat(subject) in facts.scored
        return (
            "Its scores are there." if scored else "Its batch was stopped by validation, which is an alert of its own."
        )
    if kind == "schema_change":
        return "The newest batch brings no further change of columns."
    if kind == "extreme":
        return "The newest drift run compared with the present champion no longer finds it beyond every ordinary value."
    if kind in ("drift", "unknown"):
        return _explain_drift(subject, facts)
    return f"Version {facts.champion} is the champion now."


def _explain_drift(subject: str, facts: Facts) -> str:
    found = facts.drift
    if found is None or found.version != facts.champion:
        return f"Version {facts.champion} is the champion now."
    if found.drifted is None:
        return f"It is unknown now: {found.reason}"
    return f"{'It has drifted' if found.drifted else 'No drift'} up to {found.last}: {found.reason}"
