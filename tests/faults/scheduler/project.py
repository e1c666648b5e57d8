"""A copy of the project with one cheap pipeline, with failpoints, and with retries that come at once."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from include.local.paths import PROJECT_ROOT

PIPELINE = "visits"
ROWS, LATE_ROWS = 200, 7
START = date(2026, 1, 1)
HERE = Path(__file__).parent
SPEC: dict[str, Any] = {
    "title": "Visits of the fault tests",
    "start": START,
    "task": "classification",
    "simulated": True,
    "source": {
        "kind": "python",
        "function": "source.py:read_visits",
        "params": {"scenario": "calm", "rows": ROWS},
        "choices": {"scenario": ["calm", "bad"]},
    },
    "columns": {"visit": "integer", "shop": "text", "spent": "number", "returned": "integer"},
    "keys": ["visit"],
    "label": {"column": "returned", "available_after": 1},
    "features": {"numeric": ["spent"], "categorical": ["shop"]},
    "training": {
        "metric": "roc_auc",
        "window": 6,
        "holdout": 2,
        "folds": 2,
        "trials": 1,
        "estimators": [{"kind": "logistic"}],
        "calibrate": "none",
    },
    "gate": {"floor": 0.55, "min_rows": 50, "resamples": 200},
}
SUITE = {
    "max_quarantined_share": 0.1,
    "rows": [{"expect_column_values_to_be_between": {"column": "spent", "min_value": 0, "max_value": 1000}}],
    "batch": [{"expect_table_row_count_to_be_between": {"min_value": 10}}],
}
# Airflow computes the wait from these; the tests kill often and have no night to spend.
RETRIES = ('"retries": 4', '"retries": 12'), ("timedelta(seconds=5)", "timedelta(seconds=1)"), (
    '"retry_exponential_backoff": 4.0', '"retry_exponential_backoff": 1.0'
)  # fmt: skip


def copy_project(root: Path) -> None:
    """What Airflow needs of the project, with this pipeline alone."""
    for name in ("dags", "include", "plugins"):
        skipped = shutil.ignore_patterns("__pycache__", "churn", "flights", "bikes", "metro")
        shutil.copytree(PROJECT_ROOT / name, root / name, ignore=skipped)
    shutil.copy(PROJECT_ROOT / "airflow_settings.yaml", root)
    folder = root / "include" / "pipelines" / PIPELINE
    (folder / "late").mkdir(parents=True)
    shutil.copy(HERE / "source.py", folder)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(SPEC, sort_keys=False))
    (folder / "expectations.yaml").write_text(yaml.safe_dump(SUITE, sort_keys=False))
    shutil.copy(HERE / "failpoints.py", root)
    with (root / "dags" / "nightshift_root.py").open("a") as file:
        file.write("\nimport failpoints\n\nfailpoints.install()\n")
    _retry_soon(root / "include" / "orchestration" / "describing.py")


def _retry_soon(file: Path) -> None:
    text = file.read_text()
    for old, new in RETRIES:
        assert text.count(old) == 1, f"{file} no longer holds {old}"
        text = text.replace(old, new)
    file.write_text(text)
