"""A task and its supervisor stand still past the heartbeat timeout, a retry finishes, and then they go on."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.faults.scheduler.kit import Site, check_nights, read_all_the_time, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def read_everything(site: Site, night: date) -> list[tuple[Any, ...]]:
    """The night's rows and what the ledger says of it, hashed."""
    rows = "select md5(string_agg(t::text, '|' order by t::text)) from scores.visits t where partition_date = :night"
    ledger = "select kind, attempt, object_uri, sha256, rows from ml.ledger where partition_date = :night order by kind"
    return site.ask(rows, night=night) + site.ask(ledger, night=night)


@pytest.mark.guarantee(13)
@pytest.mark.parametrize(
    ("task", "night"),
    [
        ("publish", date(2026, 5, 1)),
        pytest.param("extract", date(2026, 5, 2), marks=pytest.mark.thorough),
        pytest.param("score", date(2026, 5, 3), marks=pytest.mark.thorough),
    ],
)
def test_a_zombie_that_wakes_up_changes_nothing(
    site: Site, observe: Callable[..., None], task: str, night: date
) -> None:
    kind = "ingest" if task == "extract" else "score"
    if kind == "score":
        site.learn("ingest", night)
    name = site.arm(f"zombie-{task}", task, "start")
    with read_all_the_time(site) as reader:
        run_id = site.start(kind, night, f"zombie-{task}")
        stopped = site.wait_reached(name)
        for process in reversed(stopped):
            process.suspend()
        assert site.finish(kind, run_id) == "success"
        if kind == "ingest":
            site.house.finish_chained("visits_score", night)
        before = read_everything(site, night)
        site.release(name)
        for process in stopped:
            process.resume()
        wait_until(lambda: not any(process.is_running() for process in stopped), "the zombies don't end")
        after = read_everything(site, night)
    observe(faults=1, nights=1, polls=reader.polls, half_visible=len(reader.half), **check_nights(site, [night]))
    assert site.list_tries(kind, run_id)[task] == 2
    assert after == before
    assert not reader.half
