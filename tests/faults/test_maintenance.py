"""Maintenance removes what nothing points at and what has outlived its retention: no more, however it is disturbed."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from nightshift.errors import NightshiftError
from nightshift.io.lake.folder import INCOMING
from nightshift.io.lake.open import open_lake
from nightshift.io.ledger.references import URI_COLUMNS, list_uri_columns
from nightshift.io.registry import PromotionRequest, promote
from nightshift.local.postgres import Server
from nightshift.steps.maintenance import apply_retention, begin_maintenance, collect_garbage, survey
from nightshift.steps.maintenance.garbage import find_garbage, remove_garbage
from tests.faults.upkeep_kit import (
    LAST_NIGHT,
    LATER,
    RETENTION,
    PastLake,
    begin_later,
    check_explained,
    check_references,
    list_keys,
    maintain,
    maintain_and_die,
    make_past,
    put_orphans,
)
from tests.integration.conftest import copy_database, execute
from tests.integration.kit import NIGHTS, World, bend, move_objects, open_world
from tests.s3_server import S3Server

pytestmark = pytest.mark.guarantee(4)
PAST = "template_past"
# No shrinking: it would try a failing history again for a quarter of an hour.
PHASES = (Phase.explicit, Phase.generate)
KINDS = ("raw", "valid", "features", "scores")


@pytest.fixture(scope="module")
def template(server: Server, trained: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a world with a past; its database has the same name."""
    folder = tmp_path_factory.mktemp("past")
    for name in ("data", "lake"):
        shutil.copytree(trained[1] / name, folder / name)
    execute(server, f"create database {PAST} template {trained[0]}")
    with open_world(server, PAST, folder) as world:
        move_objects(world, trained[1] / "lake")
        make_past(world)
    yield folder
    execute(server, f"drop database {PAST}")


@pytest.fixture
def past(server: Server, template: Path, tmp_path: Path) -> Iterator[World]:
    """A copy of it."""
    for name in ("data", "lake"):
        shutil.copytree(template / name, tmp_path / name)
    with copy_database(server, PAST) as name, open_world(server, name, tmp_path) as world:
        move_objects(world, template / "lake")
        yield bend(world, retention=RETENTION)


@pytest.fixture
def s3_past(server: Server, migrated: str, tmp_path: Path, s3_server: S3Server) -> Iterator[World]:
    """The same past, all of it in a bucket."""
    lake = open_lake(s3_server.make_connection(s3_server.make_bucket(), "house"), tmp_path)
    with copy_database(server, migrated) as name, open_world(server, name, tmp_path, lake) as world:
        for night in NIGHTS[:6]:
            world.write(night)
            assert world.ingest(night).status == "done"
        assert world.train(NIGHTS[5], "first").figures["promoted"]
        yield make_past(world)


def sum_lines(lines: list[dict[str, Any]]) -> dict[str, int]:
    return {line["kind"]: line["objects"] or line["rows"] for line in lines}


def test_orphans_past_the_grace_go_and_all_that_is_pointed_at_stays(past: World) -> None:
    old, young = put_orphans(past.lake, datetime.now(UTC)), put_orphans(past.lake, datetime.now(UTC) + LATER)
    before = list_keys(past.lake)
    collect_garbage(past.resources, [past.config], begin_later(later=timedelta(days=39)))
    after = list_keys(past.lake)
    assert not old & after
    assert young <= after
    assert all(key.startswith("training/") for key in before - after - old)
    assert check_references(past) > 30
    check_explained(past)


def test_a_dry_run_says_what_would_go_and_removes_nothing(past: World) -> None:
    put_orphans(past.lake, datetime.now(UTC))
    before, state = list_keys(past.lake), past.read_state()
    told = survey(past.resources, [past.config], begin_later(dry_run=True)).figures
    assert (list_keys(past.lake), past.read_state()) == (before, state)
    done = sum_lines(maintain(past))
    expected = sum_lines(told["lines"])
    for kind in ("orphan raw", "orphan cards", "expired scores", "superseded raw", "expired raw", "retired candidates"):
        assert done[kind] >= expected[kind] > 0
        assert kind in told["table"]
    recorded = past.ask("select kind, objects from monitoring.maintenance where dry_run and kind = 'orphan raw'")
    assert recorded == [("orphan raw", 1)]


def test_within_the_grace_nothing_goes(past: World) -> None:
    put_orphans(past.lake, datetime.now(UTC))
    before = list_keys(past.lake)
    assert maintain(past, begin_later(later=timedelta(days=6))) == []
    assert list_keys(past.lake) == before


@pytest.mark.parametrize("clock", ["name", "store"])
def test_a_clock_that_is_wrong_makes_nothing_old(past: World, clock: str) -> None:
    """The younger of both counts: of a machine that lived in the past, and of a store that does."""
    now = datetime.now(UTC)
    then = now - LATER
    # Old objects are the warehouse's only where it is older.
    past.change_history("ml.ledger_history", "update ml.ledger_history set written_at = :t", t=then - LATER)
    keys = put_orphans(past.lake, then if clock == "name" else now)
    for key in keys if clock == "store" else ():
        os.utime(past.lake.root / key, (then.timestamp(), then.timestamp()))
    collect_garbage(past.resources, [past.config], replace(begin_later(), now=now + timedelta(days=1)))
    assert keys <= list_keys(past.lake)


