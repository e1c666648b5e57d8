"""Work ahead in threads: in order, never far ahead, and nothing is left behind however it ends."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from nightshift.prefetch import prefetch_map


class Stop(Exception):
    """Ends the work from outside."""


def count_threads() -> int:
    return sum(thread.name.startswith("ahead") for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    # A signal may come while a thread is being started: then nobody waits for it, but it ends by itself.
    for _ in range(1000):
        if not count_threads():
            return
        time.sleep(0.01)
    raise AssertionError("a thread is left")


def slow_when_even(number: int) -> int:
    time.sleep(0.01 * (number % 2 == 0))
    return number * number


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_their_items(workers: int) -> None:
    assert list(prefetch_map(slow_when_even, range(20), workers)) == [number * number for number in range(20)]


def test_nothing_comes_of_nothing() -> None:
    assert list(prefetch_map(slow_when_even, [], 3)) == []


@pytest.mark.parametrize(("workers", "ahead"), [(1, 1), (2, 1), (3, 4)])
def test_no_more_is_begun_than_may_wait(workers: int, ahead: int) -> None:
    begun: list[int] = []
    results = prefetch_map(begun.append, range(50), workers, ahead)
    for taken, _ in enumerate(results):
        time.sleep(0.002)
        assert len(begun) <= taken + workers + ahead
    assert sorted(begun) == list(range(50))


def test_several_work_at_once() -> None:
    together = threading.Barrier(3, timeout=20)
    assert len(list(prefetch_map(lambda _: together.wait(), range(3), 3))) == 3


def fail_at_five(number: int) -> int:
    if number >= 5:
        raise Stop(number)
    return number


def test_an_error_comes_where_its_result_was_due_and_the_rest_is_dropped() -> None:
    results, taken = prefetch_map(fail_at_five, range(1000), 3), []
    with pytest.raises(Stop, match=r"^5$"):
        taken.extend(results)
    assert taken == [0, 1, 2, 3, 4]


def test_an_error_of_whoever_gives_the_items_reaches_the_caller() -> None:
    def give() -> Iterator[int]:
        yield from range(5)
        raise Stop

    with pytest.raises(Stop):
        list(prefetch_map(slow_when_even, give(), 2))


def test_closing_it_early_drops_what_has_not_begun() -> None:
    begun: list[int] = []
    results = prefetch_map(begun.append, range(1000), 2)
    next(results)
    results.close()
    assert count_threads() == 0
    assert len(begun) <= 3


def test_a_signal_while_it_waits_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Airflow ends a task: the handler raises in the main thread, which waits for a result."""
    going, go = threading.Event(), threading.Event()

    def hold(_: int) -> None:
        going.set()
        go.wait(20)

    def end(*_: Any) -> None:
        go.set()
        raise Stop

    def send() -> None:
        going.wait(20)
        os.kill(os.getpid(), signal.SIGUSR1)

    before, sender = signal.signal(signal.SIGUSR1, end), threading.Thread(target=send)
    try:
        sender.start()
        with pytest.raises(Stop):
            list(prefetch_map(hold, range(1000), 2))
    finally:
        signal.signal(signal.SIGUSR1, before)
        sender.join()


def run_in_child(pipe: Any) -> None:
    pipe.send(list(prefetch_map(slow_when_even, range(10), 2)))


def test_a_process_forked_in_the_middle_can_do_the_same() -> None:
    """Tasks are forked from a process that has the libraries loaded."""
    context = multiprocessing.get_context("fork")
    results = prefetch_map(slow_when_even, range(100), 2)
    next(results)
    ours, theirs = context.Pipe()
    child = context.Process(target=run_in_child, args=(theirs,))
    child.start()
    try:
        assert ours.poll(20)
        assert ours.recv() == [number * number for number in range(10)]
    finally:
        child.kill()
        child.join()
        results.close()
