"""Tasks of NAME_rollback."""

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

from airflow.sdk import get_current_context

from nightshift.errors import NightshiftError
from nightshift.orchestration.assets import announce_partitions
from nightshift.orchestration.partitions import parse_partition
from nightshift.orchestration.task_wrapper import open_pipeline, step_task
from nightshift.orchestration.tasks.train import get_promoter
from nightshift.steps.outcome import Outcome

log = logging.getLogger(__name__)


@step_task
def roll_back(pipeline: str) -> Outcome:
    """Make the earlier version champion again, once a fresh process has shown that it can score."""
    from nightshift.steps.registry.rollback import list_window, roll_back

    context = get_current_context()
    run, params = context["dag_run"], context["params"]
    if window := read_window(params):
        list_window(*window)
    config, resources = open_pipeline(pipeline)
    return roll_back(config, resources, params["version"], get_promoter(run), params["reason"], run.run_id)


@step_task
def rescore(pipeline: str, rolled_back: dict[str, Any]) -> Outcome:
    """Score the partitions that were asked for with that version, and publish each in a commit of its own."""
    from nightshift.steps.registry.rollback import rescore_partitions

    context = get_current_context()
    window = read_window(context["params"])
    if window is None:
        return Outcome("skipped", "no day was asked for: Rescore from and Rescore to are empty")
    config, resources = open_pipeline(pipeline)
    reason = context["params"]["reason"]
    outcome = rescore_partitions(config, resources, rolled_back["version"], *window, reason, _report)
    if outcome.status == "done":
        announce_partitions(context, map(date.fromisoformat, outcome.figures["partitions"]))
    return outcome


def read_window(params: Mapping[str, Any]) -> tuple[date, date] | None:
    """The days to score again; None where none are asked for, NightshiftError where only one end is named."""
    first, last = params["rescore_from"], params["rescore_to"]
    if not first and not last:
        return None
    if not first or not last:
        raise NightshiftError("Fill in both Rescore from and Rescore to, or neither. Nothing was changed.")
    return parse_partition(first), parse_partition(last)


def _report(step: str, outcome: Outcome) -> None:
    log.info("%s: %s %s", step, outcome.status, outcome.reason or f"{outcome.figures['rows']:,} rows")
