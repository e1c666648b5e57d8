"""PostgreSQL picks a transaction to give way, or has no connection left: that passes, so the step may be run again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import text

from nightshift.errors import TemporarilyUnavailable
from nightshift.io.warehouse.engine import Warehouse, open_warehouse
from nightshift.local.postgres import Server
from tests.integration.conftest import execute
from tests.integration.kit import World, make_connection

WAIT = 30  # seconds for another thread to come to the same point
Change = Callable[[], None]
AGAIN = "run this again: nothing is lost or doubled"


@pytest.fixture
def counters(world: World) -> World:
    """Two rows that two transactions want to change."""
    world.change("create table public.counters as select n id, 0 number from generate_series(1, 2) n")
    return world


def add_to(warehouse: Warehouse, rows: tuple[int, int], meet: threading.Barrier) -> None:
    """One transaction that changes the two rows in that order; in between it meets the other one."""
    with warehouse.begin() as connection:
        for number, row in enumerate(rows):
            if number:
                meet.wait(WAIT)
            connection.execute(text("update public.counters set number = number + 1 where id = :row"), {"row": row})


def do_both(changes: list[Change]) -> list[str]:
    """What the changes said that failed, each in a thread of its own."""
    said = []

    def attempt(change: Change) -> None:
        try:
            change()
        except TemporarilyUnavailable as error:
            said.append(str(error))

    threads = [threading.Thread(target=attempt, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


@pytest.mark.guarantee(3, 15)
def test_the_victim_of_a_deadlock_may_be_run_again(counters: World) -> None:
    meet = threading.Barrier(2)
    orders = [(1, 2), (2, 1)]
    said = do_both([lambda order=order: add_to(counters.warehouse, order, meet) for order in orders])  # type: ignore[misc]
    assert len(said) == 1
    assert "had to give way to another transaction" in said[0]
    assert "deadlock detected" in said[0]
    assert AGAIN in said[0]
    # The other one is through, and the victim left nothing.
    assert counters.ask("select id, number from public.counters order by id") == [(1, 1), (2, 1)]
    add_to(counters.warehouse, (2, 1), threading.Barrier(1))
    assert counters.ask("select id, number from public.counters order by id") == [(1, 2), (2, 2)]


@pytest.mark.guarantee(3, 15)
def test_a_transaction_that_can_not_be_serialised_may_be_run_again(counters: World) -> None:
    with (
        pytest.raises(TemporarilyUnavailable, match=r"give way to another.*could not serialize") as raised,
        counters.warehouse.begin() as connection,
    ):
        connection.execute(text("set transaction isolation level repeatable read"))
        connection.execute(text("select * from public.counters"))
        counters.change("update public.counters set number = number + 10 where id = 1")
        connection.execute(text("update public.counters set number = number + 1"))
    assert AGAIN in str(raised.value)
    assert counters.ask("select id, number from public.counters order by id") == [(1, 10), (2, 0)]


@contextmanager
def open_limited(server: Server, database: str) -> Iterator[Warehouse]:
    """The database for somebody who may have one connection."""
    execute(server, "create role crowded login connection limit 1")
    warehouse = open_warehouse(replace(make_connection(server, database), login="crowded"))
    try:
        yield warehouse
    finally:
        warehouse.engine.dispose()
        execute(server, "drop role crowded")


@pytest.mark.guarantee(15)
def test_a_server_without_a_connection_left_may_be_asked_again(server: Server, database: str) -> None:
    with open_limited(server, database) as warehouse:
        with closing(warehouse.engine.raw_connection()):
            with (
                pytest.raises(TemporarilyUnavailable, match=r"no connection left.*too many connections") as raised,
                warehouse.begin(),
            ):
                pass
            assert AGAIN in str(raised.value)
            assert "raise max_connections" in str(raised.value)
        with warehouse.begin() as connection:
            assert connection.execute(text("select 1")).scalar() == 1
