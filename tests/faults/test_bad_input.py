"""Bad input from end to end: its fate, one clear message, and everything else as it was."""

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nightshift.errors import NightshiftError
from nightshift.local.postgres import Server
from nightshift.steps.outcome import Outcome
from tests.faults.bad_batches import BATCHES, NIGHT, Batch, draw
from tests.integration.conftest import copy_database
from tests.integration.kit import World, make_config, move_objects, open_world

TRACEBACK = re.compile(r"Traceback|File \".*\", line \d+, in ")
pytestmark = pytest.mark.guarantee(10)


@pytest.fixture(scope="module")
def night_world(server: Server, trained: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A champion, and a good night that was scored; every bad input comes instead of that night's batch."""
    template, folder = trained
    own = tmp_path_factory.mktemp("night")
    for name in ("data", "lake"):
        shutil.copytree(folder / name, own / name)
    with copy_database(server, template) as name, open_world(server, name, own) as world:
        move_objects(world, folder / "lake")
        world.run_night(NIGHT)
        yield world


def point_to(world: World, folder: Path, **changes: Any) -> World:
    """The same pipeline with another source or other settings."""
    return replace(world, config=make_config(folder, **changes), folder=folder / "data")


def ingest(world: World) -> tuple[Outcome, str]:
    """The outcome, and what the user reads; what is refused while it is read counts as stopped."""
    try:
        outcome = world.ingest(NIGHT)
    except NightshiftError as error:
        return Outcome("stopped", str(error)), str(error)
    return outcome, outcome.reason


def require_clear(message: str) -> None:
    """One line, that can be shown as it is."""
    assert message
    assert message.isprintable(), message
    assert not TRACEBACK.search(message)
    assert len(message) < 2000


def assert_fate(world: World, fate: str, message: str, lost: int = 0) -> None:
    """Ingest and score the night; what comes in must meet its fate, and nothing else may change."""
    before = world.read_state(without=NIGHT)
    outcome, told = ingest(world)
    if fate == "stopped":
        assert outcome.status == "stopped", outcome
        require_clear(told)
        assert re.search(message, told), told
        assert world.read_state(without=NIGHT) == before
        return
    assert outcome.status == "done", told
    assert outcome.figures["quarantined"] == lost
    if message:
        reasons = "; ".join(failure["detail"] for failure in outcome.figures["failures"])
        assert re.search(message, reasons), reasons
    assert world.score(NIGHT).status == "done"
    good = "select rows - repeated - quarantined from monitoring.validation where partition_date = :d"
    rows = "select count(distinct (shop, visit)) from scores.shops where partition_date = :d"
    assert world.ask(rows, d=NIGHT) == world.ask(good, d=NIGHT)
    after = world.read_state(without=NIGHT)
    assert {name: after[name] for name in ("versions", "champions", "promotions")} == {
        name: before[name] for name in ("versions", "champions", "promotions")
    }


def choose(batch: Batch, position: int) -> Any:
    """A stopped batch costs little; of those that go on, `make test` takes every eighth."""
    late = batch.fate != "stopped" and (position % 8 or "thousand columns" in batch.name)
    return pytest.param(batch, id=f"{batch.kind}: {batch.name}", marks=[pytest.mark.thorough] if late else [])


@pytest.mark.parametrize("batch", [choose(batch, position) for position, batch in enumerate(BATCHES)])
def test_a_batch_meets_its_fate(night_world: World, tmp_path: Path, batch: Batch) -> None:
    """Through extract, validate, features, score and publish."""
    spec = {"source.path": f"{tmp_path}/data/{{partition}}.{batch.kind}", **batch.spec}
    world = point_to(night_world, tmp_path, **spec)
    path = world.folder / f"{NIGHT}.{batch.kind}"
    path.write_bytes(batch.content)
    assert_fate(world, batch.fate, batch.message, batch.lost)


SOURCES = {
    "raises": ("raise ValueError('no luck')", "failed with ValueError: no luck"),
    "exits": ("raise SystemExit(3)", "failed with SystemExit"),
    "returns nothing": ("return None", "returned NoneType"),
    "returns a list": ("return [1, 2]", "returned list"),
    "recurses": ("return read(day)", "RecursionError"),
    "names that are no text": ("return pd.DataFrame({1: [2]})", "has a name that is not text"),
    "column twice": ("return pd.DataFrame([[1, 2]], columns=['a', 'a'])", "more than once"),
    "mixed types": ("return pd.DataFrame({'shop': [1, 'a', b'x', object()]})", "mixed or unknown types"),
    "two levels of names": (
        "return pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([('a', 'b')]))",
        "a name that is not text",
    ),
    "no column": ("return pd.DataFrame({'other': [1]})", "'shop' is missing"),
    "no row": ("return pd.DataFrame({'shop': []})", "no rows"),
    "syntax error": ("return (", "can't be loaded: SyntaxError"),
    "missing import": ("import no_such_module", "No module named 'no_such_module'"),
    "needs another argument": ("pass\ndef read(day, region): pass", "can't be called"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_python_source_fails_with_one_sentence(night_world: World, tmp_path: Path, name: str) -> None:
    body, message = SOURCES[name]
    world = point_to(night_world, tmp_path, source={"kind": "python", "function": "source.py:read"})
    (world.config.folder / "source.py").write_text(f"import pandas as pd\ndef read(day):\n    {body}\n")
    assert_fate(world, "stopped", message)


QUERY = "select * from visits where date(seen_at) >= :partition_start and date(seen_at) < :partition_end"
DATABASES = {
    "good": ("", QUERY, "accepted", ""),
    "no such table": ("", QUERY.replace("visits", "visitors"), "stopped", "no such table: visitors"),
    "syntax error": ("", QUERY.replace("select", "selct"), "stopped", "syntax error"),
    "a query that writes": ("", QUERY.replace("select *", "delete"), "stopped", "readonly|rows"),
    "two statements": ("", QUERY + "; drop table visits", "stopped", "one statement at a time"),
    "no rows": ("delete from visits", QUERY, "stopped", "no rows"),
    "column gone": ("alter table visits drop column spent", QUERY, "stopped", "'spent' is missing"),
    "column renamed": ("alter table visits rename column spent to money", QUERY, "stopped", "'spent' is missing"),
    "column twice": ("", QUERY.replace("*", "*, spent"), "stopped", "'spent' appears more than once"),
    "words for numbers": ("update visits set spent = 'many'", QUERY, "stopped", "'spent' was number"),
    "a word for a number": ("update visits set spent = 'many' where visit = 3", QUERY, "quarantined", "'many' is not"),
    "blob for a number": ("update visits set spent = x'ff00' where visit = 3", QUERY, "quarantined", "not a valid"),
    "NUL in text": ("update visits set shop = 'a' || char(0) where visit = 3", QUERY, "stopped", "shop: holds a NUL"),
}


@pytest.mark.parametrize("name", DATABASES)
def test_a_database_meets_its_fate(night_world: World, tmp_path: Path, name: str) -> None:
    change, query, fate, message = DATABASES[name]
    source = {"kind": "sql", "url": f"sqlite:///{tmp_path}/shops.db", "query": query}
    world = point_to(night_world, tmp_path, source=source)
    with sqlite3.connect(tmp_path / "shops.db") as database:
        draw().infer_objects().to_sql("visits", database, index=False)
        database.execute(change)
    assert_fate(world, fate, message, int(fate == "quarantined"))


def test_what_is_no_file_is_said_to_be_none(night_world: World, tmp_path: Path) -> None:
    world = point_to(night_world, tmp_path)
    path = world.folder / f"{NIGHT}.csv"
    for make, message in (
        (path.mkdir, "is not a file"),
        (lambda: os.mkfifo(path), "is not a file"),
        (lambda: path.symlink_to(tmp_path / "nowhere"), "does not exist"),
        (lambda: path.symlink_to(path), "can't be looked at|does not exist|is not a file"),
        (lambda: path.symlink_to("/dev/zero"), "is not a file"),
    ):
        make()
        assert_fate(world, "stopped", message)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    assert_fate(world, "stopped", "does not exist")


def test_what_nobody_thought_of_is_one_sentence(
    night_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Naming the pipeline, the day and the source."""
    world = point_to(night_world, tmp_path)
    (world.folder / f"{NIGHT}.csv").write_bytes(draw().to_csv(index=False).encode())

    def fail(*arguments: object) -> None:
        raise KeyError("surprise")

    for place in ("nightshift.steps.ingest.validate.compare_schema", "nightshift.io.sources.row_stream.blank_nulls"):
        with monkeypatch.context() as patch:
            patch.setattr(place, fail)
            assert_fate(world, "stopped", f"shops.*{NIGHT}.*KeyError: 'surprise'")