def test_what_is_not_ours_is_never_touched(past: World) -> None:
    names = ("raw/shops/notes.parquet", "raw/shops/2026-01-01/a.parquet", "other/shops/x", "readme",
             "raw/elsewhere/2026-01-01/20200101T000000000000-0123456789ab.parquet")  # fmt: skip
    for name in names:
        (past.lake.root / name).parent.mkdir(parents=True, exist_ok=True)
        (past.lake.root / name).write_bytes(b"x")
    maintain(past)
    assert set(names) <= list_keys(past.lake)


def test_a_warehouse_that_was_made_anew_does_not_take_the_lake_along(past: World) -> None:
    keys = put_orphans(past.lake, datetime.now(UTC))
    began = datetime.now(UTC) + timedelta(days=10)
    past.change_history("ml.ledger_history", "update ml.ledger_history set written_at = :began", began=began)
    maintain(past, begin_later(later=LATER + timedelta(days=40)))
    assert keys <= list_keys(past.lake)


def test_a_lake_that_was_moved_is_still_known(past: World) -> None:
    """Objects are known by their keys, wherever the lake lay when they were recorded."""
    past.change("update ml.ledger set object_uri = replace(object_uri, 'file://', 's3://bucket')")
    before = {key for key in list_keys(past.lake) if not key.startswith("training/")}
    collect_garbage(past.resources, [past.config], begin_later())
    assert before <= list_keys(past.lake)


def test_writes_that_never_ended_go(past: World) -> None:
    (past.lake.root / INCOMING / "half").write_bytes(b"x" * 7)
    collect_garbage(past.resources, [past.config], begin_later(later=timedelta(days=6)))
    assert (past.lake.root / INCOMING / "half").exists()
    lines = collect_garbage(past.resources, [past.config], begin_later()).figures["lines"]
    assert not (past.lake.root / INCOMING / "half").exists()
    assert [(line["objects"], line["bytes"]) for line in lines if line["kind"] == "unfinished write"] == [(1, 7)]


def test_retention_removes_old_partitions_but_not_what_a_model_was_trained_on(past: World) -> None:
    champion, candidate = 1, 2
    apply_retention(past.resources, [past.config], begin_later())
    ledger = past.ask("select kind, partition_date from ml.ledger")
    left = {kind: {day for other, day in ledger if other == kind} for kind in KINDS}
    assert left["scores"] == {LAST_NIGHT}
    assert past.ask("select distinct partition_date from scores.shops") == [(LAST_NIGHT,)]
    # The nights of the champion's training; the eighth night is nobody's.
    assert left["features"] == left["valid"] == left["raw"] == {*NIGHTS[:6], LAST_NIGHT}
    assert past.ask("select version from ml.retired_versions") == [(candidate,)]
    check_references(past)
    check_explained(past)
    assert past.score(NIGHTS[0]).status == "done"
    assert past.ask("select version from ml.champions") == [(champion,)]


def test_a_retired_version_can_not_take_over(past: World) -> None:
    apply_retention(past.resources, [past.config], begin_later())
    with pytest.raises(NightshiftError, match="version 2 was retired"), past.warehouse.begin() as connection:
        promote(connection, "shops", PromotionRequest(2, 1, "tests", "try", None))
    # Nor does the database take it from anybody else.
    with pytest.raises(IntegrityError, match="version 2 of shops is retired"):
        past.change("insert into ml.promotions (pipeline, version, promoted_by, reason, kind)"
                    " values ('shops', 2, 'tests', 'try', 'manual')")  # fmt: skip
    assert past.ask("select version from ml.champions") == [(1,)]


def test_what_was_written_lately_outlives_its_partition(past: World) -> None:
    """A night of long ago that was ingested yesterday, as a backfill does, is not old."""
    assert "expired raw" not in sum_lines(maintain(past, begin_later(later=timedelta(days=20))))
    assert past.ask("select count(*) from ml.ledger where kind = 'scores'") == [(4,)]


def test_a_partition_from_the_far_future_makes_no_other_old(past: World) -> None:
    past.change("update ml.ledger set partition_date = '9999-01-01' where partition_date = :night", night=LAST_NIGHT)
    assert not [kind for kind in sum_lines(maintain(past)) if kind.startswith("expired")]


def test_too_short_a_grace_is_refused(past: World) -> None:
    with pytest.raises(NightshiftError, match="Say 3 or more"):
        begin_maintenance(past.resources, "run", grace=2)


