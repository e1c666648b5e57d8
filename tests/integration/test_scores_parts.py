"""The parts behind scores.NAME: a month or a day each, made and filled without anybody waiting."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg2
import pyarrow as pa
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

import nightshift.io.scores.table
from nightshift.config.days import list_days
from nightshift.io.lake.base import ObjectRef
from nightshift.io.ledger.entries import Attempt, NewEntry, write_entry
from nightshift.io.scores import partitions as scores_parts
from nightshift.io.scores.table import Stamp, ensure_scores_table, make_scores_schema, replace_scores
from nightshift.local.postgres import Server
from tests.integration.kit import World

FEW, MANY = 10, 50
EARLIER, JANUARY, FEBRUARY = date(2025, 12, 31), date(2026, 1, 30), date(2026, 2, 1)
FIRST, SECOND, THIRD = (FEBRUARY + timedelta(days=number) for number in range(3))


@pytest.fixture
def newcomer(champion_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """No night was ever published; one of MANY rows is a large one."""
    monkeypatch.setattr(scores_parts, "LARGE_ROWS", MANY)
    return champion_world


@pytest.fixture
def world(newcomer: World) -> World:
    """In earlier months the nights were small."""
    remember(newcomer, EARLIER, FEW)
    return newcomer


def stamp(night: date, version: int = 1) -> Stamp:
    """The same for all nights."""
    return Stamp(night, version, datetime(2026, 3, 1, 2, 3, 4, 567_890, tzinfo=UTC))


def make_batch(world: World, common: Stamp, rows: int) -> pa.RecordBatch:
    """Rows whose keys are 0, 1, 2 and so on."""
    schema = make_scores_schema(world.config)
    drawn: dict[str, list[Any]] = {"score": [0.5] * rows, "decision": [True] * rows}
    drawn |= {name: [value] * rows for name, value in asdict(common).items()}
    for key in world.config.spec.keys:
        drawn[key] = [str(number) if pa.types.is_string(schema.field(key).type) else number for number in range(rows)]
    return pa.RecordBatch.from_pydict(drawn, schema)


def remember(world: World, night: date, rows: int) -> None:
    """The ledger says that the night has scores."""
    entry = NewEntry("scores", Attempt("x", 0), ObjectRef("file:///x", "x", rows))
    with world.warehouse.begin() as connection:
        write_entry(connection, world.config.name, night, entry, "x", "x")


def fill(world: World, night: date, rows: int, version: int = 1) -> None:
    """As `publish` does it, in its two transactions."""
    common = stamp(night, version)
    with world.warehouse.begin() as connection:
        ensure_scores_table(connection, world.config, common, rows)
    with world.warehouse.begin() as connection:
        assert replace_scores(connection, world.config, common, [make_batch(world, common, rows)]) == rows


def list_parts(world: World) -> list[str]:
    """The parts by name, all of which must have their unique index."""
    query = (
        "select relname, (select count(*) from pg_index i where i.indrelid = c.oid and indisunique and indisvalid)"
        " from pg_class c where relnamespace = 'scores_parts'::regnamespace and relkind = 'r' order by 1"
    )
    found = world.ask(query)
    assert {indexes for _, indexes in found} == {1}
    return [name.removeprefix("shops_") for name, _ in found]


def count_rows(world: World) -> dict[date, int]:
    return dict(world.ask("select partition_date, count(*) from scores.shops group by 1"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        ([FEW, MANY, FEW], ["2026_02"]),
        ([MANY, FEW, MANY], ["2026_02_01", "2026_02_02", "2026_02_03"]),
    ],
)
def test_the_night_that_opens_a_month_says_whether_its_days_have_parts(
    world: World, rows: list[int], parts: list[str]
) -> None:
    nights = dict(zip((FIRST, SECOND, THIRD), rows, strict=True))
    for night, count in nights.items():
        fill(world, night, count)
    assert list_parts(world) == parts
    assert count_rows(world) == nights


def test_each_month_decides_for_itself(world: World) -> None:
    fill(world, JANUARY, FEW)
    fill(world, FEBRUARY, MANY)
    assert list_parts(world) == ["2026_01", "2026_02_01"]


@pytest.mark.parametrize(
    ("scored", "parts"),
    [
        ({}, ["2026_02_01", "2026_02_02"]),
        ({SECOND: FEW}, ["2026_02_01", "2026_02_02"]),
        ({JANUARY: FEW}, ["2026_02"]),
        ({JANUARY: FEW, EARLIER: MANY}, ["2026_02_01", "2026_02_02"]),
        ({date(2026, 3, 1): MANY - 1}, ["2026_02"]),
    ],
)
def test_days_share_a_part_once_the_nights_of_another_month_were_all_small(
    newcomer: World, scored: dict[date, int], parts: list[str]
) -> None:
    """Nobody knows how large a pipeline's nights get before there were some."""
    for night, rows in scored.items():
        remember(newcomer, night, rows)
    fill(newcomer, FIRST, FEW)
    fill(newcomer, SECOND, FEW)
    assert list_parts(newcomer) == parts


