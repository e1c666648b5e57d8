"""Makes tasks of the tests' stack stop where a test wants to kill them; lies in the root of the copied project.

A task passes `start`, `stored` after each object that it put into the lake, `commit1` and `committed1` around its first
transaction that wrote something, and so on, and `end` once its step is done. Where a test has armed one for its run,
the task says who it is and waits there.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("NIGHTSHIFT_FAILPOINTS", ""))
SECONDS = 240
# Rows, that is: whether drawing a number from a sequence counts as a write changes from one time to the next.
WROTE = "select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) > 0 from pg_stat_xact_user_tables"
_seen = {"run": "", "task": "", "commits": 0}


def install() -> None:
    """Put the moments into the project's modules. Called while a DAG file is read, so before any step is imported."""
    from nightshift.io.lake.folder import FolderLake
    from nightshift.io.warehouse.engine import Warehouse
    from nightshift.orchestration import task_wrapper as running

    running.check_conf = _before(running.check_conf, _start)
    running.report_outcome = _before(running.report_outcome, lambda: reach("end"))
    FolderLake.put_file = _watch_puts(FolderLake.put_file)  # type: ignore[method-assign]
    Warehouse.begin = _watch_commits(Warehouse.begin)  # type: ignore[method-assign]


def reach(moment: str) -> None:
    """Wait here, where that is armed, until released or killed."""
    if not _seen["run"]:
        return
    name = f"{_seen['run']}.{_seen['task']}.{moment}"
    with (FOLDER / "passed").open("a") as passed:
        passed.write(f"{name}\n")
    try:
        (FOLDER / f"{name}.armed").unlink()
    except FileNotFoundError:
        return
    draft = FOLDER / f"{name}.draft"
    draft.write_text(f"{os.getpid()} {os.getppid()}")
    draft.rename(FOLDER / f"{name}.reached")
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not (FOLDER / f"{name}.released").exists():
        time.sleep(0.05)


def _start() -> None:
    from airflow.sdk import get_current_context

    context = get_current_context()
    _seen.update(run=context["dag_run"].run_id, task=context["ti"].task_id)
    reach("start")


def _watch_puts(put: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*args: Any) -> Any:
        _fail_where_told()
        uri = put(*args)
        reach("stored")
        return uri

    return watched


def _fail_where_told() -> None:
    from nightshift.errors import TemporarilyUnavailable

    if (FOLDER / "lake_fails").exists():
        (FOLDER / "lake_failed").touch()
        raise TemporarilyUnavailable("The lake does not answer (a test has told it so).")


def _before(call: Callable[..., Any], first: Callable[[], None]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        first()
        return call(*args, **kwargs)

    return run


def _watch_commits(begin: Callable[..., Any]) -> Callable[..., Any]:
    @contextlib.contextmanager
    def watched(self: Any) -> Iterator[Any]:
        with begin(self) as connection:
            yield connection
            wrote = connection.exec_driver_sql(WROTE).scalar()
            if wrote:
                _seen["commits"] += 1
                reach(f"commit{_seen['commits']}")
        if wrote:
            reach(f"committed{_seen['commits']}")

    return watched
