"""A disk fills up: a clear message that says where, the old partition stays readable, and with room again it works."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest

from nightshift.errors import TemporarilyUnavailable
from nightshift.io.lake.folder import FolderLake
from nightshift.local.postgres import Server
from nightshift.local.postgres_files import find_system_user
from nightshift.steps.score.publish import publish_scores
from nightshift.steps.score.score import score_partition
from tests.faults.kit import allow_any_size
from tests.integration.conftest import execute
from tests.integration.kit import NIGHTS, ROWS, World

NIGHT = NIGHTS[6]
MANY = 40_000
SMALL, LARGE = "1m", "64m"
Make = Callable[[], "Disk"]


@dataclass
class Disk:
    """A small file system; `folder` is None where this machine's user may not mount one."""

    folder: Path | None

    def fill(self) -> None:
        """Until there is room for a few thousand bytes."""
        assert self.folder
        try:
            (self.folder / "filling").write_bytes(b"x" * (1 << 30))
        except OSError as error:
            assert error.errno == ENOSPC

    def make_room(self) -> None:
        """As an administrator does it."""
        subprocess.run(["mount", "-o", f"remount,size={LARGE}", str(self.folder)], check=True)


@contextmanager
def mount_small() -> Iterator[Disk]:
    """A file system of a megabyte, or none."""
    with tempfile.TemporaryDirectory(prefix="ns-disk-") as name:
        command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL},mode=0777", "tmpfs", name]
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        try:
            yield Disk(Path(name) if mounted else None)
        finally:
            if mounted:
                subprocess.run(["umount", "-l", name], check=True)


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A small disk."""
    with mount_small() as disk:
        yield disk


def refuse_to_write(*_: Any, **__: Any) -> None:
    """What a full disk says."""
    raise OSError(ENOSPC, "No space left on device")


def check_unchanged(world: World, before: dict[str, Any], attempt: Callable[[], Any], *words: str) -> None:
    """The attempt says where there is no space and may be repeated; what was published stays."""
    with pytest.raises(TemporarilyUnavailable) as raised:
        attempt()
    message = str(raised.value)
    assert "\n" not in message
    for word in ("o space left", "Free space", "nothing is lost or doubled", *words):
        assert word in message, message
    assert world.read_state() == before
    assert world.ask("select count(*) from scores.shops") == [(ROWS,)]


@pytest.mark.guarantee(17)
def test_a_full_lake(champion_world: World, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    world = champion_world
    world.run_night(NIGHT)
    world.write(NIGHT, count=90)
    before = world.read_state()
    with monkeypatch.context() as patch:
        if disk.folder:
            disk.fill()
            small = replace(world, resources=replace(world.resources, lake=FolderLake(disk.folder / "lake")))
        else:
            small = world
            patch.setattr("nightshift.io.lake.folder.copy_durably", refuse_to_write)
        check_unchanged(world, before, lambda: small.ingest(NIGHT), str(small.lake.root))
        assert not list(small.lake.root.glob(".incoming/*"))
    if disk.folder:
        disk.make_room()
        assert list(small.lake.list_uris("")) == []
        assert small.ingest(NIGHT).status == "done"
    else:
        assert world.ingest(NIGHT).status == "done"


@pytest.mark.guarantee(17)
def test_a_full_folder_for_temporary_files(champion_world: World, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """While rows are written there, and while an object is copied to there."""
    world = allow_any_size(champion_world)
    world.run_night(NIGHT)
    world.write(NIGHT, count=4000)
    before, place = world.read_state(), str(disk.folder or tempfile.gettempdir())
    with monkeypatch.context() as patch:
        if disk.folder:
            patch.setattr(tempfile, "tempdir", place)
            disk.fill()
        else:
            patch.setattr("pyarrow.parquet.write_table", refuse_to_write)
            patch.setattr("nightshift.io.lake.folder.shutil.copyfile", refuse_to_write)
        check_unchanged(world, before, lambda: world.ingest(NIGHT), place, "TMPDIR")
        check_unchanged(world, before, lambda: world.score(NIGHT), place, "TMPDIR")
    assert [world.ingest(NIGHT).status, world.score(NIGHT).status] == ["done", "done"]
    assert world.ask("select count(*) from scores.shops") == [(4000,)]


@contextmanager
def fill_database(world: World, server: Server, disk: Disk) -> Iterator[None]:
    """New tables of the world's database lie on the small disk; without one a trigger says what a full disk says."""
    database = world.warehouse.engine.url.database
    if disk.folder:
        if user := find_system_user():
            subprocess.run(["chown", user.pw_name, str(disk.folder)], check=True)
        execute(server, f"create tablespace small location '{disk.folder}'")
        world.change("create index on scores.shops (score, scored_at, model_version) tablespace small")
    else:
        world.change(
            "create function public.refuse() returns trigger language plpgsql as $$ begin raise exception"
            " 'could not extend file: No space left on device' using errcode = 'disk_full'; end $$"
        )
        world.change("create trigger full_disk before insert on scores.shops for each row execute function refuse()")
    try:
        yield
    finally:
        world.warehouse.engine.dispose()
        if disk.folder:
            execute(server, f"drop database {database} with (force)")
            execute(server, "drop tablespace small")
            execute(server, f"create database {database}")


@pytest.mark.guarantee(17)
def test_a_full_disk_of_the_database(champion_world: World, server: Server, disk: Disk) -> None:
    world = allow_any_size(champion_world)
    world.run_night(NIGHT)
    world.write(NIGHT, count=MANY)
    assert world.ingest(NIGHT).status == "done"
    scored = score_partition(world.config, world.resources, NIGHT).figures

    def publish() -> Any:
        return publish_scores(world.config, world.resources, NIGHT, scored)

    with fill_database(world, server, disk):
        before = world.read_state()
        check_unchanged(world, before, publish, "The warehouse has no space left", "'nightshift_warehouse'")
        if disk.folder:
            disk.make_room()
        else:
            world.change("drop trigger full_disk on scores.shops")
        assert publish().status == "done"
        assert world.ask("select count(*) from scores.shops") == [(MANY,)]
