"""Cost and memory against rows: each number of rows is scored and published by a fresh process.

`python -m benchmarks.performance.growth HOME SOCKET SHAPE NIGHT` is that process. Its peak is the system's own account
(VmHWM), so it includes the libraries; `loaded_mib` is what they take before the first row.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.performance.house import NIGHT, Bench, prepare_night
from include.config.pipeline import PipelineConfig
from include.config.project import PROJECT_ROOT


def measure_growth(
    bench: Bench, config: PipelineConfig, rows: Sequence[int], rounds: int, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """For each number of rows: the median seconds and the largest peak of `rounds` fresh processes, in turn."""
    nights = {count: NIGHT + timedelta(days=number) for number, count in enumerate(rows, 1)}
    for count, night in nights.items():
        prepare_night(bench, config, count, night)
    found: dict[int, list[dict[str, float]]] = {count: [] for count in rows}
    for _ in range(rounds):
        for count, night in nights.items():
            found[count].append(_run_fresh(bench, config.name, night))
            say(f"{count:,} rows: {found[count][-1]}")
    return [
        {
            "rows": count,
            "seconds": statistics.median(run["seconds"] for run in runs),
            "rows_per_second": round(count / statistics.median(run["seconds"] for run in runs)),
            "peak_mib": max(run["peak_mib"] for run in runs),
            "loaded_mib": statistics.median(run["loaded_mib"] for run in runs),
        }
        for count, runs in found.items()
    ]


def _run_fresh(bench: Bench, shape: str, night: date) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.performance.growth"]
    command += [str(bench.paths.home), bench.socket, shape, str(night)]
    environ = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT_ROOT, env=environ)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def read_mib(field: str) -> float:
    """VmHWM (the peak so far) or VmRSS (now) of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def main() -> None:
    """Score and publish one night; one JSON line."""
    from benchmarks.performance.house import connect
    from benchmarks.performance.shapes import load_shape
    from include.steps.publish import publish_scores
    from include.steps.score import score_partition

    home, socket, shape, night = Path(sys.argv[1]), sys.argv[2], sys.argv[3], date.fromisoformat(sys.argv[4])
    config, resources = load_shape(shape), connect(home, socket)
    loaded, start = read_mib("VmRSS"), time.perf_counter()
    publish_scores(config, resources, night, score_partition(config, resources, night).figures)
    seconds = round(time.perf_counter() - start, 3)
    print(json.dumps({"seconds": seconds, "peak_mib": read_mib("VmHWM"), "loaded_mib": loaded}))


if __name__ == "__main__":
    main()
