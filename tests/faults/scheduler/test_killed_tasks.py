"""SIGKILL (what a lack of memory does) of tasks and of their supervisors: Airflow's own retry finishes the night."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, timedelta
from itertools import count, cycle

import psutil
import pytest

from tests.faults.scheduler.kit import Site, check_nights, kill, read_all_the_time
from tests.faults.scheduler.site import LEARNED

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900), pytest.mark.thorough]
_fresh = count()
_moments: dict[str, list[tuple[str, str]]] = {}
Victim = Callable[[psutil.Process, psutil.Process], psutil.Process]
Death = tuple[str, str, Victim]


def pick_task(task: psutil.Process, supervisor: psutil.Process) -> psutil.Process:
    return task


def pick_supervisor(task: psutil.Process, supervisor: psutil.Process) -> psutil.Process:
    return supervisor


def take_night() -> date:
    """A day that no other test uses."""
    return date(2026, 2, 1) + timedelta(days=next(_fresh))


def list_moments(site: Site, kind: str) -> list[tuple[str, str]]:
    """Task and moment of everything that an undisturbed run passes, except `notify`, which commits only news."""
    if kind not in _moments:
        run_id = start(site, kind, take_night(), f"{kind}-clean")
        assert site.finish(kind, run_id) == "success"
        _moments[kind] = [(task, moment) for task, moment in site.list_passed(run_id) if task != "notify"]
    return _moments[kind]


def find_last_commit(site: Site, kind: str, task: str) -> str:
    """The moment before the commit that makes the task's work visible."""
    return [moment for name, moment in list_moments(site, kind) if name == task and moment[-1].isdecimal()][-2]


def start(site: Site, kind: str, night: date, run_id: str) -> str:
    if kind == "score":
        site.learn("ingest", night)
    return site.start(kind, LEARNED[-1] if kind == "train" else night, run_id)


def kill_everywhere(site: Site, kind: str, deaths: Iterable[Death]) -> list[date]:
    """Runs of `kind`, one for each death, all at once; each is killed there once, and must end well by itself."""
    runs = []
    for task, moment, pick in deaths:
        night = take_night()
        run_id = f"{kind}-{pick.__name__}-{task}-{moment}-{night}"
        name = site.arm(run_id, task, moment)
        runs.append((night, start(site, kind, night, run_id), task, name, pick))
    for *_, name, pick in runs:
        # On busy cores Airflow may have given it up by itself: that is a death, too.
        with suppress(psutil.NoSuchProcess):
            kill(pick(*site.wait_reached(name)))
        # A task that lost its supervisor goes on: nobody is there to end it.
        site.release(name)
    for _, run_id, task, *_ in runs:
        site.finish(kind, run_id)
        states = site.house.read_states(f"visits_{kind}", run_id)
        assert {state for name, state in states.items() if name != "promote"} == {"success"}, (run_id, states)
        assert site.list_tries(kind, run_id)[task] >= 2, run_id
    return [night for night, *_ in runs]


@pytest.mark.guarantee(14)
def test_a_task_killed_just_before_its_commit_is_tried_again(site: Site, observe: Callable[..., None]) -> None:
    moment = find_last_commit(site, "score", "publish")
    with read_all_the_time(site) as reader:
        nights = kill_everywhere(site, "score", [("publish", moment, pick_task)])
    found = check_nights(site, nights)
    observe(faults=1, nights=1, polls=reader.polls, half_visible=len(reader.half), **found)
    assert not reader.half
    assert found == {"rows_lost": 0, "rows_doubled": 0}


@pytest.mark.guarantee(14, 13)
def test_a_night_is_finished_wherever_its_task_or_supervisor_was_killed(
    site: Site, observe: Callable[..., None]
) -> None:
    deaths = {
        kind: [(*point, pick) for point, pick in zip(list_moments(site, kind), cycle(picks), strict=False)]
        for kind, picks in (("ingest", (pick_task, pick_supervisor)), ("score", (pick_supervisor, pick_task)))
    }
    with read_all_the_time(site) as reader:
        ingested = kill_everywhere(site, "ingest", deaths["ingest"])
        for night in ingested:
            states = site.house.finish_chained("visits_score", night)
            assert states == {"score": "success", "publish": "success", "notify": "success"}
            # The asset was announced once, whatever was killed.
            assert len(site.house.client.list_runs("visits_score", str(night))) == 1
        nights = ingested + kill_everywhere(site, "score", deaths["score"])
    found = check_nights(site, nights)
    observe(faults=len(nights), nights=len(nights), polls=reader.polls, half_visible=len(reader.half), **found)
    assert not reader.half
    assert found == {"rows_lost": 0, "rows_doubled": 0}


@pytest.mark.guarantee(14, 6)
def test_a_training_is_finished_wherever_it_was_killed(site: Site, observe: Callable[..., None]) -> None:
    """They race for the champion as well; one that loses too often stops, as it should."""
    points = list_moments(site, "train")
    deaths: list[Death] = [(task, moment, pick_task) for task, moment in points if moment == "commit1"]
    deaths.append(("promote", "committed1", pick_supervisor))
    versions = site.ask("select count(*) from ml.model_versions")[0][0] + len(deaths)
    kill_everywhere(site, "train", deaths)
    assert site.ask("select count(*), count(distinct run_id) from ml.model_versions") == [(versions, versions)]
    champions = site.ask("select version from ml.champions")
    promoted = "select version from ml.promotions order by id desc limit 1"
    observe(faults=len(deaths), wrong_champions=int(champions != site.ask(promoted)))
    assert champions == site.ask(promoted)
