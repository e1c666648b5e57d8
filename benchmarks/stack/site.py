"""A copy of the project with pipelines of the benchmark's own, and its whole stack; all of it gone afterwards."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from nightshift.config.project import PROJECT_ROOT
from nightshift.io.resources import Resources
from nightshift.local.paths import Paths
from nightshift.local.ports import find_free_port
from nightshift.local.postgres import stop_postgres
from nightshift.local.resources import open_local_resources
from nightshift.local.rest import AirflowClient
from nightshift.local.stack import read_processes, start_stack, stop_stack

# Airflow's own metrics, kept by statsd.py of this folder.
METRICS = {"AIRFLOW__METRICS__STATSD_ON": "True"}


@dataclass(frozen=True)
class Site:
    """The running stack; where Airflow's metrics are kept; when its components were started."""

    paths: Paths
    resources: Resources
    client: AirflowClient
    metrics: Path
    began: float

    @property
    def pipelines(self) -> Path:
        """The copy's pipelines."""
        return self.paths.root / "include" / "pipelines"

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query to the warehouse."""
        with self.resources.warehouse.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def read_metric(self, name: str, since: float = 0.0) -> list[tuple[float, str, float]]:
        """When, which and how much, of the metrics whose name holds `name`."""
        lines = self.metrics.read_text().splitlines() if self.metrics.exists() else []
        found = [(float(when), stat, float(value)) for when, stat, value in (line.split() for line in lines)]
        return [entry for entry in found if name in entry[1] and entry[0] >= since]

    def read_cpu(self, component: str) -> tuple[float, float]:
        """Seconds of CPU that a component and its ended children have used: nearly the same on a busy machine."""
        found = next(started for started in read_processes(self.paths) if started.name == component)
        used = psutil.Process(found.pid).cpu_times()
        return used.user + used.system, used.children_user + used.children_system

    def read_memory(self) -> dict[str, float]:
        """MiB of each component with its children (USS: what would be free without it)."""
        found: dict[str, float] = {}
        for started in read_processes(self.paths):
            process = psutil.Process(started.pid)
            family = [process, *process.children(recursive=True)]
            found[started.name] = round(sum(map(_read_own, family)) / 2**20)
        return found


@contextmanager
def open_site(
    write: Callable[[Path], None],
    prepare: Callable[[Path, Resources], None],
    settings: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """`write` puts pipelines into a folder, `prepare` what they need into the house, before Airflow starts."""
    # Where PostgreSQL's own user may enter, too.
    home = Path(tempfile.mkdtemp(prefix="nightshift-bench-"))
    paths, metrics = Paths(home / "project", home), home / "metrics"
    before = dict(os.environ)
    os.environ.update({"NIGHTSHIFT_HOME": str(home), "BENCH_METRICS": str(metrics), **METRICS, **(settings or {})})
    try:
        copy_project(paths.root)
        shutil.copy(Path(__file__).with_name("statsd.py"), paths.root)
        write(paths.root / "include" / "pipelines")
        resources = open_local_resources(migrate=True)
        prepare(paths.root / "include" / "pipelines", resources)
        # Far from each other: two benchmarks that start at once would find the same port free.
        stack = start_stack(paths=paths, port=find_free_port(20000 + os.getpid() % 10000))
        began = min(psutil.Process(started.pid).create_time() for started in read_processes(paths))
        yield Site(paths, resources, stack.make_client(), metrics, began)
        resources.warehouse.engine.dispose()
    finally:
        stop_stack(paths=paths)
        stop_postgres(paths)
        shutil.rmtree(home, ignore_errors=True)
        os.environ.clear()
        os.environ.update(before)


def _read_own(process: psutil.Process) -> int:
    """Bytes that no other process shares; 0 where it has just ended."""
    try:
        return int(process.memory_full_info().uss)
    except psutil.NoSuchProcess:
        return 0


def copy_project(root: Path) -> None:
    """What Airflow needs of the project, without its pipelines."""
    pipelines = PROJECT_ROOT / "include" / "pipelines"
    own = [path.name for path in pipelines.iterdir() if path.is_dir()]
    for name in ("dags", "include", "plugins"):
        shutil.copytree(PROJECT_ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", *own))
    shutil.copy(PROJECT_ROOT / "airflow_settings.yaml", root)


def wait_until(done: Callable[[], bool], seconds: float, what: str, every: float = 0.5) -> float:
    """Seconds until `done`; TimeoutError after `seconds`."""
    start = time.monotonic()
    while not done():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"{what}: not after {seconds:.0f} s")
        time.sleep(every)
    return time.monotonic() - start
