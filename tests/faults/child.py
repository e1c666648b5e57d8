"""One step in a process of its own, which tells before and after every write where it is, and can be held there."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import event

import nightshift.steps.registry.explain  # noqa: F401  imported once, for all children
from nightshift.config.loading import load_pipeline
from nightshift.errors import NightshiftError
from nightshift.io.lake.folder import FolderLake
from nightshift.io.resources import Resources
from nightshift.io.warehouse import binary_copy as copying
from nightshift.io.warehouse import engine as warehouses
from nightshift.local.postgres import Server
from nightshift.steps.outcome import Outcome
from tests.faults.steps import call_step
from tests.integration.kit import make_connection, refuse_connection


@dataclass(frozen=True)
class Job:
    """Which step to run on what, and the point to stop at, such as `before put 1`; empty for none."""

    socket_folder: str
    database: str
    pipeline: Path
    lake: Path
    step: str
    arguments: dict[str, Any]
    stop_at: str = ""
    patience: str = warehouses.SET_TIMEOUTS


@dataclass
class Points:
    """Names the points by counting each kind, and waits at the wanted one."""

    stop_at: str
    pipe: Connection
    passed: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, kind: str) -> int:
        """How many of this kind there were, with this one."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return self.counts[kind]

    def reach(self, name: str) -> None:
        """Here the test may do what it likes with this process."""
        self.passed.append(name)
        if name == self.stop_at:
            self.pipe.send("there")
            self.pipe.recv()

    @contextmanager
    def around(self, kind: str) -> Iterator[None]:
        """Two points, before and after a write."""
        number = self.count(kind)
        self.reach(f"before {kind} {number}")
        yield
        self.reach(f"after {kind} {number}")


def run_job(job: Job, pipe: Connection) -> None:
    """Run the step, and tell what it came to."""
    resources = open_resources(job)
    points = Points(job.stop_at, pipe)
    watch_writes(points, resources)
    ended: dict[str, Any]
    try:
        outcome: Outcome = call_step(job.step, load_pipeline(job.pipeline), resources, job.arguments)
        ended = {"status": outcome.status, "reason": outcome.reason, "figures": as_xcom(outcome.figures)}
    except NightshiftError as error:
        ended = {"status": type(error).__name__, "reason": str(error), "figures": {}}
    pipe.send({**ended, "points": points.passed})


def as_xcom(figures: dict[str, Any]) -> dict[str, Any]:
    """As the next task gets them."""
    passed: dict[str, Any] = json.loads(json.dumps(figures))
    return passed


def open_resources(job: Job) -> Resources:
    """The job's database and lake."""
    warehouses.SET_TIMEOUTS = job.patience
    warehouse = warehouses.open_warehouse(make_connection(Server(job.socket_folder), job.database))
    return Resources(warehouse, FolderLake(job.lake), refuse_connection)


def watch_writes(points: Points, resources: Resources) -> None:
    """Points around each object that is put, each COMMIT of something written, and each piece of a COPY."""
    drawn: list[str] = []
    put, commit, read = FolderLake.put_file, resources.warehouse.engine.dialect.do_commit, copying._CopyStream.read

    def put_file(lake: FolderLake, key: str, path: Path) -> str:
        with points.around("put"):
            return put(lake, key, path)

    def do_commit(connection: Any) -> None:
        if drawn or not has_written(connection):
            return commit(connection)
        with points.around("commit"):
            return commit(connection)

    def begin(_: Any) -> None:
        drawn.clear()
        points.reach(f"begin {points.count('begin')}")

    def note_draw(_: Any, __: Any, statement: str, *___: Any) -> None:
        # Only every 32nd number of a sequence is a write, so it must not be counted as one.
        drawn.extend(["drawn"] if "nextval('ml.attempt_numbers')" in statement else [])

    def read_piece(stream: Any, size: int = -1) -> bytes:
        points.reach(f"copy {points.count('copy')}")
        return read(stream, size)

    patch: Callable[..., None] = setattr
    patch(FolderLake, "put_file", put_file)
    patch(resources.warehouse.engine.dialect, "do_commit", do_commit)
    patch(copying._CopyStream, "read", read_piece)
    # Small pieces: even a short COPY can be stopped in its middle.
    patch(copying, "PIECE", 8192)
    event.listen(resources.warehouse.engine, "begin", begin)
    event.listen(resources.warehouse.engine, "before_cursor_execute", note_draw)


def has_written(connection: Any) -> bool:
    """Whether the transaction changed anything."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_current_xact_id_if_assigned()")
        return cursor.fetchone()[0] is not None
