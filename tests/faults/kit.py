"""Steps in processes of their own that stop wherever a test wants, and what readers see meanwhile."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

import psycopg2
import yaml
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from nightshift.config.loading import load_pipeline
from nightshift.io.lake.base import Lake
from nightshift.io.lake.folder import FolderLake
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import SET_TIMEOUTS, open_warehouse
from nightshift.local.postgres import Server
from tests.faults.child import Job, run_job
from tests.integration.kit import World, make_connection

# A server of forks: each child starts in a moment, with every library there and no thread of the tests.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.faults.child"])
WAIT = 60  # seconds that a child may take to the point where it is wanted
VIEW = """
    select (select version from ml.champions where pipeline = 'shops') champion,
        coalesce((select jsonb_object_agg(partition_date, seen) from (
            select partition_date, jsonb_build_array(
                count(*), count(distinct model_version), count(distinct scored_at),
                md5(string_agg(t::text, '|' order by t::text))
            ) seen from scores.shops t group by partition_date) days), '{}') scores,
        coalesce((select jsonb_object_agg(partition_date, jsonb_build_array(rows, sha256))
            from ml.ledger where kind = 'scores'), '{}') ledger
"""


@dataclass
class Child:
    """A step in a process of its own. It tells the points that it passes, and waits at one of them."""

    process: Any
    pipe: Connection
    ended: dict[str, Any] = field(default_factory=dict)

    def wait_until_there(self) -> None:
        """Until it waits at the point where it was to stop; it must get there."""
        assert self.pipe.poll(WAIT), "the child neither came to the point nor ended"
        told = self.pipe.recv()
        assert told == "there", f"the child never came to the point: {told}"

    def kill(self) -> None:
        """SIGKILL, at once."""
        self.process.kill()
        self.process.join()

    def go(self) -> None:
        """Let it go on from where it waits."""
        self.pipe.send("go")

    def end(self) -> dict[str, Any]:
        """What the step came to: its outcome or error, and the names of all points that it passed."""
        assert self.pipe.poll(WAIT), "the child does not end"
        self.ended = self.pipe.recv()
        self.process.join()
        return self.ended


def start(
    world: World,
    server: Server,
    step: str,
    arguments: dict[str, Any],
    stop_at: str = "",
    patience: str = SET_TIMEOUTS,
) -> Child:
    """Start the step on the world's database and its folder lake; without `stop_at` it runs to its end."""
    here, there = PROCESSES.Pipe()
    assert isinstance(world.resources.lake, FolderLake)
    job = Job(
        server.socket_folder, str(world.warehouse.engine.url.database), world.config.folder, world.lake.root,
        step, arguments, stop_at, patience,
    )  # fmt: skip
    process = PROCESSES.Process(target=run_job, args=(job, there), daemon=True)
    process.start()
    there.close()
    return Child(process, here)


def run(world: World, server: Server, step: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Undisturbed, to its end."""
    return start(world, server, step, arguments).end()


def allow_any_size(world: World) -> World:
    """The same world, where a night may have many times the rows of those before it."""
    path = world.config.folder / "expectations.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "max_size_ratio": None}))
    return replace(world, config=load_pipeline(world.config.folder))


@contextmanager
def open_copy(world: World, server: Server, database: str, lake: Lake | None = None) -> Iterator[World]:
    """The same world on another database, and on another lake if one is given."""
    warehouse = open_warehouse(make_connection(server, database))
    try:
        resources = Resources(warehouse, lake or world.resources.lake, world.resources.get_connection)
        yield replace(world, resources=resources)
    finally:
        warehouse.engine.dispose()


@dataclass
class Seen:
    """Every different view that a reader who never stops asking has had."""

    views: list[dict[str, Any]] = field(default_factory=list)
    polls: int = 0
    away: int = 0  # times that the server did not answer

    def count_torn(self, *allowed: dict[str, Any]) -> int:
        """Views in which a partition, or the champion, was neither as in one of the allowed views nor as in another."""
        return sum(not all(_is_known(view, key, allowed) for key in _list_keys(view, allowed)) for view in self.views)


def _list_keys(view: dict[str, Any], allowed: tuple[dict[str, Any], ...]) -> set[str]:
    return {"champion"} | {day for known in (view, *allowed) for day in (*known["scores"], *known["ledger"])}


def _is_known(view: dict[str, Any], key: str, allowed: tuple[dict[str, Any], ...]) -> bool:
    """A partition's rows and its line in the ledger must fit together as well."""

    def take(known: dict[str, Any]) -> Any:
        return known["champion"] if key == "champion" else (known["scores"].get(key), known["ledger"].get(key))

    return any(take(view) == take(known) for known in allowed)


def look(world: World) -> dict[str, Any]:
    """The reader's view, in one statement."""
    with world.warehouse.engine.connect() as connection:
        row = connection.execute(text(VIEW)).one()
    return {"champion": row.champion, "scores": row.scores, "ledger": row.ledger}


@contextmanager
def poll(world: World) -> Iterator[Seen]:
    """A reader who asks all the time, and takes it when the server is away for a moment."""
    seen, done = Seen(), threading.Event()

    def ask() -> None:
        while not done.wait(0.002):
            try:
                view = look(world)
            except (DBAPIError, psycopg2.Error):
                seen.away += 1
                time.sleep(0.05)
                continue
            seen.polls += 1
            if view not in seen.views:
                seen.views.append(view)

    reader = threading.Thread(target=ask)
    reader.start()
    try:
        yield seen
    finally:
        done.set()
        reader.join()
