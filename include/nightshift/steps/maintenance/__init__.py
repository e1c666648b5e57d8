"""Maintenance of all pipelines: what nothing points at any more goes, and what has outlived its retention."""

from nightshift.steps.maintenance.airflow import clean_airflow
from nightshift.steps.maintenance.garbage import collect_garbage
from nightshift.steps.maintenance.report import format_lines
from nightshift.steps.maintenance.retention import apply_retention
from nightshift.steps.maintenance.run import MaintenanceRun, begin_maintenance
from nightshift.steps.maintenance.survey import survey

__all__ = [
    "MaintenanceRun",
    "apply_retention",
    "begin_maintenance",
    "clean_airflow",
    "collect_garbage",
    "format_lines",
    "survey",
]