@pytest.mark.parametrize("rows", [FEW, MANY])
def test_a_night_of_any_size_replaces_one(world: World, rows: int) -> None:
    fill(world, FIRST, MANY + 1)
    fill(world, FIRST, rows)
    assert (count_rows(world), list_parts(world)) == ({FIRST: rows}, ["2026_02_01"])


@pytest.mark.guarantee(1)
@pytest.mark.parametrize("rows", [FEW, MANY])
def test_no_key_comes_twice(world: World, rows: int) -> None:
    """The index of a large night is built after its rows came in: it must look at them all the same."""
    batch = make_batch(world, stamp(FIRST), rows)
    for night in (FIRST, FIRST + timedelta(days=1)):
        with world.warehouse.begin() as connection:
            ensure_scores_table(connection, world.config, stamp(night), rows)
        with pytest.raises(psycopg2.errors.UniqueViolation), world.warehouse.begin() as connection:
            replace_scores(connection, world.config, stamp(FIRST), [batch, batch.slice(3, 1)])
        assert count_rows(world) == {}
    fill(world, FIRST, rows)
    assert count_rows(world) == {FIRST: rows}


@pytest.mark.guarantee(3)
def test_nights_that_open_a_month_at_once(world: World) -> None:
    """Large ones and small ones: whoever comes first decides, and none waits for another for ever."""
    nights = {night: (FEW, MANY)[number % 2] for number, night in enumerate(list_days(FEBRUARY, date(2026, 2, 8)))}
    with ThreadPoolExecutor(len(nights)) as threads:
        list(threads.map(lambda night: fill(world, night, nights[night]), nights))
    assert count_rows(world) == nights
    assert list_parts(world) in (["2026_02"], [f"2026_02_{night:%d}" for night in nights])


@pytest.mark.parametrize("rows", [FEW, MANY])
def test_a_reader_that_takes_hours_keeps_no_night_waiting_and_waits_for_none(
    server: Server, world: World, rows: int
) -> None:
    fill(world, JANUARY, FEW)
    with closing(server.connect(str(world.warehouse.engine.url.database), "nightshift_analyst")) as reader:
        cursor = reader.cursor()
        cursor.execute("select count(*) from scores.shops; select count(*) from scores.shops_latest")
        with world.warehouse.begin() as connection:
            connection.execute(text("set local lock_timeout = '5s'"))
            ensure_scores_table(connection, world.config, stamp(FEBRUARY), rows)
            # Also while the new part is being made, and while it is being filled.
            cursor.execute("set lock_timeout = '5s'; select count(*) from scores.shops")
        with world.warehouse.begin() as connection:
            connection.execute(text("set local lock_timeout = '5s'"))
            replace_scores(connection, world.config, stamp(FEBRUARY), [make_batch(world, stamp(FEBRUARY), rows)])
            cursor.execute("select count(*) from scores.shops")
            assert cursor.fetchone() == (FEW,)
        cursor.execute("select count(*) from scores.shops_latest")
        assert cursor.fetchone() == (rows,)


@pytest.mark.guarantee(1)
def test_a_transaction_that_began_before_a_night_sees_nothing_of_it(server: Server, world: World) -> None:
    fill(world, JANUARY, FEW)
    with closing(server.connect(str(world.warehouse.engine.url.database), "nightshift_analyst")) as reader:
        reader.set_session(isolation_level="REPEATABLE READ")
        cursor = reader.cursor()
        cursor.execute("select 1")
        fill(world, FEBRUARY, MANY)
        cursor.execute("select count(*), max(partition_date) from scores.shops")
        assert cursor.fetchone() == (FEW, JANUARY)


