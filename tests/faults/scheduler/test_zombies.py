"""A task and its supervisor stand still past the heartbeat timeout, a retry finishes, and then they go on."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import psutil
import pytest

from tests.faults.scheduler.kit import Site, check_nights, read_all_the_time, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600), pytest.mark.thorough]
KINDS = dict.fromkeys(("extract", "validate", "build_features"), "ingest") | dict.fromkeys(
    ("score", "publish"), "score"
)


def read_everything(site: Site, night: date) -> list[tuple[Any, ...]]:
    """The night's rows and what the ledger says of them."""
    rows = "select md5(string_agg(t::text, '|' order by t::text)) from scores.visits t where partition_date = :night"
    ledger = "select kind, sha256, rows, attempt from ml.ledger where partition_date = :night order by kind"
    return site.ask(rows, night=night) + site.ask(ledger, night=night)


def pause_and_wake(site: Site, observe: Callable[..., None], nights: Mapping[str, date], moment: str) -> None:
    """Let a task of each night stand still until its retry has finished, then wake it: nothing may change."""
    zombies = {task: start_zombie(site, task, night, moment) for task, night in nights.items()}
    with read_all_the_time(site) as reader:
        stopped = {task: site.wait_reached(name) for task, name in zombies.items()}
        for processes in stopped.values():
            for process in reversed(processes):
                process.suspend()
        if "extract" in nights:
            # What the retry reads is not what the zombie holds in its hands.
            site.add_late_rows(nights["extract"])
        for task, night in nights.items():
            assert site.finish(KINDS[task], f"zombie-{task}") == "success"
            if KINDS[task] == "ingest":
                site.house.finish_chained("visits_score", night)
        before = [read_everything(site, night) for night in nights.values()]
        for task, processes in stopped.items():
            site.release(zombies[task])
            wake_up(site, task, *processes, alone=moment == "stored")
    found = check_nights(site, list(nights.values()))
    observe(faults=len(nights), nights=len(nights), polls=reader.polls, half_visible=len(reader.half), **found)
    assert {task: site.list_tries(KINDS[task], f"zombie-{task}")[task] >= 2 for task in nights} == dict.fromkeys(
        nights, True
    )
    assert [read_everything(site, night) for night in nights.values()] == before
    assert not reader.half


def start_zombie(site: Site, task: str, night: date, moment: str) -> str:
    """A run whose task will wait at the moment; its name."""
    if KINDS[task] == "score":
        site.learn("ingest", night)
    name = site.arm(f"zombie-{task}", task, moment)
    site.start(KINDS[task], night, f"zombie-{task}")
    return name


def wake_up(site: Site, task: str, process: psutil.Process, supervisor: psutil.Process, *, alone: bool) -> None:
    """Until both have ended; `alone`, its supervisor, which would end it, sleeps on until the step is done."""
    process.resume()
    if alone:
        wait_until(lambda: has_ended(site, task, process), f"{task}: the zombie's step does not end")
    supervisor.resume()
    wait_until(lambda: not (is_alive(process) or is_alive(supervisor)), f"{task}: zombies don't end")


def has_ended(site: Site, task: str, process: psutil.Process) -> bool:
    """Whether the retry and the zombie have both come to the end of the step, or the zombie is dead."""
    return site.count_passed(f"zombie-{task}", task, "end") >= 2 or not is_alive(process)


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that nobody has waited for yet has ended all the same."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.guarantee(13)
def test_a_zombie_that_wakes_up_in_publish_changes_nothing(site: Site, observe: Callable[..., None]) -> None:
    """It publishes what its retry did: both got it from one `score`."""
    night = date(2026, 5, 1)
    pause_and_wake(site, observe, {"publish": night}, "start")
    published = "select distinct attempt, sha256 from ml.ledger_history where kind = 'scores' and partition_date = :n"
    assert len(site.ask(published, n=night)) == 1


@pytest.mark.guarantee(13)
def test_zombies_that_wake_up_in_any_step_change_nothing(site: Site, observe: Callable[..., None]) -> None:
    """Each has its rows in the lake already, and only asks whether it may still make them the night's."""
    steps = ("extract", "validate", "build_features", "score")
    nights = {task: date(2026, 5, 2 + number) for number, task in enumerate(steps)}
    pause_and_wake(site, observe, nights, "stored")
