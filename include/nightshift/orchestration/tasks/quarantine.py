"""Tasks of NAME_quarantine."""

import logging
from collections.abc import Mapping
from datetime import date
from html import escape
from typing import Any

from airflow.sdk import get_current_context

from nightshift.errors import NightshiftError
from nightshift.orchestration.assets import announce_partitions
from nightshift.orchestration.partitions import parse_partition
from nightshift.orchestration.task_wrapper import open_pipeline, step_task
from nightshift.orchestration.tasks.train import get_promoter
from nightshift.steps.outcome import Outcome

log = logging.getLogger(__name__)
# XCom is no place for data: the log and the page have more.
MAX_REASONS = 20


@step_task
def look(pipeline: str) -> Outcome:
    """Tell the quarantined rows by reason: a table in the log, and figures for whoever asks Airflow."""
    from nightshift.steps.quarantine.look import describe_quarantine, look_at_quarantine

    first, last = read_limits(get_current_context()["params"])
    config, resources = open_pipeline(pipeline)
    found = look_at_quarantine(config, resources, first, last)
    log.info("%s", describe_quarantine(found))
    reasons = {escape(group.reason): group.rows for group in found.reasons[:MAX_REASONS]}
    examples = {escape(group.reason): _escape_rows(group.examples) for group in found.reasons[:MAX_REASONS]}
    partitions = {str(day): rows for day, rows in found.partitions.items()}
    return Outcome("done", figures={"partitions": partitions, "reasons": reasons, "examples": examples})


@step_task
def replay(pipeline: str, looked: dict[str, Any]) -> Outcome:
    """Move late rows to their own days, validate every touched day anew and build its features; scoring follows."""
    from nightshift.steps.quarantine.replay import ReplayRequest, replay_quarantine

    context = get_current_context()
    run, params = context["dag_run"], context["params"]
    if params["action"] == "look":
        return Outcome("skipped", f"only looked at: {len(looked['partitions'])} partitions have rows in quarantine")
    request = ReplayRequest(run.run_id, get_promoter(run), params["reason"] or "", *read_limits(params))
    outcome = replay_quarantine(*open_pipeline(pipeline), request, _report)
    if outcome.status == "done":
        announce_partitions(context, map(date.fromisoformat, outcome.figures["partitions"]))
    return outcome


@step_task
def check(pipeline: str, replayed: dict[str, Any]) -> Outcome:
    """Fail where a day could not be replayed, or its batch is still bad: the others were announced by now."""
    bad = {**replayed["failed"], **replayed["stopped"]}
    if bad:
        reason = f"{pipeline}: {len(bad)} partitions are not through; the others are. {' '.join(bad.values())}"
        return Outcome("stopped", reason, {"partitions": list(bad)})
    return Outcome("done", figures={"accepted": replayed["accepted"], "of": replayed["rows"]})


def read_limits(params: Mapping[str, Any]) -> tuple[date | None, date | None]:
    """The first and the last day, where they are named; NightshiftError where they make no sense."""
    first, last = (parse_partition(params[name]) if params[name] else None for name in ("first_day", "last_day"))
    if first and last and first > last:
        raise NightshiftError(f"The first day, {first}, is after the last one, {last}. Nothing was changed.")
    return first, last


def _escape_rows(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{escape(name): escape(value) for name, value in row.items()} for row in rows]


def _report(step: str, outcome: Outcome) -> None:
    log.info("%s: %s %s", step, outcome.status, outcome.reason or f"{outcome.figures['rows']:,} rows")
