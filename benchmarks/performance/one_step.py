"""A process that runs one step of one night: `python -m benchmarks.performance.one_step HOME SOCKET SHAPE NIGHT STEP`.

On stdin it gets what the step before has found. It imports no more than a task needs. Its peak is the system's own
account (VmHWM), so it includes the libraries; `loaded_mib` is what they take before the first row.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from nightshift.config.airflow.connections import WAREHOUSE, ConnectionSpec
from nightshift.config.loading import load_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.io.lake.base import ObjectRef
from nightshift.io.lake.folder import FolderLake
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import open_warehouse
from nightshift.local.postgres import PORT
from nightshift.local.postgres_files import SUPERUSER
from nightshift.local.resources import find_connections
from nightshift.steps.handover import Scored, take
from nightshift.steps.outcome import Outcome

PIPELINES = Path(__file__).parents[1] / "pipelines"
Step = Callable[[PipelineConfig, Resources, date, dict[str, Any]], Outcome]


def connect(home: Path, socket: str) -> Resources:
    """The io objects of the benchmark's server and lake."""
    spec = ConnectionSpec(WAREHOUSE, "postgres", socket, SUPERUSER, port=PORT, schema="warehouse")
    return Resources(open_warehouse(spec), FolderLake(home / "lake"), find_connections())


def read_mib(field: str) -> float:
    """VmHWM (the peak so far) or VmRSS (now) of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def load_step(name: str) -> Step:
    """Import the step, as `nightshift.steps.runs` chains it."""
    if name == "extract":
        from nightshift.steps.ingest.extract import extract_partition

        return lambda config, resources, night, found: extract_partition(config, resources, night)
    if name == "validate":
        from nightshift.steps.ingest.validate import validate_partition

        return lambda config, resources, night, found: validate_partition(
            config, resources, night, ObjectRef.from_record(found["raw"])
        )
    if name == "build_features":
        from nightshift.steps.ingest.build_features import build_partition_features

        return lambda config, resources, night, found: build_partition_features(
            config, resources, night, ObjectRef.from_record(found["valid"])
        )
    if name == "score":
        from nightshift.steps.score.score import score_partition

        return lambda config, resources, night, found: score_partition(config, resources, night)
    if name == "publish":
        from nightshift.steps.score.publish import publish_scores

        return lambda config, resources, night, found: publish_scores(config, resources, night, take(Scored, found))
    if name == "compare":
        from nightshift.steps.drift.compare import compare_windows

        return lambda config, resources, night, found: compare_windows(config, resources, night)
    from nightshift.steps.drift.measure import measure_performance

    # The day on which the night's outcomes are known.
    return lambda config, resources, night, found: measure_performance(
        config, resources, night + timedelta(days=config.spec.label.available_after_days)
    )


def main() -> None:
    """One step of one night; one JSON line."""
    home, socket, shape, day, name = sys.argv[1:]
    known = json.load(sys.stdin)
    step, config, resources = load_step(name), load_pipeline(PIPELINES / shape), connect(Path(home), socket)
    loaded, start = read_mib("VmRSS"), time.perf_counter()
    outcome = step(config, resources, date.fromisoformat(day), known)
    seconds = round(time.perf_counter() - start, 3)
    if outcome.status != "done":
        raise RuntimeError(f"{name}: {outcome}")
    found = {"seconds": seconds, "peak_mib": read_mib("VmHWM"), "loaded_mib": loaded, "figures": outcome.figures}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
