"""Where the project is."""

from pathlib import Path

# Relative paths in airflow_settings.yaml and pipeline.yaml start here.
PROJECT_ROOT = Path(__file__).resolve().parents[2]
