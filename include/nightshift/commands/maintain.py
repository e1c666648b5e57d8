"""`maintenance`: what is no longer needed."""

import argparse
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nightshift.commands.base import Commands, add_command, read_number
from nightshift.config.airflow.connections import AIRFLOW
from nightshift.config.environment import TELEMETRY_OFF
from nightshift.config.loading import load_named_pipeline, load_pipelines, summarize_refusal
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.sections.retention import GRACE, MIN_GRACE
from nightshift.errors import NightshiftError

if TYPE_CHECKING:
    from nightshift.io.resources import Resources
    from nightshift.steps.maintenance import MaintenanceRun


def add_maintain(commands: Commands) -> None:
    """`maintenance [--apply] [--pipeline NAME] [--grace DAYS]`."""
    summary = "list what is no longer needed, or remove it with --apply: what the DAG nightshift_maintenance does"
    examples = ["maintenance", "maintenance --pipeline flights --grace 14", "maintenance --apply"]
    parser = add_command(commands, "maintenance", run_maintain, summary, examples)
    # Its name in 0.1, which no help shows.
    commands.choices["maintain"] = parser
    parser.add_argument("--apply", action="store_true", help="remove it; without this nothing is changed")
    parser.add_argument("--pipeline", metavar="NAME", help="only this pipeline, and nothing of Airflow's")
    parser.add_argument(
        "--grace",
        metavar="DAYS",
        type=read_number(MIN_GRACE, 3650),
        default=GRACE,
        help=f"keep what was written in the last DAYS days, even if nothing refers to it (default: {GRACE})",
    )


def run_maintain(arguments: argparse.Namespace) -> int:
    """Survey, and with --apply all the rest."""
    from nightshift.local.resources import open_local_resources
    from nightshift.steps import maintenance as upkeep

    loaded = load_pipelines()
    configs = [load_named_pipeline(arguments.pipeline)] if arguments.pipeline is not None else list(loaded.usable)
    resources = open_local_resources(migrate=True)
    run_id = f"cli__{datetime.now(UTC).isoformat(timespec='seconds')}"
    run = upkeep.begin_maintenance(resources, run_id, arguments.grace, dry_run=not arguments.apply)
    steps = (upkeep.collect_garbage, upkeep.apply_retention) if arguments.apply else (upkeep.survey,)
    for step in steps:
        print(f"{step.__name__}:\n{step(resources, configs, run).figures['table']}\n", flush=True)
    if not arguments.pipeline:
        _clean_airflow(resources, configs, run)
        for problem in loaded.refused:
            print(f"nightshift: not touched, because refused: {summarize_refusal(problem)}", file=sys.stderr)
    print("Done." if arguments.apply else "Nothing was removed. To remove it: add --apply")
    return 0


def _clean_airflow(resources: "Resources", configs: list[PipelineConfig], run: "MaintenanceRun") -> None:
    from nightshift.local.paths import find_paths
    from nightshift.steps.maintenance import clean_airflow

    paths = find_paths()
    try:
        connection = resources.get_connection(AIRFLOW)
    except NightshiftError:
        connection = None
    environ = {
        "AIRFLOW_HOME": str(paths.airflow),
        "AIRFLOW_CONFIG": str(paths.airflow / "airflow.cfg"),
        **TELEMETRY_OFF,
    }
    outcome = clean_airflow(resources, configs, run, connection, paths.logs / "tasks", environ)
    print(f"clean_airflow:\n{outcome.figures.get('table', outcome.reason)}\n")
