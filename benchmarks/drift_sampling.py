"""Whether the bounded sample gives the verdict of all rows, and what a drift run costs as the window grows.

(a) A grid of no, small and clear shifts of columns of several shapes: the verdict on samples of at most
drift.sample_rows rows against Evidently's on all of them. (b) `compare_windows` on windows of 100 thousand and of 10
million rows, each in a fresh process on an embedded PostgreSQL and a folder lake, with the samples that ingest stores
and without them. (c) How often a world that stands still is said to have moved, with and without effects of days.
Prints Markdown tables.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from include.config.drift import Drift
from include.config.loading import load_pipeline
from include.core.drift import Kind
from include.core.drift_columns import judge_column
from include.core.drift_noise import Noise, find_reach, measure_numbers
from include.core.feature_schema import make_feature_schema
from include.core.training import sample_rows
from include.io.lake import make_attempt_id, make_key
from include.io.lake_folder import FolderLake
from include.io.ledger import Attempt, NewEntry, write_entry
from include.io.resources import Resources
from include.io.tables import store_table
from include.io.warehouse import migrate_warehouse, open_warehouse
from include.local.paths import PROJECT_ROOT, Paths
from include.local.postgres import start_postgres, stop_postgres
from include.steps.drift.columns import measure_distance
from include.steps.drift.compare import compare_windows
from include.steps.samples import SAMPLE
from tests.integration.kit import World, make_connection, refuse_connection
from tests.unit.pipelines import make_spec, write_pipeline

ALL_ROWS, NIGHTS, WINDOW = 200_000, 50, 3
NUMERIC, CATEGORICAL = 12, 4
FIRST, LEARNED = date(2026, 1, 1), 10
SHAPES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda generator, count: generator.normal(size=count),
    "lognormal": lambda generator, count: generator.lognormal(size=count),
    "heavy tailed (t, 3 degrees)": lambda generator, count: generator.standard_t(3, count),
    "discrete (Poisson, 2)": lambda generator, count: generator.poisson(2, count).astype("float64"),
}
# In standard deviations; for categories the share of rows that move to the first one.
SHIFTS = {"none": (0.0,), "small": (0.04,), "clear": (0.3, 0.5, 1.0)}
MOVES = {"none": (0.0,), "small": (0.02,), "clear": (0.4, 0.6, 0.8)}
LEVELS = {"6 categories": 6, "50 categories, skewed": 50}


def draw_numbers(shape: str, shift: float, seed: int) -> tuple[pd.Series, pd.Series]:
    """Reference and window with all their rows."""
    generator = np.random.default_rng([seed, len(shape)])
    reference, current = (SHAPES[shape](generator, ALL_ROWS) for _ in range(2))
    moved = np.round(shift / np.std(reference)) if "discrete" in shape and shift >= 1 else shift * np.std(reference)
    return pd.Series(reference), pd.Series(current + moved)


def draw_categories(levels: int, share: float, seed: int) -> tuple[pd.Series, pd.Series]:
    """Reference and window with all their rows."""
    generator = np.random.default_rng([seed, levels])
    chances = np.ones(levels) if levels < 10 else 1 / np.arange(1, levels + 1)
    names = np.array([f"level {number}" for number in range(levels)])
    reference, current = (generator.choice(levels, ALL_ROWS, p=chances / chances.sum()) for _ in range(2))
    current[generator.random(ALL_ROWS) < share] = 0
    return pd.Series(names[reference]), pd.Series(names[current])


def judge_sample(kind: Kind, reference: pd.Series, current: pd.Series, limits: Drift, seed: int) -> bool:
    """The verdict on bounded samples of both sides."""
    chosen, other = (
        sample_rows(len(side), limits.sample_rows, seed + n) for n, side in enumerate((reference, current))
    )
    nights = (np.arange(len(reference)) * NIGHTS // len(reference)).astype("datetime64[D]")[chosen]
    noise = Noise(len(chosen), nights, WINDOW, len(other), len(chosen), seed)
    then, now = reference.iloc[chosen], current.iloc[other]
    return bool(judge_column("x", kind, measure_distance(kind, then, now), 1.0, then, now, noise, limits).drifted)


def count_agreement(seeds: int) -> list[dict[str, Any]]:
    """One line per shape and size of the shift."""
    grid: list[tuple[str, Kind, str, float]] = [
        (shape, "numeric", size, shift) for shape in SHAPES for size, shifts in SHIFTS.items() for shift in shifts
    ]
    grid += [(name, "categorical", size, move) for name in LEVELS for size, moves in MOVES.items() for move in moves]
    limits, lines = Drift(), []
    for shape, kind, size, shift in grid:
        agreed, moved, distances = 0, 0, []
        for seed in range(seeds):
            drawn = (
                draw_numbers(shape, shift, seed) if kind == "numeric" else draw_categories(LEVELS[shape], shift, seed)
            )
            distances.append(measure_distance(kind, *drawn))
            verdict = judge_sample(kind, *drawn, limits, seed)
            moved += verdict
            agreed += verdict == (distances[-1] >= limits.column_limit)
        line = {"column": shape, "shift": f"{size} ({shift:g})", "distance of all rows": float(np.mean(distances))}
        lines.append({**line, "said to have moved": moved, "agreed": agreed, "cases": seeds})
        print(line, agreed, file=sys.stderr)
    return lines


def draw_days(seed: int, nights: int, rows: int, day: float, kept: float) -> np.ndarray:
    """Normal rows, shape (nights, rows), around a level of each day: `day` is its deviation, `kept` its memory."""
    generator = np.random.default_rng(seed)
    level = np.zeros(nights)
    for night, fresh in enumerate(generator.normal(size=nights)):
        level[night] = kept * level[night - 1] + np.sqrt(1 - kept**2) * fresh
    return np.asarray(generator.normal(size=(nights, rows)) + day * level[:, None])


def count_alarms(seeds: int) -> list[dict[str, Any]]:
    """Worlds that stand still, and shifted ones: how often the distance alone and how often the verdict says moved."""
    lines = []
    for nights, window, rows in ((50, 3, 24), (300, 14, 24), (50, 7, 900)):
        for day, kept in ((0.0, 0.0), (0.3, 0.0), (0.3, 0.7)):
            line = {
                "reference nights": nights,
                "window": window,
                "rows a night": rows,
                "day effect": day,
                "memory": kept,
            }
            for shift in (0.0, 0.5):
                found = [judge_days(seed, nights, window, rows, day, kept, shift) for seed in range(seeds)]
                raw, said = np.mean(found, axis=0)
                line |= {
                    f"distance beyond 0.1, shift {shift:g}": f"{raw:.0%}",
                    f"moved, shift {shift:g}": f"{said:.0%}",
                }
            lines.append(line)
            print(line, file=sys.stderr)
    return lines


def judge_days(
    seed: int, nights: int, window: int, rows: int, day: float, kept: float, shift: float
) -> tuple[bool, bool]:
    """Whether the distance reaches the limit, and whether it exceeds chance as well."""
    limits, drawn = Drift(), draw_days(seed, nights + window, rows, day, kept)
    chosen = sample_rows(nights * rows, limits.sample_rows, seed)
    reference, current = drawn[:nights].ravel()[chosen], drawn[nights:].ravel() + shift
    of_night = np.repeat(np.arange(nights).astype("datetime64[D]"), rows)[chosen]
    if measure_distance("numeric", pd.Series(reference), pd.Series(current)) < limits.column_limit:
        return False, False
    noise = Noise(len(reference), of_night, window, len(current), len(reference), seed)
    pooled = noise.pool(pd.Series(reference), pd.Series(current)).to_numpy()
    reach = find_reach(measure_numbers(pooled), noise)
    return True, measure_distance("numeric", pd.Series(reference), pd.Series(current)) > reach


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
            "label": {"column": "y", "available_after": 1},
            "known_afterwards": [],
            "features": {"numeric": numeric, "categorical": categorical},
            "training": {"metric": "roc_auc", "window": 10, "holdout": 2, "trials": 1, "folds": 2,
                         "estimators": [{"kind": "hist_gradient_boosting"}]},
            "gate.min_rows": 50,
            "drift": {"window": 5},
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
    command = [sys.executable, "-m", "benchmarks.drift_sampling", "--once", str(folder), str(home), str(as_of)]
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


def write_table(lines: Sequence[dict[str, Any]]) -> str:
    """As Markdown."""
    rows = [list(lines[0]), ["---"] * len(lines[0])]
    rows += [[f"{value:.3g}" if isinstance(value, float) else str(value) for value in line.values()] for line in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="cases per line of the grid")
    parser.add_argument("--repeats", type=int, default=3, help="processes per line of the costs")
    parser.add_argument("--only", choices=["agreement", "costs", "alarms"])
    parser.add_argument("--once", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        folder, home, as_of, reports = arguments.once
        run_once(Path(folder), Path(home), date.fromisoformat(as_of), reports == "1")
        return
    if arguments.only in (None, "agreement"):
        lines = count_agreement(arguments.seeds)
        agreed, cases = sum(line["agreed"] for line in lines), sum(line["cases"] for line in lines)
        print(write_table(lines), f"Agreed: {agreed} of {cases} ({agreed / cases:.2%})", sep="\n\n", end="\n\n")
    if arguments.only in (None, "costs"):
        print(write_table(measure_costs(arguments.repeats)), end="\n\n")
    if arguments.only in (None, "alarms"):
        print(write_table(count_alarms(arguments.seeds * 6)))


if __name__ == "__main__":
    main()
