"""A copy of the project with one cheap pipeline, with failpoints, and with retries that come at once."""

import shutil
from pathlib import Path
from typing import Any

from benchmarks.stack import site, small

PIPELINE = "visits"
START = small.START
ROWS, LATE_ROWS = 200, 7
HERE = Path(__file__).parent
SPEC: dict[str, Any] = {
    **small.SPEC,
    "title": "Visits of the fault tests",
    "source": {
        "kind": "python",
        "function": "source.py:read_visits",
        "params": {"scenario": "calm", "rows": ROWS},
        "choices": {"scenario": ["calm", "bad"]},
    },
    "training": {**small.SPEC["training"], "window_days": 6, "holdout_days": 2},
}
# Airflow computes the wait from these; the tests kill often and have no night to spend.
RETRIES = ('"retries": 4', '"retries": 12'), ("timedelta(seconds=5)", "timedelta(seconds=1)"), (
    '"retry_exponential_backoff": 4.0', '"retry_exponential_backoff": 1.0'
)  # fmt: skip


def copy_project(root: Path) -> None:
    """What Airflow needs of the project, with this pipeline alone."""
    site.copy_project(root)
    folder = root / "include" / "pipelines" / PIPELINE
    small.write_pipeline(folder, SPEC, HERE / "source.py")
    (folder / "late").mkdir()
    shutil.copy(HERE / "failpoints.py", root)
    with (root / "dags" / "nightshift_path.py").open("a") as file:
        file.write("\nimport failpoints\n\nfailpoints.install()\n")
    _retry_soon(root / "include" / "nightshift" / "orchestration" / "dag_defaults.py")


def _retry_soon(file: Path) -> None:
    text = file.read_text()
    for old, new in RETRIES:
        assert text.count(old) == 1, f"{file} no longer holds {old}"
        text = text.replace(old, new)
    file.write_text(text)
