"""A worker whose clock is an hour off: who came later is the database's to say, and the partition the run's."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from nightshift.config.project import IMPORT_PATH, PROJECT_ROOT
from nightshift.local.postgres import Server
from tests.integration.kit import NIGHTS, PIPELINE, World

NIGHT = NIGHTS[6]


def run_night_shifted(world: World, server: Server, hours: int, night: date) -> None:
    """Ingest and score in a process whose clock is off."""
    shutil.rmtree(world.config.folder)
    arguments = [str(hours), str(night), server.socket_folder, str(world.warehouse.engine.url.database)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.shifted_clock", *arguments, str(world.folder.parent)],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(IMPORT_PATH)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == ["done", "done"]


def list_attempts(world: World) -> dict[str, tuple[str, int]]:
    query = "select kind, attempt, rows from ml.ledger where partition_date = :night and kind in ('raw', 'scores')"
    return {kind: (attempt, rows) for kind, attempt, rows in world.ask(query, night=NIGHT)}


@pytest.mark.thorough
@pytest.mark.guarantee(18, 13)
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wrong_clock_moves_no_row_and_the_later_attempt_wins_whatever_it_says(
    champion_world: World, server: Server, hours: int
) -> None:
    world = champion_world
    world.write(NIGHT, count=80)
    run_night_shifted(world, server, hours, NIGHT)
    shifted = list_attempts(world)
    assert (shifted["raw"][1], shifted["scores"][1]) == (80, 80)
    written = "select distinct partition_date from ml.ledger where written_at > :since"
    since = datetime.now(UTC) - timedelta(minutes=10)
    assert {night for (night,) in world.ask(written, since=since) if night > NIGHTS[5]} == {NIGHT}
    world.write(NIGHT, count=90)
    # This process has the right time, so its attempts' names sort before or after the shifted ones.
    assert [world.ingest(NIGHT).status, world.score(NIGHT).status] == ["done", "done"]
    again = list_attempts(world)
    assert (again["raw"][1], again["scores"][1]) == (90, 90)
    assert (again["raw"][0] > shifted["raw"][0]) is (hours < 0)
    assert world.ask(f"select partition_date, count(*) from scores.{PIPELINE} group by 1") == [(NIGHT, 90)]
