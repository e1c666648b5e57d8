"""What maintenance would do, before it does anything."""

from collections.abc import Sequence
from dataclasses import replace

from nightshift.config.pipeline import PipelineConfig
from nightshift.io.resources import Resources
from nightshift.steps.maintenance.garbage import collect_garbage, make_figures
from nightshift.steps.maintenance.retention import apply_retention
from nightshift.steps.maintenance.run import MaintenanceRun
from nightshift.steps.outcome import Outcome


def survey(resources: Resources, configs: Sequence[PipelineConfig], maintenance: MaintenanceRun) -> Outcome:
    """A dry run of garbage collection and retention, kept in monitoring.maintenance.

    Figures: lines, objects, bytes, table.

    What leaves the ledger today leaves the lake on a later run, so it is counted in both then, and here once.
    """
    rehearsal = replace(maintenance, dry_run=True)
    lines = []
    for step in (collect_garbage, apply_retention):
        lines += step(resources, configs, rehearsal).figures["lines"]
    return Outcome("done", figures=make_figures(lines))
