"""A world with a past: replaced partitions, a failed candidate, leftovers of killed tasks; and how it is checked."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from nightshift.io.artifacts import load_model
from nightshift.io.lake.base import Lake, StoredObject, make_attempt_id, make_key
from nightshift.io.lake.layout import KINDS
from nightshift.io.registry import list_versions
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import Warehouse
from nightshift.steps.maintenance import MaintenanceRun, apply_retention, collect_garbage
from nightshift.steps.registry.explain import explain_row
from tests.integration.kit import NIGHTS, PIPELINE, World, bend

# Everything that happened here happened a good month ago.
LATER = timedelta(days=40)
LAST_NIGHT = date(2026, 3, 10)
RETENTION = {"raw": 32, "valid": 32, "features": 32, "scores": 32, "quarantine": 32, "superseded": 30, "candidates": 30}
KILLED = 9


def begin_later(grace: int = 7, dry_run: bool = False, later: timedelta = LATER) -> MaintenanceRun:
    """A run of maintenance in the future."""
    return MaintenanceRun("later", datetime.now(UTC) + later, grace, dry_run)


def maintain(world: World, upkeep: MaintenanceRun | None = None) -> list[dict[str, Any]]:
    """All that the DAG does to warehouse and lake; the lines that it tells."""
    upkeep = upkeep or begin_later()
    steps = (collect_garbage, apply_retention)
    return [line for step in steps for line in step(world.resources, [world.config], upkeep).figures["lines"]]


def make_past(world: World) -> World:
    """Scores of old and new partitions, one replaced that the champion was trained on, a candidate that failed."""
    strict = bend(world, **{"gate.floor": 0.9999})
    assert not strict.train(NIGHTS[5], "second").figures["promoted"]
    world = bend(strict, retention=RETENTION)
    for night in (NIGHTS[0], NIGHTS[1]):
        assert world.score(night).status == "done"
    world.run_night(NIGHTS[7])
    world.run_night(NIGHTS[7], count=90)
    world.write(NIGHTS[2], count=90)
    assert world.ingest(NIGHTS[2]).status == "done"
    world.run_night(LAST_NIGHT)
    return world


def put_orphans(lake: Lake, at: datetime, pipeline: str = PIPELINE) -> set[str]:
    """One object of each kind that nothing points at, begun at that time; their keys."""
    attempt = make_attempt_id(at)
    keys = {make_key(kind, pipeline, NIGHTS[3], attempt) for kind in KINDS[:-3]}
    keys |= {make_key("reports", pipeline, NIGHTS[3], attempt, f".drift.{form}") for form in ("html", "json")}
    keys |= {f"models/{pipeline}/{'a' * 64}/{attempt}.skops", f"models/{pipeline}/golden/{attempt}.parquet"}
    keys |= {f"models/{pipeline}/reference/{attempt}.parquet", f"cards/{pipeline}/1/{attempt}/model.html"}
    with tempfile.NamedTemporaryFile() as file:
        for key in keys:
            lake.put_file(key, Path(file.name))
    return keys


def list_keys(lake: Lake) -> set[str]:
    """Every key of the lake."""
    return {item.key for item in lake.list_objects("")}


def check_references(world: World) -> int:
    """Every object that somebody may ask for is there with the bytes that were recorded; how many.

    Asked in words of its own, not through the function that the sweep trusts.
    """
    wanted = world.ask("select object_uri, sha256 from ml.ledger")
    wanted += world.ask("select params #>> '{sample,uri}', params #>> '{sample,sha256}' from ml.ledger"
                        " where params ? 'sample'")  # fmt: skip
    for name in ("artifact", "reference", "golden"):
        wanted += world.ask(
            f"select {name}_uri, {name}_sha256 from ml.model_versions v where not exists"
            " (select from ml.retired_versions r where r.version = v.version and r.pipeline = v.pipeline)"
        )
    wanted += world.ask("select object_uri, sha256 from ml.cards")
    for uri, sha256 in wanted:
        assert hash_object(world.resources.lake, uri) == sha256, uri
    for (uri,) in world.ask("select unnest(array[report_uri, report_json_uri]) from monitoring.drift"):
        assert uri is None or hash_object(world.resources.lake, uri)
    return len(wanted) + check_models(world)


def check_models(world: World) -> int:
    """Every version that ever was in charge loads, and what all that aren't retired were trained on is there."""
    promoted = {version for (version,) in world.ask("select version from ml.promotions")}
    retired = {version for (version,) in world.ask("select version from ml.retired_versions")}
    assert not promoted & retired
    with world.warehouse.begin() as connection:
        versions = list_versions(connection, PIPELINE)
    history = world.ask(
        "select partition_date::text, sha256, object_uri from ml.ledger_history where kind = 'features'"
    )
    keys = list_keys(world.resources.lake)
    present = {(day, sha) for day, sha, uri in history if parse_uri(uri) in keys}
    for version in versions:
        if version.version in promoted:
            assert load_model(world.resources.lake, version.artifact)
        if version.version not in retired:
            assert set(version.inputs["features"].items()) <= present
    return len(versions)


def check_explained(world: World) -> None:
    """The first row of each scored partition leads to its model and to objects that are there."""
    for night, shop, visit in world.ask(
        "select distinct on (partition_date) partition_date, shop, visit from scores.shops order by 1, 2, 3"
    ):
        told = explain_row(world.config, world.resources, f"{shop},{visit}", night)
        assert told["objects"]["features"]["exact"]


def parse_uri(uri: str) -> str:
    """The key: the last four parts."""
    return "/".join(uri.split("/")[-4:])


def hash_object(lake: Lake, uri: str) -> str:
    """The sha256 of the object's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "object"
        lake.get_file(uri, path)
        return hashlib.sha256(path.read_bytes()).hexdigest()


class DyingWarehouse(Warehouse):
    """Passes a failpoint before and after each commit."""

    def __init__(self, warehouse: Warehouse, point: Callable[[], None]) -> None:
        super().__init__(warehouse.engine, warehouse.conn_id)
        self.point = point

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with super().begin() as connection:
            yield connection
            self.point()
        self.point()


class DyingLake:
    """Passes a failpoint before and after each deletion."""

    def __init__(self, lake: Lake, point: Callable[[], None]) -> None:
        self.lake, self.point = lake, point

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lake, name)

    def delete(self, uri: str) -> None:
        self.point()
        self.lake.delete(uri)
        self.point()


def maintain_and_die(world: World, step: int) -> bool:
    """Maintain in a child that ends at its failpoint number `step`, as if killed; whether it came to that."""
    child = os.fork()
    if child == 0:
        try:
            _run_child(world, step)
        finally:
            os._exit(KILLED + 1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED), "maintenance failed otherwise than by being killed"
    return code == KILLED


def _run_child(world: World, step: int) -> None:
    # The parent's connections stay the parent's.
    world.warehouse.engine.dispose(close=False)
    passed = 0

    def point() -> None:
        nonlocal passed
        passed += 1
        if passed == step:
            os._exit(KILLED)

    lake: Any = DyingLake(world.resources.lake, point)
    resources = Resources(DyingWarehouse(world.warehouse, point), lake, world.resources.get_connection)
    maintain(replace(world, resources=resources))
    os._exit(0)


class PastLake:
    """Lists what was there when it was made. To maintenance in the future, what nights write now would be old too."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.known = lake, list_keys(lake)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lake, name)

    def list_objects(self, prefix: str) -> Iterator[StoredObject]:
        return (item for item in self.lake.list_objects(prefix) if item.key in self.known)

    def list_unfinished(self) -> Iterator[StoredObject]:
        return iter(())
