"""state of a pipeline -> alerts that open and recover; alerts -> who is to be notified."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.alerts.messages import Message
from nightshift.core.alerts.rules import Alert, Decided, Drifted, Facts, explain_recovery, find_alerts
from nightshift.core.drift.result import is_extreme
from nightshift.io.monitoring import alerts as table
from nightshift.io.monitoring.schema_changes import list_new_changes
from nightshift.io.resources import Resources
from nightshift.steps.outcome import Outcome

# Tells one message through one connection. What it raises becomes the alert's problem, by `explain`.
Send = Callable[[Message], None]


def reconcile_alerts(
    config: PipelineConfig, resources: Resources, now: datetime, base_url: str = "", expected: Iterable[date] = ()
) -> Outcome:
    """Open what is new and close what is no more, in one transaction; once per event, whoever runs it and how often.

    `now` is aware. `base_url` is where Airflow's pages are. `expected` are nights that are due although the schedule
    alone doesn't say so. Figures: opened and recovered, each a list of kind and subject.
    """
    with resources.warehouse.begin() as connection:
        table.lock_alerts(connection, config.name)
        held = {(row["kind"], row["subject"]): row for row in table.list_alerts(connection, [config.name])}
        facts = read_facts(connection, config.name, now, frozenset(held), frozenset(expected))
        found = find_alerts(facts, config.spec.alerts, config.spec.schedules)
        opened = [_name(alert) for alert in found if _open(connection, config.name, alert, base_url)]
        recovered = sorted(held.keys() - {(alert.kind, alert.subject) for alert in found})
        for kind, subject in recovered:
            table.close_alert(connection, held[kind, subject]["id"], explain_recovery(kind, subject, facts))
    return Outcome("done", figures={"opened": opened, "recovered": [list(pair) for pair in recovered]})


def _name(alert: Alert) -> list[str]:
    return [alert.kind, alert.subject]


def _open(connection: Connection, pipeline: str, alert: Alert, base_url: str) -> bool:
    texts = {name: getattr(alert, name) for name in ("kind", "subject", "what", "why", "todo")}
    link = f"{base_url.rstrip('/')}/dags/{pipeline}_{alert.dag}"
    return table.open_alert(connection, pipeline, {**texts, "link": link})


def read_facts(
    connection: Connection,
    pipeline: str,
    now: datetime,
    held: frozenset[tuple[str, str]] = frozenset(),
    expected: frozenset[date] = frozenset(),
) -> Facts:
    """What the warehouse says of the pipeline."""
    stopped, days = table.list_stopped(connection, pipeline), table.list_partitions(connection, pipeline)
    charge = table.find_charge(connection, pipeline) or {}
    return Facts(
        pipeline,
        now,
        champion=charge.get("version"),
        champion_last_day=charge.get("holdout_to"),
        champion_since=charge.get("first"),
        stopped={
            row["partition_date"]: "; ".join(failure["detail"] for failure in row["failures"][:5])
            for row in stopped
            if row["current"]
        },
        changed=_read_changes(connection, pipeline),
        failed=frozenset(row["partition_date"] for row in stopped),
        drift=_read_drift(connection, pipeline),
        refused=tuple(
            Decided(row["candidate_version"], row["decision"], row["reason"])
            for row in table.list_refused(connection, pipeline)
        ),
        ingested=days.get("raw", frozenset()),
        built=days.get("features", frozenset()),
        scored=days.get("scores", frozenset()),
        open=held,
        expected=expected,
    )


def _read_changes(connection: Connection, pipeline: str) -> dict[date, str]:
    changes = list_new_changes(connection, pipeline)
    return {changes[0]["partition_date"]: "; ".join(change["detail"] for change in changes[:5])} if changes else {}


def _read_drift(connection: Connection, pipeline: str) -> Drifted | None:
    found = table.find_last_drift(connection, pipeline)
    if found is None:
        return None
    row, columns = found
    unknown = tuple(column["column_name"] for column in columns if column["drifted"] is None)
    extreme = tuple(
        column["column_name"] for column in columns if is_extreme(column["drifted"], column["kind"], column["score"])
    )
    return Drifted(
        row["window_to"], row["model_version"], row["drifted"], row["reason"], unknown, len(columns), extreme
    )


def notify_alerts(
    config: PipelineConfig,
    resources: Resources,
    senders: Mapping[str, Send],
    now: datetime,
    explain: Callable[[Exception], str] = lambda error: type(error).__name__,
) -> Outcome:
    """Report every new alert and recovery through each of the `senders`, by the name of their connection.

    One that fails leaves the alert for the next run, which asks only that one again. Without senders an alert counts as
    notified: the log has it. A crash between sending and the commit repeats that one message.
    Figures: notified (titles), problems by connection.
    """
    notified: list[str] = []
    problems: dict[str, str] = {}
    after = 0
    while True:
        with resources.warehouse.begin() as connection:
            row = table.claim_unnotified(connection, config.name, after)
            if row is None:
                return Outcome("done", figures={"notified": notified, "problems": problems})
            message, after = to_message(row), row["id"]
            recovered = message.state == "recovered"
            before = row["recovery_recipients" if recovered else "recipients"]
            failed = _send(message, {name: senders[name] for name in senders if name not in before}, explain)
            done = sorted({*before, *senders} - failed.keys())
            problem = "; ".join(f"{name}: {why}" for name, why in failed.items()) or None
            table.record_notified(connection, row["id"], recovered, done, problem, now)
        problems |= failed
        notified += [] if failed else [message.title]


def _send(message: Message, senders: Mapping[str, Send], explain: Callable[[Exception], str]) -> dict[str, str]:
    """Why each of those that failed did; one must not keep the others silent."""
    failed = {}
    for name, send in senders.items():
        try:
            send(message)
        except Exception as error:
            failed[name] = explain(error)
    return failed


def to_message(row: Mapping[str, Any]) -> Message:
    """What is to be reported of a row of monitoring.alerts: its recovery, where it has one."""
    texts = {name: row[name] for name in ("id", "pipeline", "kind", "subject", "what", "why", "todo", "link")}
    if row["recovered_at"] is None:
        return Message(**texts, state="open", at=row["opened_at"])
    return Message(**texts, state="recovered", at=row["recovered_at"], recovery=row["recovery"])


def list_alerts(resources: Resources, pipelines: list[str], every: bool = False) -> list[dict[str, Any]]:
    """The rows of monitoring.alerts that are open, or `every` one, newest first."""
    with resources.warehouse.begin() as connection:
        return table.list_alerts(connection, pipelines, every)
