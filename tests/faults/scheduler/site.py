"""Starts the stack that the fault tests break, and takes it down."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from nightshift.config.loading import load_pipeline
from nightshift.local.airflow import PRELOADED, load_secrets, make_environ
from nightshift.local.paths import Paths, read_json
from nightshift.local.ports import find_free_port
from nightshift.local.postgres import start_postgres
from nightshift.local.processes import Started, start_detached
from nightshift.local.resources import open_local_resources
from nightshift.local.stack import COMPONENTS, start_stack, stop_stack
from nightshift.steps import runs
from tests.e2e.kit import House
from tests.faults.scheduler.kit import Site, ignore
from tests.faults.scheduler.project import PIPELINE, START, copy_project

# Nobody edits a step meanwhile, so tasks are forked with our own modules loaded as well: a thousand of them run.
OURS = (
    "orchestration.tasks.ingest", "orchestration.tasks.score", "orchestration.tasks.alerts", "io.resources",
    "steps.ingest.extract", "steps.ingest.validate", "steps.ingest.build_features", "steps.score.score",
    "steps.score.publish", "steps.alerts",
)  # fmt: skip
# A killed supervisor is noticed sooner than at night, and more tasks run at a time. Nobody edits a DAG either.
SETTINGS = {
    "SCHEDULER__MP_FORKSERVER_PRELOAD": ",".join((*PRELOADED, *(f"nightshift.{name}" for name in OURS))),
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "CORE__PARALLELISM": "6",
    "CORE__MAX_ACTIVE_TASKS_PER_DAG": "32",
    "CORE__MAX_ACTIVE_RUNS_PER_DAG": "64",
    "DAG_PROCESSOR__REFRESH_INTERVAL": "3600",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
}
# Several of these may start at once, so each process looks for a port in another range.
FIRST_PORT = 18180 + 60 * (os.getpid() % 200)
LEARNED = [START + timedelta(days=number) for number in range(6)]


@contextlib.contextmanager
def open_site(
    parallelism: int = 6, make_more: Callable[[Paths], Mapping[str, str]] = lambda paths: {}
) -> Iterator[Site]:
    """Six nights came in, version 1 is the champion, all DAGs are there; gone afterwards.

    `make_more` prepares what else the stack needs, and returns its variables.
    """
    # Not pytest's folders: as root PostgreSQL runs as another user, who may not enter them.
    home = Path(tempfile.mkdtemp(prefix="nightshift-faults-"))
    paths = Paths(home / "project", home)
    failpoints = home / "failpoints"
    failpoints.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:
            patch.delenv(name)
        for name, value in {**SETTINGS, "CORE__PARALLELISM": str(parallelism)}.items():
            patch.setenv(f"AIRFLOW__{name}", value)
        patch.setenv("NIGHTSHIFT_HOME", str(home))
        patch.setenv("NIGHTSHIFT_FAILPOINTS", str(failpoints))
        try:
            copy_project(paths.root)
            for name, value in make_more(paths).items():
                patch.setenv(name, value)
            resources = open_local_resources(migrate=True)
            config = load_pipeline(paths.root / "include" / "pipelines" / PIPELINE)
            stack = start_stack(paths=paths, port=find_free_port(FIRST_PORT))
            site = Site(House(stack, stack.make_client(), resources, paths.root), paths, config, failpoints)
            _prepare(site)
            yield site
            resources.warehouse.engine.dispose()
        finally:
            stop_stack(paths=paths)
            shutil.rmtree(home)


def _prepare(site: Site) -> None:
    for night in LEARNED:
        site.learn("ingest", night)
    request = runs.TrainingRequest(as_of=LEARNED[-1], run_id="first", requested_by="tests")
    assert runs.run_train(site.config, site.house.resources, request, ignore).figures["promoted"]
    site.learn("score", LEARNED[-1])
    for kind in ("ingest", "score", "train"):
        site.house.client.wait_dag(f"{PIPELINE}_{kind}")
        site.house.client.unpause(f"{PIPELINE}_{kind}")


def start_scheduler(site: Site) -> Started:
    """Another scheduler of the same Airflow, beside the stack's own; for `stop_gently`."""
    port = int(read_json(site.paths.stack)["url"].rpartition(":")[2])
    environ = make_environ(site.paths, start_postgres(site.paths), port, load_secrets(site.paths), os.environ)
    command = [sys.executable, "-m", "airflow", *COMPONENTS["scheduler"]]
    return start_detached("scheduler-2", command, environ, site.paths.logs / "scheduler-2.log", site.paths.root)
