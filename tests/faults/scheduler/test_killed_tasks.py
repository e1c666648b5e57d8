"""SIGKILL (what a lack of memory does) of tasks and of their supervisors: Airflow's own retry finishes the night."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count

import psutil
import pytest

from tests.faults.scheduler.kit import Site, check_nights, kill, read_all_the_time
from tests.faults.scheduler.site import LEARNED

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
_fresh = count()
INGEST = [
    (task, moment)
    for task in ("extract", "validate", "build_features")
    for moment in ("start", "commit1", "committed1", "end")
]
SCORE = [("score", "start"), ("score", "end")] + [
    ("publish", moment) for moment in ("start", "commit1", "committed1", "commit2", "committed2", "end")
]
TRAIN = [("assemble", "start"), ("assemble", "end"), ("check", "end")] + [
    (task, moment)
    for task in ("tune_and_fit", "evaluate", "gate", "cards", "promote")
    for moment in ("start", "commit1", "committed1", "end")
]
Victim = Callable[[psutil.Process, psutil.Process], psutil.Process]


def pick_task(task: psutil.Process, supervisor: psutil.Process) -> psutil.Process:
    return task


def pick_supervisor(task: psutil.Process, supervisor: psutil.Process) -> psutil.Process:
    return supervisor


def take_night() -> date:
    """A day that no other test uses."""
    return date(2026, 2, 1) + timedelta(days=next(_fresh))


def kill_everywhere(site: Site, kind: str, points: list[tuple[str, str]], pick: Victim) -> list[date]:
    """Runs of `kind`, one for each point, all at once; each is killed there once, and must end well by itself."""
    runs = [(take_night(), f"{kind}-{pick.__name__}-{task}-{moment}", task, moment) for task, moment in points]
    for night, run_id, task, moment in runs:
        if kind == "score":
            site.learn("ingest", night)
        site.arm(run_id, task, moment)
        site.start(kind, LEARNED[-1] if kind == "train" else night, run_id)
    for _, run_id, task, moment in runs:
        name = f"{run_id}.{task}.{moment}"
        kill(pick(*site.wait_reached(name)))
        # A task that lost its supervisor goes on: nobody is there to end it.
        site.release(name)
    for _, run_id, task, _ in runs:
        assert site.finish(kind, run_id) == "success", run_id
        assert site.list_tries(kind, run_id)[task] == 2, run_id
    return [night for night, *_ in runs]


@pytest.mark.guarantee(14)
def test_a_task_killed_just_before_its_commit_is_tried_again(site: Site, observe: Callable[..., None]) -> None:
    with read_all_the_time(site) as reader:
        nights = kill_everywhere(site, "score", [("publish", "commit2")], pick_task)
    observe(faults=1, nights=1, polls=reader.polls, half_visible=len(reader.half), **check_nights(site, nights))
    assert not reader.half
    assert check_nights(site, nights) == {"rows_lost": 0, "rows_doubled": 0}


@pytest.mark.thorough
@pytest.mark.guarantee(14, 13)
def test_a_killed_supervisor_is_noticed_and_what_its_task_still_does_is_fenced(
    site: Site, observe: Callable[..., None]
) -> None:
    with read_all_the_time(site) as reader:
        nights = kill_everywhere(site, "score", [("publish", "start")], pick_supervisor)
    observe(faults=1, nights=1, polls=reader.polls, half_visible=len(reader.half), **check_nights(site, nights))
    assert not reader.half
    assert check_nights(site, nights) == {"rows_lost": 0, "rows_doubled": 0}


@pytest.mark.thorough
@pytest.mark.guarantee(14)
@pytest.mark.parametrize("pick", [pick_task, pick_supervisor])
def test_a_night_is_finished_wherever_it_was_killed(site: Site, observe: Callable[..., None], pick: Victim) -> None:
    with read_all_the_time(site) as reader:
        ingested = kill_everywhere(site, "ingest", INGEST, pick)
        for night in ingested:
            states = site.house.finish_chained("visits_score", night)
            assert states == {"score": "success", "publish": "success", "tell": "success"}
            # The asset was announced once, whatever was killed.
            assert len(site.house.client.list_runs("visits_score", str(night))) == 1
        nights = ingested + kill_everywhere(site, "score", SCORE, pick)
    observe(faults=len(nights), nights=len(nights), polls=reader.polls, half_visible=len(reader.half))
    observe(**check_nights(site, nights))
    assert not reader.half
    assert check_nights(site, nights) == {"rows_lost": 0, "rows_doubled": 0}


@pytest.mark.thorough
@pytest.mark.guarantee(14, 6)
@pytest.mark.parametrize("pick", [pick_task, pick_supervisor])
def test_a_training_is_finished_wherever_it_was_killed(site: Site, observe: Callable[..., None], pick: Victim) -> None:
    versions = site.ask("select count(*) from ml.model_versions")[0][0]
    kill_everywhere(site, "train", TRAIN, pick)
    assert site.ask("select count(*) from ml.model_versions") == [(versions + len(TRAIN),)]
    assert site.ask("select count(*), count(distinct run_id) from ml.model_versions") == [(versions + len(TRAIN),) * 2]
    champions = site.ask("select version from ml.champions")
    promoted = "select version from ml.promotions where decision = 'promote' order by id desc limit 1"
    observe(faults=len(TRAIN), wrong_champions=int(champions != site.ask(promoted)))
    assert champions == site.ask(promoted)
