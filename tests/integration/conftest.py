"""A real PostgreSQL for the session; every test gets a database of its own, copied from one that is ready."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from nightshift.io.warehouse.engine import migrate_warehouse, open_warehouse
from nightshift.local.paths import PROJECT_ROOT, Paths
from nightshift.local.postgres import Server, start_postgres, stop_postgres
from tests.integration.kit import LEARNING, World, make_connection, move_objects, open_world

MIGRATED, TRAINED = "template_migrated", "template_trained"


@pytest.fixture(scope="session")
def house_paths() -> Iterator[Paths]:
    """A state folder with a running server in it."""
    # Not pytest's folders: as root the server runs as another user, who may not enter them.
    paths = Paths(PROJECT_ROOT, Path(tempfile.mkdtemp(prefix="nightshift-test-")))
    start_postgres(paths)
    yield paths
    stop_postgres(paths)
    shutil.rmtree(paths.home)


@pytest.fixture(scope="session")
def server(house_paths: Paths) -> Server:
    """The running server."""
    return start_postgres(house_paths)


@pytest.fixture(scope="session")
def migrated(server: Server) -> str:
    """The name of an empty, migrated database; nobody is connected to it, so it can be copied."""
    execute(server, f"create database {MIGRATED}")
    warehouse = open_warehouse(make_connection(server, MIGRATED))
    migrate_warehouse(warehouse)
    warehouse.engine.dispose()
    return MIGRATED


@pytest.fixture(scope="session")
def trained(server: Server, migrated: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A database and its folder after six nights and the first training."""
    folder = tmp_path_factory.mktemp("trained")
    execute(server, f"create database {TRAINED} template {migrated}")
    with open_world(server, TRAINED, folder) as world:
        for night in LEARNING:
            world.write(night)
            assert world.ingest(night).status == "done"
        assert world.train(LEARNING[-1], "first").figures["promoted"]
    return TRAINED, folder


@pytest.fixture
def database(server: Server, migrated: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    with copy_database(server, migrated) as name:
        yield name


@pytest.fixture
def world(server: Server, database: str, tmp_path: Path) -> Iterator[World]:
    """Nothing came in yet."""
    with open_world(server, database, tmp_path) as world:
        yield world


@pytest.fixture
def champion_world(server: Server, trained: tuple[str, Path], tmp_path: Path) -> Iterator[World]:
    """Six nights came in, and version 1 is the champion."""
    with copy_trained(server, trained, tmp_path) as world:
        yield world


@contextmanager
def copy_trained(server: Server, trained: tuple[str, Path], target: Path) -> Iterator[World]:
    """A world of one's own in the folder `target`, with six nights and a champion."""
    template, folder = trained
    for name in ("data", "lake"):
        shutil.copytree(folder / name, target / name)
    with copy_database(server, template) as name, open_world(server, name, target) as world:
        move_objects(world, folder / "lake")
        yield world


@contextmanager
def copy_database(server: Server, template: str) -> Iterator[str]:
    """A copy that is gone afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    execute(server, f"create database {name} template {template}")
    try:
        yield name
    finally:
        execute(server, f"drop database {name} with (force)")


def execute(server: Server, statement: str) -> None:
    """One statement outside of any transaction."""
    with closing(server.connect("postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
