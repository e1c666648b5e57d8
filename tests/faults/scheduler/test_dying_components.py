"""A component of the stack dies in the middle of nights: what it did is taken over, and it is started again."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import psutil
import pytest

from nightshift.errors import NightshiftError
from nightshift.local.postgres import find_server_process
from nightshift.local.processes import Started, stop_gently
from nightshift.local.stack import COMPONENTS, HEARTBEATS
from tests.faults.scheduler.kit import Site, check_nights, kill, read_all_the_time, wait_until
from tests.faults.scheduler.site import start_scheduler

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900), pytest.mark.thorough]
NIGHTS = 3


@contextlib.contextmanager
def second_scheduler(site: Site) -> Iterator[Started]:
    """Another scheduler of the same Airflow, once both are alive."""
    started = start_scheduler(site)
    try:
        wait_until(lambda: count_schedulers(site) == 2, "there is no second scheduler")
        yield started
    finally:
        stop_gently([started], grace=1)


def count_schedulers(site: Site) -> int:
    """How many schedulers Airflow knows of."""
    alive = "select count(*) from job where job_type = 'SchedulerJob' and state = 'running'"
    return int(site.ask_airflow(alive)[0][0])


def run_nights(site: Site, first: date, name: str, break_something: Callable[[], None]) -> list[date]:
    """Nights that all run while something breaks, once one of them is in the middle of `validate`."""
    nights = [first + timedelta(days=number) for number in range(NIGHTS)]
    point = site.arm(f"{name}-0", "validate", "start")
    for number, night in enumerate(nights):
        site.start("ingest", night, f"{name}-{number}")
    site.wait_reached(point)
    break_something()
    site.release(point)
    for number, night in enumerate(nights):
        assert site.finish("ingest", f"{name}-{number}") == "success"
        wait_until(lambda night=night: has_scores(site, night), f"{night} was not scored")  # type: ignore[misc]
        assert len(site.house.client.list_runs("visits_score", str(night))) == 1
    return nights


def has_scores(site: Site, night: date) -> bool:
    found = "select 1 from ml.ledger where kind = 'scores' and partition_date = :night"
    with contextlib.suppress(NightshiftError):
        return bool(site.ask(found, night=night)) and all(
            run["state"] == "success" for run in site.house.client.list_runs("visits_score", str(night))
        )
    return False


def is_healthy(site: Site) -> bool:
    """Whether every component says that it lives."""
    with contextlib.suppress(NightshiftError):
        health = site.house.client.read_health()
        return all(health[name].get("status") == "healthy" for name in HEARTBEATS.values())
    return False


def check(site: Site, observe: Callable[..., None], first: date, name: str, breaks: Callable[[], None]) -> None:
    with read_all_the_time(site) as reader:
        nights = run_nights(site, first, name, breaks)
    wait_until(lambda: is_healthy(site), "not everything was started again")
    observe(faults=1, nights=len(nights), polls=reader.polls, half_visible=len(reader.half))
    found = check_nights(site, nights)
    observe(**found)
    assert not reader.half
    assert found == {"rows_lost": 0, "rows_doubled": 0}
    # One row of the ledger's history for each attempt, however often it was asked for.
    doubled = "select kind, attempt from ml.ledger_history group by partition_date, kind, attempt having count(*) > 1"
    assert site.ask(doubled) == []


@pytest.mark.guarantee(20)
def test_one_of_two_schedulers_is_killed_and_no_run_is_lost_or_doubled(
    site: Site, observe: Callable[..., None]
) -> None:
    with second_scheduler(site) as second:
        check(site, observe, date(2026, 6, 1), "two", lambda: kill(psutil.Process(second.pid)))


@pytest.mark.guarantee(20)
@pytest.mark.parametrize("component", list(COMPONENTS))
def test_a_component_that_is_killed_is_started_again_and_nights_go_on(
    site: Site, observe: Callable[..., None], component: str
) -> None:
    first = date(2026, 6, 11) + timedelta(days=10 * list(COMPONENTS).index(component))
    check(site, observe, first, component, lambda: kill(site.find_component(component)))
    assert site.find_component(component).is_running()


@pytest.mark.guarantee(15)
def test_the_database_of_airflow_and_warehouse_restarts_in_the_middle_of_nights(
    site: Site, observe: Callable[..., None]
) -> None:
    def stop_at_once() -> None:
        server = find_server_process(site.paths)
        assert server
        # What `pg_ctl stop -m immediate` does.
        os.kill(server.pid, signal.SIGQUIT)

    check(site, observe, date(2026, 8, 1), "postgres", stop_at_once)
