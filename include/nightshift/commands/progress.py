"""How far long work is: a bar on a terminal, a line now and then elsewhere. Both on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Without a terminal: so many lines over the whole work.
LINES = 10


@contextmanager
def show_progress(label: str, total: int) -> Iterator[Callable[[str], None]]:
    """Gives what is called at every one of `total` steps, with a word about it."""
    if sys.stderr.isatty():
        with _show_bar(label, total) as step:
            yield step
    else:
        yield _make_lines(label, total)


@contextmanager
def _show_bar(label: str, total: int) -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:14}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[about]}"), console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total, about="")
        yield lambda about: progress.update(task, advance=1, about=about)


def _make_lines(label: str, total: int) -> Callable[[str], None]:
    started, done = time.monotonic(), 0

    def step(about: str) -> None:
        nonlocal done
        done += 1
        if done == total or done * LINES // total > (done - 1) * LINES // total:
            seconds = time.monotonic() - started
            print(f"{seconds:7.1f} s  {label}: {done} of {total}  {about}", file=sys.stderr, flush=True)

    return step
