"""Two Celery workers share nights and shards; one dies in mid-task with all that it runs, the other one finishes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psutil
import pytest

from nightshift.local.paths import Paths
from nightshift.local.processes import Started
from tests.e2e.celery_kit import (
    COMPOSE,
    find_session,
    kill_machine,
    list_workers_of,
    make_worker_environ,
    prepare_celery,
    run_redis,
    run_workers,
)
from tests.faults.scheduler.kit import SUPERVISOR, Site, check_nights, kill, read_all_the_time, read_title, wait_until
from tests.faults.scheduler.project import PIPELINE, ROWS
from tests.faults.scheduler.site import open_site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
CALM, STRUCK, OTHER, SHARDED = (date(2026, 2, day) for day in (1, 2, 3, 4))
SHARDS = 4
NAMES = ("worker-1", "worker-2")


@pytest.fixture(scope="module")
def celery_site() -> Iterator[Site]:
    """A stack whose scheduler hands its tasks to Redis, and a pipeline whose nights are cut into shards."""
    with run_redis() as broker:

        def prepare(paths: Paths) -> dict[str, str]:
            file = paths.root / "include" / "pipelines" / PIPELINE / "pipeline.yaml"
            file.write_text(f"{file.read_text()}scoring:\n  shard_rows: {ROWS // SHARDS}\n")
            return prepare_celery(paths, broker)

        with open_site(make_more=prepare) as site:
            yield site


@pytest.fixture(scope="module")
def workers(celery_site: Site) -> Iterator[dict[str, Started]]:
    """Two workers, on two machines as far as Airflow can tell."""
    with run_workers(celery_site, *NAMES) as started:
        yield started


def run_night(site: Site, night: date) -> str:
    """The night's rows come in, and its scoring follows; the id of the run that scored."""
    assert site.finish("ingest", site.start("ingest", night)) == "success"
    states = site.house.finish_chained("visits_score", night)
    assert set(states.values()) == {"success"}, states
    return str(site.house.client.list_runs("visits_score", str(night))[0]["dag_run_id"])


def find_last_commit(site: Site, run_id: str) -> str:
    """The moment before the commit that makes the scores of a run like this one visible."""
    moments = [moment for task, moment in site.list_passed(run_id) if task == "publish"]
    return [moment for moment in moments if moment[-1].isdecimal()][-2]


def find_pool(worker: Started) -> list[psutil.Process]:
    """The processes of a worker's pool that have a name: the pool's, or from their first task on the last task's."""
    titles = {child: read_title(child) for child in psutil.Process(worker.pid).children()}
    return [child for child, title in titles.items() if "ForkPoolWorker" in title or title.startswith(SUPERVISOR)]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes by /proc")
def test_a_worker_forks_with_the_libraries_loaded_and_without_threads(workers: dict[str, Started]) -> None:
    """A thread that held a lock at the fork would leave it locked for ever. jemalloc, Arrow's, lets go of its own."""
    for worker in workers.values():
        threads = [file.read_text().strip() for file in Path(f"/proc/{worker.pid}/task").glob("*/comm")]
        assert len([name for name in threads if name != "jemalloc_bg_thd"]) == 1, threads
        # It gives itself its name some time after the fork.
        wait_until(lambda worker=worker: find_pool(worker) != [], f"{worker.name} has no pool")  # type: ignore[misc]
        pool = find_pool(worker)
        loaded = " ".join(region.path for process in pool for region in process.memory_maps())
        assert len(pool) == 1 and all(name in loaded for name in ("/pandas/", "/sklearn/", "/pyarrow/"))


def test_the_containers_health_check_asks_a_worker(celery_site: Site, workers: dict[str, Started]) -> None:
    kind, command = COMPOSE["services"]["worker"]["healthcheck"]["test"]
    environ = {**make_worker_environ(celery_site, NAMES[0]), "HOSTNAME": NAMES[0]}
    environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    asked = subprocess.run(
        ["sh", "-c", command.replace("$$", "$")], check=False, env=environ, capture_output=True, text=True
    )
    assert kind == "CMD-SHELL" and asked.returncode == 0, asked.stderr
    assert f"celery@{NAMES[0]}: OK" in asked.stdout


def count_scored(site: Site, run_id: str) -> int:
    """How many shards of the run are through."""
    tasks = site.house.client.list_task_instances("visits_score", run_id)
    return sum(task["task_id"] == "score" and task["state"] == "success" for task in tasks)


def test_both_workers_score_shards_and_a_killed_one_alone_is_tried_again(
    celery_site: Site, workers: dict[str, Started]
) -> None:
    site = celery_site
    site.learn("ingest", SHARDED)
    waiting = site.arm("sharded", "score", "start")
    site.start("score", SHARDED, "sharded")
    task, _ = site.wait_reached(waiting)
    # One worker is busy with this shard, so the others are the other one's.
    wait_until(lambda: count_scored(site, "sharded") == SHARDS - 1, "the other shards do not end")
    kill(task)
    assert site.finish("score", "sharded") == "success"
    tries = [
        names for (task_id, _), names in list_workers_of(site, "visits_score", "sharded").items() if task_id == "score"
    ]
    assert sorted(map(len, tries)) == [1] * (SHARDS - 1) + [2]
    assert {name for names in tries for name in names} == set(NAMES)
    assert check_nights(site, [SHARDED]) == {"rows_lost": 0, "rows_doubled": 0}


def test_a_night_whose_worker_dies_in_mid_task_ends_well_on_the_other(
    celery_site: Site, workers: dict[str, Started]
) -> None:
    site = celery_site
    moment = find_last_commit(site, run_night(site, CALM))
    site.learn("ingest", STRUCK)
    waiting = site.arm("struck", "publish", moment)
    with read_all_the_time(site) as reader:
        site.start("score", STRUCK, "struck")
        task, supervisor = site.wait_reached(waiting)
        victim = list_workers_of(site, "visits_score", "struck")["publish", -1][-1]
        other = next(name for name in NAMES if name != victim)
        # The victim is busy, so this night is the other one's.
        hosts = list_workers_of(site, "visits_score", run_night(site, OTHER))
        assert {name for tries in hosts.values() for name in tries} == {other}
        kill_machine(workers[victim])
        assert find_session(task) is None and find_session(supervisor) is None
        assert site.finish("score", "struck") == "success"
    assert list_workers_of(site, "visits_score", "struck")["publish", -1] == [victim, other]
    assert check_nights(site, [CALM, STRUCK, OTHER]) == {"rows_lost": 0, "rows_doubled": 0}
    assert reader.polls and not reader.half