def test_every_column_that_holds_a_uri_is_known_to_the_sweep(past: World) -> None:
    with past.warehouse.begin() as connection:
        assert list_uri_columns(connection) == URI_COLUMNS


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.thorough)])
def test_killed_before_and_after_deletions_and_commits(past: World, observe: Callable[..., None], stride: int) -> None:
    """Each time a few failpoints later, or one, until it comes through."""
    old = put_orphans(past.lake, datetime.now(UTC))
    deaths = 0
    while maintain_and_die(past, stride * deaths + 1):
        deaths += 1
        check_references(past)
        check_scores_whole(past)
    assert deaths > 20 // stride
    assert not old & list_keys(past.lake)
    check_explained(past)
    observe(faults=deaths)


def check_scores_whole(world: World) -> None:
    """The ledger's rows and the visible ones are the same."""
    ledger = world.ask("select partition_date, rows from ml.ledger where kind = 'scores' order by 1")
    assert world.ask("select partition_date, count(*) from scores.shops group by 1 order by 1") == ledger


def test_an_object_that_is_pointed_at_after_the_first_look_stays(past: World) -> None:
    """Between choosing and removing, a partition takes its replaced object back."""
    doomed = find_garbage(past.resources, past.config, begin_later())
    raw = next(item for item in doomed if item.why == "superseded" and item.found.kind == "raw")
    past.change(
        "update ml.ledger set object_uri = :uri where kind = 'raw' and partition_date = :night",
        uri=raw.found.uri,
        night=date.fromisoformat(raw.found.partition),
    )
    gone = remove_garbage(past.resources, past.config, begin_later(), doomed)
    assert raw not in gone
    assert gone
    assert raw.found.key in list_keys(past.lake)


def test_nights_that_run_meanwhile_lose_nothing(past: World) -> None:
    """The same partitions are ingested and scored again and again while maintenance sweeps without a pause."""
    done, failures = threading.Event(), []
    lake: Any = PastLake(past.lake)
    house = replace(past, resources=replace(past.resources, lake=lake))
    put_orphans(past.lake, datetime.now(UTC))

    def keep_maintaining() -> None:
        try:
            while not done.is_set():
                maintain(house)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=keep_maintaining)
    thread.start()
    try:
        for turn in range(4):
            past.run_night(LAST_NIGHT, count=60 + turn)
    finally:
        done.set()
        thread.join()
    assert failures == []
    check_references(past)
    check_scores_whole(past)


ACTIONS = st.one_of(
    st.tuples(st.just("night"), st.integers(0, 5), st.integers(40, 60)),
    st.tuples(st.just("ingest"), st.integers(0, 5), st.integers(40, 60)),
    st.tuples(st.just("crash"), st.integers(0, 60), st.just(0)),
    st.tuples(st.just("train"), st.integers(4, 5), st.just(0)),
    st.tuples(st.just("maintain"), st.integers(3, 20), st.integers(0, 60)),
)


@pytest.mark.thorough
@settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(history=st.lists(ACTIONS, min_size=3, max_size=8))
def test_after_any_history_references_resolve_and_only_old_orphans_are_gone(
    past: World, history: list[tuple[str, int, int]]
) -> None:
    """`crash` leaves an orphan of each kind, begun so many days from now; `maintain` comes by so many days from now."""
    # One world serves all histories: what one leaves, the next goes on with.
    world, orphans, runs = past, dict[str, int](), 0
    for action, number, count in history:
        if action == "night":
            world.run_night(NIGHTS[number], count=count)
        elif action == "ingest":
            world.write(NIGHTS[number], count=count)
            assert world.ingest(NIGHTS[number]).status == "done"
        elif action == "crash":
            orphans |= dict.fromkeys(put_orphans(world.lake, datetime.now(UTC) + timedelta(days=number)), number)
        elif action == "train":
            runs += 1
            world.train(NIGHTS[number], f"random-{runs}-{datetime.now(UTC).timestamp()}")
        else:
            maintain(world, begin_later(grace=number, later=timedelta(days=count, hours=1)))
            left = list_keys(world.lake)
            for key, begun in list(orphans.items()):
                patience = 30 if key.startswith("training/") else number
                assert (key in left) == (count - begun < max(patience, number)), key
                if key not in left:
                    del orphans[key]
        check_references(world)
    check_explained(world)


@pytest.mark.thorough
def test_killed_anywhere_on_s3(s3_past: World, observe: Callable[..., None]) -> None:
    old, client = put_orphans(s3_past.resources.lake, datetime.now(UTC)), s3_past.resources.lake._client
    bucket = s3_past.resources.lake.bucket
    key = "house/raw/shops/2026-01-01/20260101T020000000000-0123456789ab.parquet"
    client.create_multipart_upload(Bucket=bucket, Key=key)
    client.create_multipart_upload(Bucket=bucket, Key="house/somebody/elses")
    deaths = 0
    while maintain_and_die(s3_past, 7 * deaths + 1):
        deaths += 1
        check_references(s3_past)
        check_scores_whole(s3_past)
    assert not old & list_keys(s3_past.resources.lake)
    assert [item.key for item in s3_past.resources.lake.list_unfinished()] == ["somebody/elses"]
    check_explained(s3_past)
    observe(faults=deaths)
