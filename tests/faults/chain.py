"""All steps one after the other, undisturbed: the state before each, to break it from, and the state after it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nightshift.io.lake.base import hash_file
from nightshift.io.registry import record_decision, set_challenger
from nightshift.local.postgres import Server
from tests.faults.kit import open_copy, run
from tests.faults.steps import AS_OF, LATER, NIGHT, STEPS, make_arguments
from tests.integration.conftest import copy_database, execute
from tests.integration.kit import PIPELINE, World, bend
from tests.integration.registry_kit import copy_version

# What two runs may differ in: clocks, counters, names of attempts, and hashes of objects that hold a time.
VOLATILE = re.compile(
    r".*_at|.*_uri|.*_id|id|attempt.*|since|seconds|rules|params|reason|why|evaluation|link|code_version"
)
WITH_TIME = {"ml.ledger": {"sha256"}, "ml.cards": {"sha256"}}
# Append-only logs: a retry may add what happened a second time, and nothing else.
LOGS = {"ml.ledger_history", "ml.gate_decisions"}
POINTERS = (
    "select object_uri, sha256 from ml.ledger union select object_uri, sha256 from ml.cards"
    " union select artifact_uri, artifact_sha256 from ml.model_versions"
    " union select reference_uri, reference_sha256 from ml.model_versions"
    " union select golden_uri, golden_sha256 from ml.model_versions where golden_uri is not null"
)
PROBED = [{"name": "reload", "passed": True, "figures": {}, "reason": ""}]
NEW_ROWS = 90


@dataclass
class Chain:
    """A world that walks on from step to step; every state on its way can be opened again."""

    world: World
    server: Server
    before: dict[str, str] = field(default_factory=dict)  # a database by step
    after: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)

    def walk_to(self, step: str) -> None:
        """Do every step up to this one that is not done yet."""
        for name in list(STEPS)[len(self.ended) : list(STEPS).index(step) + 1]:
            self.world.warehouse.engine.dispose()
            self.before[name] = f"{self.world.warehouse.engine.url.database}_{name}"
            execute(
                self.server, f"create database {self.before[name]} template {self.world.warehouse.engine.url.database}"
            )
            self.ended[name] = run(self.world, self.server, name, self.arguments(name))
            assert self.ended[name]["status"] == "done", self.ended[name]["reason"]
            self.after[name] = dump(self.world)

    def arguments(self, step: str) -> dict[str, Any]:
        """What the step is called with."""
        return make_arguments(step, {name: ended["figures"] for name, ended in self.ended.items()})

    def list_writes(self, step: str) -> list[str]:
        """The points before and after each of the step's writes."""
        return [point for point in self.ended[step]["points"] if re.fullmatch(r"(before|after) .*", point)]

    @contextmanager
    def open_before(self, step: str) -> Iterator[World]:
        """A copy of the warehouse as it was before the step; the lake is the same, since objects never change."""
        self.walk_to(step)
        with copy_database(self.server, self.before[step]) as name, open_copy(self.world, self.server, name) as world:
            yield world

    def remove(self) -> None:
        """The databases of the way."""
        for name in self.before.values():
            execute(self.server, f"drop database {name} with (force)")


def prepare(world: World) -> World:
    """A champion, a challenger, three scored nights of which the last ones drifted, and a new file for the first."""
    world = bend(world, **{"gate.keep_challenger": True})
    world.run_night(NIGHT)
    version = copy_version(world, "rival")
    with world.warehouse.begin() as connection:
        identity = record_decision(connection, PIPELINE, version, 1, "keep", PROBED, "a rival")
        set_challenger(connection, PIPELINE, version, identity)
    for night in (LATER, AS_OF):
        world.run_night(night, shift=60.0)
    world.write(NIGHT, count=NEW_ROWS)
    return world


def dump(world: World) -> dict[str, Any]:
    """Every row of every table, in order, without what two runs may differ in."""
    query = (
        "select table_schema || '.' || table_name, array_agg(column_name::text) from information_schema.columns"
        " join information_schema.tables using (table_schema, table_name)"
        " where table_schema in ('ml', 'monitoring', 'scores') and table_type = 'BASE TABLE' group by 1"
    )
    return {table: dump_table(world, table, columns) for table, columns in sorted(world.ask(query))}


def dump_table(world: World, table: str, columns: list[str]) -> list[str]:
    """The rows as text, in order; those of a log only once."""
    kept = [name for name in columns if not VOLATILE.fullmatch(name) and name not in WITH_TIME.get(table, set())]
    listed = ", ".join(f'"{name}"' for name in sorted(kept))
    rows = [str(row) for row in world.ask(f"select {listed} from {table}")]
    return sorted(set(rows) if table in LOGS else rows)


def find_broken_pointers(world: World) -> list[str]:
    """Objects that a row points at and that are missing or are not what the row says."""
    return [uri for uri, sha256 in world.ask(POINTERS) if not _is_whole(world.find_file(uri), sha256)]


def _is_whole(path: Path, sha256: str) -> bool:
    return path.is_file() and hash_file(path) == sha256
