"""Tasks of nightshift_maintenance."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context
from airflow.sdk.configuration import conf

from nightshift.config.airflow.connections import AIRFLOW, ConnectionSpec
from nightshift.config.loading import load_named_pipeline, load_pipelines, summarize_refusal
from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import TemporarilyUnavailable
from nightshift.orchestration.connections import read_connection
from nightshift.orchestration.task_wrapper import step_task
from nightshift.steps.outcome import Outcome

log = logging.getLogger(__name__)


@step_task
def survey() -> Outcome:
    """Say what would go, by pipeline and kind. Nothing is removed here."""
    from nightshift.steps.maintenance import survey

    return _tell(survey(*_open_resources()))


@step_task
def collect_garbage() -> Outcome:
    """Remove objects that nothing points at and that are older than the grace. Left out in a dry run."""
    from nightshift.steps.maintenance import collect_garbage

    return _do(collect_garbage)


@step_task
def apply_retention() -> Outcome:
    """Remove what has outlived the days that pipeline.yaml gives it. Left out in a dry run."""
    from nightshift.steps.maintenance import apply_retention

    return _do(apply_retention)


@step_task
def clean_airflow() -> Outcome:
    """Remove Airflow's own old runs, events and task logs; in a dry run only count them."""
    from nightshift.steps.maintenance import clean_airflow

    logs = Path(str(conf.get("logging", "base_log_folder")))
    return _tell(clean_airflow(*_open_resources(), _find_database(), logs))


def _do(step: Callable[..., Outcome]) -> Outcome:
    if is_dry_run(get_current_context()):
        return Outcome(
            "skipped", "Dry run: nothing was removed. `survey` says what would be; trigger with Dry run off."
        )
    return _tell(step(*_open_resources()))


def is_dry_run(context: Any) -> bool:
    """The form decides for those who fill it in; the schedule means what it says."""
    return bool(context["params"]["dry_run"]) if context["dag_run"].run_type != "scheduled" else False


def _open_resources() -> tuple[Any, list[PipelineConfig], Any]:
    """Warehouse and lake, the pipelines, and this run of maintenance."""
    from nightshift.io.resources import open_resources
    from nightshift.steps.maintenance import begin_maintenance

    context = get_current_context()
    params, resources = context["params"], open_resources(read_connection)
    maintenance = begin_maintenance(resources, context["dag_run"].run_id, params["grace"], is_dry_run(context))
    return resources, _load_pipelines(params["pipeline"]), maintenance


def _load_pipelines(name: str | None) -> list[PipelineConfig]:
    if name:
        return [load_named_pipeline(name)]
    loaded = load_pipelines()
    for problem in loaded.refused:
        log.warning("Not touched, because refused: %s", summarize_refusal(problem))
    return list(loaded.usable)


def _find_database() -> ConnectionSpec | None:
    try:
        return read_connection(AIRFLOW)
    except TemporarilyUnavailable:
        return None


def _tell(outcome: Outcome) -> Outcome:
    if outcome.status == "done":
        log.info("\n%s", outcome.figures["table"])
    return outcome
