"""Upkeep of the whole house: what nothing points at any more goes, and what has outlived its retention."""

from include.steps.upkeep.airflow import clean_airflow
from include.steps.upkeep.retention import apply_retention
from include.steps.upkeep.run import Upkeep, begin_upkeep
from include.steps.upkeep.survey import survey
from include.steps.upkeep.sweep import sweep_orphans
from include.steps.upkeep.telling import format_lines

__all__ = [
    "Upkeep",
    "apply_retention",
    "begin_upkeep",
    "clean_airflow",
    "format_lines",
    "survey",
    "sweep_orphans",
]
