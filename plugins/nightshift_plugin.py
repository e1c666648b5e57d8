"""Registers Nightshift with Airflow where the package is not installed, and so has no entry point to do it."""

import sys
from importlib.metadata import entry_points
from pathlib import Path

if not any(entry.name == "nightshift" for entry in entry_points(group="airflow.plugins")):
    # Plain Airflow puts plugins/ on sys.path, but not include/.
    include = str(Path(__file__).resolve().parents[1] / "include")
    if include not in sys.path:
        sys.path.insert(0, include)
    from nightshift.airflow_plugin import NightshiftPlugin

    __all__ = ["NightshiftPlugin"]
