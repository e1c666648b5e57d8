"""Cost and memory against rows: each step of a night of so many rows runs in a fresh process, as a task does."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from benchmarks.performance.compare import sum_up_parts
from benchmarks.performance.house import Bench, settle, write_night
from benchmarks.performance.report import STEPS
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import IMPORT_PATH, PROJECT_ROOT

# Every number of rows, in every round, is a night of its own, and too far from the others to be compared with them.
FIRST, APART = date(2027, 1, 1), timedelta(days=60)
Figures = dict[str, Any]


def measure_growth(
    bench: Bench, config: PipelineConfig, rows: Sequence[int], rounds: int, say: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """For each number of rows: of every step the seconds and the peaks of `rounds` fresh processes."""
    for place, count in enumerate(rows):
        nights = [FIRST + (place * rounds + number) * APART for number in range(rounds)]
        file = write_night(config, nights[0], count)
        runs = []
        for night in nights:
            # Another name for the same rows.
            file = file.rename(file.with_name(f"{night}.parquet"))
            runs.append(_run_night(bench, config, night))
            say(f"{config.name}, {count:,} rows: {_show(runs[-1])}")
        file.unlink()
        yield {"rows": count, "steps": {step: _sum_up([run[step] for run in runs]) for step in STEPS}}


def _run_night(bench: Bench, config: PipelineConfig, night: date) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    figures: Figures = {}
    for step in STEPS:
        settle(bench)
        result = _run_fresh(bench, config.name, night, step, figures)
        figures = result.pop("figures")
        found[step] = result
    for folder in (bench.paths.home / "lake").glob(f"*/{config.name}/{night}"):
        shutil.rmtree(folder)
    return found


def _run_fresh(bench: Bench, shape: str, night: date, step: str, figures: Figures) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.performance.one_step"]
    command += [str(bench.paths.home), bench.socket, shape, str(night), step]
    environ = os.environ | {"PYTHONPATH": str(IMPORT_PATH)}
    known = json.dumps(figures)
    done = subprocess.run(
        command, input=known, check=False, capture_output=True, text=True, cwd=PROJECT_ROOT, env=environ
    )
    if done.returncode:
        raise RuntimeError(f"{shape} {night}, {step}: ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _sum_up(runs: Sequence[dict[str, float]]) -> dict[str, Any]:
    seconds = sum_up_parts({"seconds": [run["seconds"] for run in runs]})["seconds"]
    peak, loaded = (max(run[name] for run in runs) for name in ("peak_mib", "loaded_mib"))
    return {**seconds, "peak_mib": peak, "loaded_mib": loaded}


def _show(run: dict[str, dict[str, float]]) -> str:
    return ", ".join(f"{step} {found['seconds']:.1f} s {found['peak_mib']:.0f} MiB" for step, found in run.items())
