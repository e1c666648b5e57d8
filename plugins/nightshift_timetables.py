"""Tells every Airflow process about Nightshift's timetable; the scheduler would refuse the DAGs otherwise."""

import sys
from pathlib import Path
from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

# Plain Airflow puts plugins/ on sys.path, but not the project root, where `include` lies.
PROJECT_ROOT = str(Path(__file__).resolve().parents[1])
if PROJECT_ROOT not in sys.path:
    sys.path.insert(0, PROJECT_ROOT)

from include.orchestration.timetables import DayBeforeTimetable  # noqa: E402


class NightshiftTimetables(AirflowPlugin):  # type: ignore[misc]  # Airflow is not type-checked
    """The timetable of ingest, train and drift."""

    name = "nightshift_timetables"
    timetables: ClassVar = [DayBeforeTimetable]