@pytest.mark.parametrize("rows", [FEW, MANY])
def test_a_table_of_an_earlier_version_keeps_its_key(world: World, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """It has one for all parts, which the server then sees to itself."""
    with monkeypatch.context() as patch:
        patch.setattr(nightshift.io.scores.table, "attach_part", lambda *_: None)
        with world.warehouse.begin() as connection:
            ensure_scores_table(connection, world.config, stamp(JANUARY), FEW)
    keys = ", ".join(("partition_date", *world.config.spec.keys))
    world.change(f"alter table scores.shops add primary key ({keys})")
    fill(world, FEBRUARY, rows)
    fill(world, FEBRUARY, MANY)
    assert count_rows(world) == {FEBRUARY: MANY}
    assert len(list_parts(world)) == 1
    with pytest.raises(IntegrityError, match="duplicate key"):
        world.change("insert into scores.shops select * from scores.shops limit 1")


def list_stamps(world: World) -> list[Stamp]:
    return [
        Stamp(*row) for row in world.ask("select distinct partition_date, model_version, scored_at from scores.shops")
    ]


@pytest.mark.guarantee(1)
def test_values_that_a_whole_night_shares_are_filled_in_where_they_are_the_part_s(world: World) -> None:
    """Another version's scores come into the part of the first one; a shared part knows no values at all."""
    for rows, versions in ((MANY, (1, 2, 1)), (FEW, (1,))):
        night = FIRST if rows == MANY else JANUARY
        for version in versions:
            fill(world, night, rows, version)
            found = [common for common in list_stamps(world) if common.partition_date == night]
            assert found == [stamp(night, version)]
    assert list_parts(world) == ["2026_01", "2026_02_01"]


@pytest.mark.parametrize("rows", [FEW, MANY])
def test_batches_without_rows_are_no_matter(world: World, rows: int) -> None:
    batch = make_batch(world, stamp(FIRST), rows)
    with world.warehouse.begin() as connection:
        ensure_scores_table(connection, world.config, stamp(FIRST), rows)
    with world.warehouse.begin() as connection:
        assert (
            replace_scores(connection, world.config, stamp(FIRST), [batch.slice(0, 0), batch, batch.slice(0, 0)])
            == rows
        )
    assert count_rows(world) == {FIRST: rows}


def test_what_is_filled_in_is_not_sent(world: World) -> None:
    """Of another version's scores, the version is sent."""
    sent = []

    def watch(common: Stamp) -> Iterator[pa.RecordBatch]:
        yield make_batch(world, common, MANY)
        ((statement,),) = world.ask(
            "select query from pg_stat_activity where datname = current_database() and query like 'copy \"scores%'"
        )
        sent.append({name for name in asdict(common) if f'"{name}"' in statement})

    with world.warehouse.begin() as connection:
        ensure_scores_table(connection, world.config, stamp(FIRST), MANY)
    for common in (stamp(FIRST), stamp(FIRST, 2)):
        with world.warehouse.begin() as connection:
            replace_scores(connection, world.config, common, watch(common))
    assert sent == [set(), {"model_version"}]


@pytest.mark.guarantee(1)
@pytest.mark.parametrize("name", ["partition_date", "model_version", "scored_at"])
@pytest.mark.parametrize("rows", [FEW, MANY])
def test_a_row_with_another_stamp_than_its_night_is_refused(world: World, name: str, rows: int) -> None:
    right, wrong = stamp(FIRST), Stamp(SECOND, 2, datetime(2026, 3, 2, tzinfo=UTC))
    odd = make_batch(world, replace(right, **{name: getattr(wrong, name)}), 1)
    with world.warehouse.begin() as connection:
        ensure_scores_table(connection, world.config, right, rows)
    with pytest.raises(ValueError, match=name), world.warehouse.begin() as connection:
        replace_scores(connection, world.config, right, [make_batch(world, right, rows), odd])
    assert count_rows(world) == {}


def test_the_newest_day_is_found_by_its_index(world: World) -> None:
    """However many parts there are, `scores.NAME_latest` reads that of the newest day."""
    for night in list_days(FEBRUARY, date(2026, 2, 20)):
        fill(world, night, MANY)
    world.change("analyze")
    plan = "\n".join(str(line) for (line,) in world.ask("explain analyze select max(partition_date) from scores.shops"))
    assert "Seq Scan" not in plan and plan.count("never executed") == 19
