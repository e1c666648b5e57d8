"""One night through the real scheduler, beside a plain script that does the same work in one process, in turn."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.performance.compare import sum_up_parts
from benchmarks.performance.house import NIGHT, dump_champion, train_champion, write_night
from benchmarks.performance.one_step import PIPELINES
from benchmarks.performance.shapes import load_shape
from benchmarks.stack.site import Site, open_site, wait_until
from nightshift.config.loading import load_pipeline
from nightshift.config.project import PROJECT_ROOT
from nightshift.io.resources import Resources
from nightshift.local.rest import AirflowUnreachable

SHAPE = "plain"
STEPS = {"ingest": ("extract", "validate", "build_features"), "score": ("score", "publish")}
CHECKS, CHECK_SECONDS = 30, 60
# Enough for the way that a large night takes.
WARM_ROWS = 100_000


def measure_night(rows: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Median seconds of both, and of each task between its start and its end."""
    nights: list[dict[str, Any]] = []
    scripts: list[float] = []
    with open_site(_write, _prepare) as site:
        for kind in STEPS:
            site.client.wait_dag(f"{SHAPE}_{kind}")
            site.client.unpause(f"{SHAPE}_{kind}")
        write_night(load_shape(SHAPE), NIGHT, WARM_ROWS)
        _run_night(site, NIGHT)
        for number in range(1, rounds + 1):
            night = NIGHT + timedelta(days=number)
            file = write_night(load_shape(SHAPE), night, rows)
            nights.append(_run_night(site, night))
            say(f"night {night}: {nights[-1]}")
            scripts.append(_run_script(site, file, night))
            say(f"script: {scripts[-1]:.1f} s")
            file.unlink()
    steps = {step: statistics.median(night["steps"][step] for night in nights) for step in nights[0]["steps"]}
    seconds = sum_up_parts({"scheduler": [night["seconds"] for night in nights], "script": scripts})
    return {"rows": rows, "rounds": rounds, "seconds": seconds, "tasks": len(steps), "steps": steps}


def _write(folder: Path) -> None:
    shutil.copytree(PIPELINES / SHAPE, folder / SHAPE)
    os.environ["NIGHTSHIFT_DATA"] = str(folder.parents[2] / "data")


def _prepare(folder: Path, resources: Resources) -> None:
    config = load_pipeline(folder / SHAPE)
    train_champion(config, resources)
    dump_champion(config, resources, folder.parents[2] / "model.joblib")


def _run_night(site: Site, night: date) -> dict[str, Any]:
    """From the trigger of the ingest to the end of `publish`: when the rows are visible."""
    asked = time.time()
    site.client.trigger_run(f"{SHAPE}_ingest", str(night))
    _wait_published(site, night)
    time.sleep(3)  # `publish` tells Airflow that it has ended.
    tasks = {
        task["task_id"]: task
        for kind, run in _list_runs(site, night)
        for task in site.client.list_task_instances(f"{SHAPE}_{kind}", run["dag_run_id"])
    }
    seconds = _read_time(tasks["publish"]["end_date"]) - asked
    steps = {step: round(tasks[step]["duration"], 1) for names in STEPS.values() for step in names}
    return {"seconds": round(seconds, 1), "steps": steps}


def _wait_published(site: Site, night: date) -> None:
    """RuntimeError where a run fails. Airflow is seldom asked, since that takes time from what is measured."""
    query = "select 1 from ml.ledger where pipeline = :name and kind = 'scores' and partition_date = :night"
    for _ in range(CHECKS):
        with suppress(TimeoutError):
            wait_until(lambda: bool(site.ask(query, name=SHAPE, night=night)), CHECK_SECONDS, f"the night {night}")
            return
        with suppress(AirflowUnreachable):
            failed = [kind for kind, run in _list_runs(site, night) if run["state"] == "failed"]
            if failed:
                raise RuntimeError(f"{SHAPE}_{failed[0]} of {night} has failed")
    raise TimeoutError(f"the night {night}: not after {CHECKS * CHECK_SECONDS} s")


def _list_runs(site: Site, night: date) -> list[tuple[str, dict[str, Any]]]:
    return [(kind, run) for kind in STEPS for run in site.client.list_runs(f"{SHAPE}_{kind}", str(night))]


def _read_time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _run_script(site: Site, file: Path, night: date) -> float:
    socket = site.resources.warehouse.engine.url.query["host"]
    script = Path(__file__).with_name("night_script.py")
    command = [sys.executable, "-W", "ignore", str(script), str(file), str(night), str(site.paths.home), str(socket)]
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=PROJECT_ROOT, env=os.environ | {"PYTHONPATH": ""}, capture_output=True)
    return time.perf_counter() - start
