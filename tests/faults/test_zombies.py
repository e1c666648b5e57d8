"""A paused process wakes up after its retry: it finds itself overtaken, writes nothing, and says so."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest
from sqlalchemy import text

from nightshift.io.warehouse import locks as partition_lock
from nightshift.local.postgres import Server
from tests.faults.chain import NEW_ROWS, Chain, dump
from tests.faults.kit import look, poll, run, start
from tests.faults.steps import NIGHT
from tests.integration.kit import World

Observe = Callable[..., None]
NEWER_ROWS = 77
IMPATIENT = "set local idle_in_transaction_session_timeout = '1s'"
# The last moment before the step asks whether it may still write.
MOMENTS = {"extract": "after put 1", "validate": "after put 1", "build_features": "after put 1", "publish": "begin 2"}


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """SIGSTOP: inside of the block it knows nothing, not even that time passes."""
    process = psutil.Process(pid)
    os.kill(pid, signal.SIGSTOP)
    while process.status() != psutil.STATUS_STOPPED:
        time.sleep(0.001)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def redo_night(world: World) -> None:
    """What the scheduler's retry and the runs after it do, with a file that is newer."""
    world.write(NIGHT, count=NEWER_ROWS)
    try:
        assert [world.ingest(NIGHT).status, world.score(NIGHT).status] == ["done", "done"]
    finally:
        world.write(NIGHT, count=NEW_ROWS)  # the file is the chain's, and other tests go on from there


@pytest.mark.guarantee(1, 13)
@pytest.mark.parametrize("step", MOMENTS)
def test_a_step_that_sleeps_through_its_retry_changes_nothing(
    chain: Chain, server: Server, step: str, observe: Observe
) -> None:
    with chain.open_before(step) as world:
        old = look(world)
        with poll(world) as seen:
            child = start(world, server, step, chain.arguments(step), MOMENTS[step])
            child.wait_until_there()
            with paused(child.process.pid):
                child.go()
                redo_night(world)
                new, state = look(world), world.read_state()
            ended = child.end()
        torn = seen.count_torn(old, new)
        observe(polls=seen.polls, half_visible=torn, faults=1)
        assert (ended["status"], torn) == ("skipped", 0)
        assert "later attempt" in ended["reason"]
        assert world.read_state() == state
        assert world.ask("select count(*) from scores.shops where partition_date = :n", n=NIGHT) == [(NEWER_ROWS,)]


@pytest.mark.guarantee(13)
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("step", "moment"), [("extract", "before commit 1"), ("publish", "copy 1")])
def test_who_sleeps_with_the_lock_in_hand_loses_it(
    chain: Chain, server: Server, monkeypatch: pytest.MonkeyPatch, observe: Observe, step: str, moment: str
) -> None:
    """In the middle of its transaction, or of its COPY: the retry ends that session instead of waiting for ever."""
    monkeypatch.setattr(partition_lock, "STALLED_SECONDS", 0.5)
    with chain.open_before(step) as world:
        child = start(world, server, step, chain.arguments(step), moment)
        child.wait_until_there()
        with paused(child.process.pid):
            child.go()
            redo_night(world)
            state = world.read_state()
        assert child.end()["status"] == "TemporarilyUnavailable"
        assert world.read_state() == state
        observe(faults=1)


@pytest.mark.guarantee(6, 13)
def test_who_sleeps_in_the_middle_of_a_promotion_gives_way(chain: Chain, server: Server, observe: Observe) -> None:
    """The server ends a transaction that says nothing for too long, whatever it locks; the retry gets the lock."""
    with chain.open_before("promote") as world:
        arguments = chain.arguments("promote")
        child = start(world, server, "promote", arguments, "before commit 1", IMPATIENT)
        child.wait_until_there()
        with paused(child.process.pid):
            child.go()
            assert run(world, server, "promote", arguments)["status"] == "done"
        assert child.end()["status"] == "TemporarilyUnavailable"
        assert dump(world) == chain.after["promote"]
        observe(faults=1)


def test_who_still_works_with_the_lock_in_hand_keeps_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes: the server is at work, or the client says something now and then."""
    monkeypatch.setattr(partition_lock, "STALLED_SECONDS", 0.4)
    others: list[float] = []

    def wait_for_it() -> None:
        with world.warehouse.begin() as connection:
            partition_lock.lock_partition(connection, "shops", NIGHT)
            others.append(time.monotonic())

    with world.warehouse.begin() as connection:
        partition_lock.lock_partition(connection, "shops", NIGHT)
        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        connection.execute(text("select pg_sleep(1.5)"))
        for _ in range(15):
            connection.execute(text("select 1"))
            time.sleep(0.1)
        ended = time.monotonic()
    waiting.join()
    assert others[0] > ended
