"""What a drift run costs as its window grows: `python -m benchmarks.drift_sampling --only costs` prints the table.

`compare_windows` on windows of 100 thousand and of 10 million rows, each in a fresh process on an embedded PostgreSQL
and a folder lake, with the samples that ingest stores and without them.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from nightshift.config.loading import load_pipeline
from nightshift.config.project import PROJECT_ROOT
from nightshift.core.features.sampling import sample_rows
from nightshift.core.features.schema import make_feature_schema
from nightshift.io.lake.base import make_attempt_id, make_key
from nightshift.io.lake.folder import FolderLake
from nightshift.io.lake.parquet import store_table
from nightshift.io.ledger.entries import Attempt, NewEntry, write_entry
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import migrate_warehouse, open_warehouse
from nightshift.local.paths import Paths
from nightshift.local.postgres import start_postgres, stop_postgres
from nightshift.steps.drift.compare import compare_windows
from nightshift.steps.ingest.samples import SAMPLE
from tests.integration.kit import World, make_connection, refuse_connection
from tests.kits.pipelines import make_spec, write_pipeline

NUMERIC, CATEGORICAL = 12, 4
FIRST, LEARNED = date(2026, 1, 1), 10


def draw_features(generator: np.random.Generator, rows: int) -> pd.DataFrame:
    """One night of the wide pipeline, as its source delivers it."""
    frame = pd.DataFrame(generator.normal(size=(rows, NUMERIC)), columns=[f"n{n}" for n in range(NUMERIC)])
    frame.insert(0, "id", np.arange(rows))
    for number in range(CATEGORICAL):
        frame[f"c{number}"] = np.array(["ash", "birch", "cedar", "elm", "fir", "oak"])[generator.integers(0, 6, rows)]
    chance = 1 / (1 + np.exp(-frame["n0"] - frame["n1"] / 2))
    return frame.assign(y=(generator.random(rows) < chance).astype(int))


def make_world(folder: Path, paths: Paths) -> World:
    """A wide pipeline with a champion, trained on a few nights of 2,000 rows."""
    numeric, categorical = [f"n{n}" for n in range(NUMERIC)], [f"c{n}" for n in range(CATEGORICAL)]
    columns = {
        "id": "integer",
        **dict.fromkeys(numeric, "number"),
        **dict.fromkeys(categorical, "text"),
        "y": "integer",
    }
    spec = make_spec(
        **{
            "source.path": f"{folder}/data/{{partition}}.csv",
            "columns": columns,
            "keys": ["id"],
            "event_time": None,
            "label": {"column": "y", "available_after_days": 1},
            "known_afterwards": [],
            "features": {"numeric": numeric, "categorical": categorical},
            "training": {"metric": "roc_auc", "window_days": 10, "holdout_days": 2, "trials": 1, "folds": 2,
                         "estimators": [{"kind": "hist_gradient_boosting"}]},
            "gate.min_rows": 50,
            "drift": {"window_days": 5},
        }
    )  # fmt: skip
    suite = {"rows": [{"expect_column_values_to_not_be_null": {"column": "id"}}]}
    (folder / "data").mkdir()
    write_pipeline(folder / "pipelines", spec, suite, "wide")
    server = start_postgres(paths)
    warehouse = open_warehouse(make_connection(server, "postgres"))
    migrate_warehouse(warehouse)
    warehouse.engine.dispose()
    world = open_again(folder, paths)
    for offset in range(LEARNED):
        night = FIRST + timedelta(days=offset)
        world.write(night, draw_features(np.random.default_rng(offset), 2000))
        assert world.ingest(night).status == "done"
    assert world.train(FIRST + timedelta(days=LEARNED - 1)).figures["promoted"]
    return world


def open_again(folder: Path, paths: Paths) -> World:
    """The world, for this process."""
    warehouse = open_warehouse(make_connection(start_postgres(paths), "postgres"))
    resources = Resources(warehouse, FolderLake(folder / "lake"), refuse_connection)
    return World(load_pipeline(folder / "pipelines" / "wide"), resources, folder / "data")


def write_window(world: World, rows: int) -> date:
    """Five nights of features with so many rows in all, as ingest leaves them; returns the last one."""
    config = world.config
    for offset in range(5):
        night, attempt = FIRST + timedelta(days=LEARNED + offset), make_attempt_id()
        frame = draw_features(np.random.default_rng([rows, offset]), rows // 5).drop(columns="y")
        table = pa.Table.from_pandas(frame, schema=make_feature_schema(config.spec), preserve_index=False)
        del frame
        ref = store_table(world.lake, make_key("features", config.name, night, attempt), table)
        chosen = table.take(sample_rows(len(table), config.spec.drift.sample_rows, 7))
        sample = store_table(world.lake, make_key("samples", config.name, night, attempt), chosen)
        params = {SAMPLE: sample.to_record()}
        entry = NewEntry("features", Attempt(attempt, 0), ref, params=params)
        with world.warehouse.begin() as connection:
            write_entry(connection, config.name, night, entry, config.config_sha256, "benchmark")
    return night


def run_once(folder: Path, home: Path, as_of: date, reports: bool) -> None:
    """In a process of its own: one drift run, its seconds and peak memory."""
    world = open_again(folder, Paths(PROJECT_ROOT, home))
    began = time.perf_counter()
    figures = compare_windows(world.config, world.resources, as_of, reports).figures
    seconds, cpu = time.perf_counter() - began, time.process_time()
    # Not getrusage: its peak begins with that of the process that started this one.
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024  # type: ignore[union-attr]
    assert figures["drifted"] is False, figures["reason"]
    print(json.dumps({"seconds": seconds, "cpu": cpu, "mib": peak, "rows": figures["current_rows"]}))


def measure_costs(repeats: int) -> list[dict[str, Any]]:
    """One line per size of the window; the best of `repeats` processes."""
    home, folder = (Path(tempfile.mkdtemp(prefix="nightshift-bench-")) for _ in range(2))
    paths, lines = Paths(PROJECT_ROOT, home), []
    try:
        world = make_world(folder, paths)
        for rows in (100_000, 10_000_000):
            as_of = write_window(world, rows)
            for sampled in (True, False):
                if not sampled:
                    world.change("update ml.ledger set params = '{}' where kind = 'features'")
                for reports in (True, False):
                    lines.append(measure_cost(folder, home, as_of, rows, sampled, reports, repeats))
                    print(lines[-1], file=sys.stderr)
    finally:
        stop_postgres(paths)
        shutil.rmtree(home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    return lines


def measure_cost(
    folder: Path, home: Path, as_of: date, rows: int, sampled: bool, reports: bool, repeats: int
) -> dict[str, Any]:
    """Seconds of the step and of the whole process, and its peak."""
    command = [sys.executable, "-m", "benchmarks.drift_costs", str(folder), str(home), str(as_of)]
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        done = subprocess.run([*command, str(int(reports))], check=True, capture_output=True, text=True)
        found.append({"process": time.perf_counter() - began, **json.loads(done.stdout.splitlines()[-1])})
    return {
        "rows": rows,
        "stored samples": sampled,
        "reports": reports,
        "seconds": min(one["seconds"] for one in found),
        "process seconds": min(one["process"] for one in found),
        "CPU seconds": min(one["cpu"] for one in found),
        "peak MiB": max(one["mib"] for one in found),
    }


if __name__ == "__main__":
    once_folder, once_home, once_as_of, once_reports = sys.argv[1:]
    run_once(Path(once_folder), Path(once_home), date.fromisoformat(once_as_of), once_reports == "1")
