"""Work in threads, ahead of whoever takes the results: for what lets go of the interpreter, as Arrow and NumPy do."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# More would not shorten a night, since the warehouse takes fewer rows a second than they score; but each takes memory.
MAX_WORKERS = 8


def count_workers() -> int:
    """One for every core that this process may use, up to a bound, so that memory doesn't follow the machine's size."""
    # Not every system can bind a process to some of the cores.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MAX_WORKERS, cores)


def prefetch_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int = 1
) -> Generator[Result]:
    """`function` of each item, in their order, worked out by `workers` threads; at most `ahead` results lie waiting.

    What the function raises is raised where its result is due. However the caller ends, by an exception, a signal or
    by closing the generator, what has not begun is dropped and what has is waited for: no thread outlives the call.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="ahead")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= workers + ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def prime(items: Iterator[Item]) -> Iterator[Item]:
    """The same, begun: what comes before the first one is done at once."""
    return chain(list(islice(items, 1)), items)
