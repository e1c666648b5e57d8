"""Airflow's own history: runs, XComs, events and task logs past their time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from nightshift.config.airflow.connections import AIRFLOW, ConnectionSpec
from nightshift.config.pipeline import PipelineConfig
from nightshift.io.ledger.retention import record_maintenance
from nightshift.io.resources import Resources
from nightshift.io.vendors.airflow_db import clean_logs, clean_tables, has_tables
from nightshift.steps.maintenance.garbage import make_figures
from nightshift.steps.maintenance.report import make_line
from nightshift.steps.maintenance.run import MaintenanceRun
from nightshift.steps.outcome import Outcome

DAYS = 90


def clean_airflow(
    resources: Resources,
    configs: Sequence[PipelineConfig],
    maintenance: MaintenanceRun,
    connection: ConnectionSpec | None,
    logs: Path,
    environ: Mapping[str, str] | None = None,
) -> Outcome:
    """Remove what Airflow itself keeps for longer than 90 days, or than an approval may wait. Nothing in a dry run.

    Skipped without a connection to Airflow's database. Figures: lines, objects, rows, bytes, table.
    """
    if connection is None:
        return Outcome("skipped", f"there is no connection {AIRFLOW!r}; run `airflow db clean` where Airflow runs")
    if not has_tables(connection):
        return Outcome("skipped", "Airflow has not run on this database yet")
    before = maintenance.now - timedelta(days=find_days(configs))
    lines = [
        make_line(None, f"airflow {table}", rows=rows)
        for table, rows in clean_tables(connection, before, maintenance.dry_run, environ).items()
        if rows
    ]
    count, size = clean_logs(logs, before, maintenance.dry_run)
    lines += [make_line(None, "airflow logs", count, 0, size)] if count else []
    with resources.warehouse.begin() as opened:
        record_maintenance(opened, maintenance.run_id, maintenance.dry_run, lines)
    return Outcome("done", figures=make_figures(lines))


def find_days(configs: Sequence[PipelineConfig]) -> int:
    """A run that waits for its approval must outlive the cleaning."""
    longest = max((config.spec.gate.approval_hours for config in configs), default=0)
    return max(DAYS, int(longest // 24) + 14)
