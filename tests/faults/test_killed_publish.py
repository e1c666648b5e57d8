"""SIGKILL while a partition is published: readers keep seeing the old rows, and a retry publishes the new ones."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from include.config.project import PROJECT_ROOT
from include.local.postgres import Server
from include.steps.publish import publish_scores
from include.steps.score import score_partition
from tests.integration.kit import NIGHTS, ROWS, World

NIGHT = NIGHTS[6]
NEW_ROWS = 90


@contextmanager
def poll_counts(world: World) -> Iterator[set[int]]:
    """Every count that a reader who never stops asking has seen."""
    seen: set[int] = set()
    done = threading.Event()

    def poll() -> None:
        while not done.is_set():
            seen.add(world.ask("select count(*) from scores.shops")[0][0])

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        yield seen
    finally:
        done.set()
        reader.join()


def kill_when(world: World, server: Server, scored: dict[str, Any], step: str, times: int) -> None:
    """Publish in a process of its own, and kill it when it has told `step` so many times."""
    database = world.warehouse.engine.url.database
    arguments = [server.socket_folder, str(database), str(world.folder.parent), str(NIGHT), json.dumps(scored)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.publish_slowly", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
    )
    assert process.stdout
    with process:
        told = 0
        for line in process.stdout:
            told += line.strip() == step
            if told == times:
                process.kill()
                break
    assert process.returncode == -9, "the process ended before it could be killed"


@pytest.mark.guarantee(1, 4)
@pytest.mark.parametrize(("step", "times"), [("copy", 2), ("copy", 6), ("copy", 10), ("before commit", 1)])
def test_readers_see_only_whole_partitions(champion_world: World, server: Server, step: str, times: int) -> None:
    world = champion_world
    world.run_night(NIGHT)
    world.write(NIGHT, count=NEW_ROWS)
    assert world.ingest(NIGHT).status == "done"
    scored = score_partition(world.config, world.resources, NIGHT).figures
    before = world.read_state()
    with poll_counts(world) as seen:
        kill_when(world, server, scored, step, times)
        assert world.read_state() == before
        assert publish_scores(world.config, world.resources, NIGHT, scored).status == "done"
    assert seen <= {ROWS, NEW_ROWS}
    assert ROWS in seen
    assert world.ask("select count(*) from scores.shops") == [(NEW_ROWS,)]
    ledger = "select sha256 from ml.ledger where kind = 'scores' and partition_date = :night"
    assert world.ask(ledger, night=NIGHT) == [(scored["scores"]["sha256"],)]
