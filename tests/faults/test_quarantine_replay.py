"""Rows out of quarantine: late ones reach their own day, in whatever order things come, and wherever it breaks off."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from nightshift import cli
from nightshift.commands import quarantine as command
from nightshift.config.loading import load_pipeline
from nightshift.errors import NightshiftError
from nightshift.io.lake.base import ObjectRef
from nightshift.io.lake.folder import FolderLake
from nightshift.io.lake.parquet import fetch_table
from nightshift.io.warehouse.engine import Warehouse
from nightshift.local import resources as house
from nightshift.steps import runs
from nightshift.steps.ingest.extract import extract_partition
from nightshift.steps.ingest.validate import validate_partition
from nightshift.steps.outcome import Outcome
from nightshift.steps.quarantine import replay as replay_quarantine
from nightshift.steps.quarantine.replay import ReplayRequest
from tests.integration.kit import NIGHTS, ROWS, World, bend, draw_rows, ignore

NIGHT, NEXT, THIRD = NIGHTS[6:9]
LATE = 5
VALID = "select partition_date, sha256 from ml.ledger where kind = 'valid' and partition_date >= :night order by 1"
BUILT = """
    select partition_date, kind, sha256 from ml.ledger
    where kind in ('valid', 'features', 'late', 'quarantine') and partition_date >= :night order by 1, 2
"""
VERDICT = "select rows, quarantined, repeated, moved from monitoring.validation where partition_date = :night"
KILLED = 9
# No shrinking: it would try failing steps again for a quarter of an hour.
PHASES = (Phase.explicit, Phase.generate)


def draw_late(own: date, first: int = 900, count: int = LATE) -> pd.DataFrame:
    """Some rows of the day, with visits that its own file does not have."""
    return draw_rows(own).head(count).assign(visit=range(first, first + count))


def stack(*parts: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True)


def ask_replay(world: World, run_id: str = "replay", scoring: bool = True, **days: Any) -> Outcome:
    request = ReplayRequest(run_id, "tests", "the rows came late", **days)
    rescore = (lambda night: runs.run_score(world.config, world.resources, night, ignore)) if scoring else None
    return replay_quarantine.replay_quarantine(world.config, world.resources, request, ignore, rescore)


def count_scores(world: World) -> dict[date, int]:
    return dict(world.ask("select partition_date, count(*) from scores.shops group by 1"))  # type: ignore[arg-type]


def read_rows(world: World, kind: str, night: date) -> pd.DataFrame | None:
    query = "select object_uri, sha256, rows from ml.ledger where kind = :kind and partition_date = :night"
    found = world.ask(query, kind=kind, night=night)
    return fetch_table(world.lake, ObjectRef(*found[0])).to_pandas() if found else None


def validate(world: World, night: date) -> Outcome:
    """Extract and validate, without features: what the property is about, and faster."""
    raw = extract_partition(world.config, world.resources, night).figures["raw"]
    return validate_partition(world.config, world.resources, night, ObjectRef.from_record(raw))


@pytest.mark.guarantee(11)
def test_late_rows_reach_their_own_day_and_leave_the_quarantine_of_the_other(champion_world: World) -> None:
    world = champion_world
    world.run_night(NIGHT)
    world.run_night(NEXT, stack(draw_rows(NEXT), draw_late(NIGHT)))
    assert count_scores(world) == {NIGHT: ROWS, NEXT: ROWS}
    outcome = ask_replay(world)
    assert (outcome.status, outcome.figures) == ("done", {
        "partitions": [str(NIGHT), str(NEXT)], "rows": LATE, "accepted": LATE, "moved": {str(NIGHT): LATE},
        "waiting": {}, "failed": {}, "stopped": {},
    })  # fmt: skip
    assert count_scores(world) == {NIGHT: ROWS + LATE, NEXT: ROWS}
    assert read_rows(world, "quarantine", NEXT) is None
    assert world.ask(VERDICT, night=NEXT) == [(ROWS + LATE, 0, 0, LATE)]
    assert world.ask(VERDICT, night=NIGHT) == [(ROWS + LATE, 0, 0, 0)]
    kept = "select partition_date, rows, accepted, into_partitions, replayed_by, reason from ml.quarantine_replays"
    assert world.ask(kept) == [(NEXT, LATE, LATE, {str(NIGHT): LATE}, "tests", "the rows came late")]


@pytest.mark.guarantee(11)
def test_a_replay_again_changes_nothing_and_fetching_a_day_again_keeps_its_late_rows(champion_world: World) -> None:
    world = champion_world
    world.run_night(NIGHT)
    world.run_night(NEXT, stack(draw_rows(NEXT), draw_late(NIGHT)))
    ask_replay(world)
    before, valid = world.hash_scores(), world.ask(VALID, night=NIGHT)
    assert ask_replay(world).figures["partitions"] == [str(NIGHT), str(NEXT)]
    assert ask_replay(world, "another").status == "skipped"
    for night in (NEXT, NIGHT):
        assert [world.ingest(night).status, world.score(night).status] == ["done", "done"]
    assert (world.hash_scores(), world.ask(VALID, night=NIGHT)) == (before, valid)
    assert world.ask("select count(*) from ml.quarantine_replays") == [(1,)]
    world.write(NIGHT, stack(draw_late(NIGHT), draw_rows(NIGHT)))
    assert world.ingest(NIGHT).figures["repeated"] == LATE
    assert world.ask(VALID, night=NIGHT) == valid


@pytest.mark.guarantee(11)
def test_rows_for_a_day_without_a_batch_wait_for_it_and_later_ones_stay(champion_world: World) -> None:
    world = champion_world
    world.run_night(THIRD, stack(draw_rows(THIRD), draw_late(NEXT), draw_late(NIGHTS[11], 950, 2)))
    outcome = ask_replay(world)
    assert list(outcome.figures["waiting"]) == [str(NEXT)]
    assert outcome.figures["accepted"] == 0
    left = read_rows(world, "quarantine", THIRD)
    assert left is not None
    assert set(left["visit"].astype(int)) == {950, 951}
    world.run_night(NEXT)
    assert count_scores(world)[NEXT] == ROWS + LATE


@pytest.mark.guarantee(11)
def test_two_files_that_were_mixed_up_are_put_right(champion_world: World) -> None:
    world = champion_world
    for night, other in ((NIGHT, NEXT), (NEXT, NIGHT)):
        world.write(night, draw_rows(other))
        assert world.ingest(night).status == "stopped"
    assert ask_replay(world).figures["accepted"] == 2 * ROWS
    assert count_scores(world) == {NIGHT: ROWS, NEXT: ROWS}


@pytest.mark.guarantee(10, 11)
def test_late_rows_can_take_no_good_row_from_a_day_and_can_not_stop_it(champion_world: World) -> None:
    """They share keys with the day's own rows, and are more than max_quarantined_share of it."""
    world = champion_world
    world.run_night(NIGHT)
    before = world.hash_scores()
    world.write(NEXT, stack(draw_rows(NEXT), draw_rows(NIGHT).head(60).assign(spent=1.25)))
    assert world.ingest(NEXT).status == "stopped"
    outcome = ask_replay(world)
    assert (outcome.status, outcome.figures["accepted"], outcome.figures["stopped"]) == ("done", 0, {})
    assert world.ask(VERDICT, night=NIGHT) == [(ROWS + 60, 60, 0, 0)]
    world.change("delete from scores.shops where partition_date = :night", night=NEXT)
    assert world.hash_scores() == before


def test_rows_of_their_own_day_are_judged_by_the_present_suite(champion_world: World) -> None:
    world = champion_world
    rows = draw_rows(NIGHT).assign(spent=lambda rows: rows["spent"].mask(rows["visit"] < 4, 1500.0))
    world.run_night(NIGHT, rows)
    assert ask_replay(world, "too early").figures["accepted"] == 0
    suite = world.config.folder / "expectations.yaml"
    suite.write_text(suite.read_text().replace("1000", "2000"))
    world = replace(world, config=load_pipeline(world.config.folder))
    assert ask_replay(world, "mended").figures["accepted"] == 4
    assert count_scores(world) == {NIGHT: ROWS}
    assert world.ask("select run_id, accepted from ml.quarantine_replays order by id") == [
        ("too early", 0),
        ("mended", 4),
    ]


def test_a_replay_says_why(champion_world: World) -> None:
    request = ReplayRequest("replay", "tests", "  ")
    with pytest.raises(NightshiftError, match="Give a reason"):
        replay_quarantine.replay_quarantine(champion_world.config, champion_world.resources, request, ignore)


def test_a_day_that_fails_keeps_no_other_and_stays_to_be_done(
    champion_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = champion_world
    world.run_night(NIGHT)
    world.run_night(NEXT, stack(draw_rows(NEXT), draw_late(NIGHT)))
    world.run_night(THIRD, draw_rows(THIRD).assign(spent=lambda rows: rows["spent"].mask(rows["visit"] == 1, -1)))
    build = replay_quarantine.build_partition_features

    def fail(config: Any, resources: Any, night: date, valid: ObjectRef) -> Outcome:
        if night == NIGHT:
            raise NightshiftError("features can't be built")
        return build(config, resources, night, valid)

    with monkeypatch.context() as broken:
        broken.setattr(replay_quarantine, "build_partition_features", fail)
        outcome = ask_replay(world)
    assert outcome.figures["failed"] == {str(NIGHT): "features can't be built"}
    assert outcome.figures["partitions"] == [str(NEXT), str(THIRD)]
    unfinished = "select partition_date from ml.quarantine_replays where finished_at is null"
    assert world.ask(unfinished) == [(NEXT,)]
    assert ask_replay(world, "another", first=THIRD).figures["failed"] == {}
    assert (count_scores(world)[NIGHT], world.ask(unfinished)) == (ROWS + LATE, [])


# A row count that the kit's suite takes, and every night's file with rows of the two others.
FEW = 24
DAYS = (NIGHT, NEXT, THIRD)
CLEAN = {night: stack(draw_rows(night, FEW), *(draw_late(night, 100 * n, 1) for n in (1, 2, 3))) for night in DAYS}
MIXED = {
    night: stack(CLEAN[night].drop(CLEAN[night].index[FEW:]), *(draw_late(own, 100 * n, 1) for own in DAYS))
    for n, night in enumerate(DAYS, 1)
}
STEPS = tuple(itertools.product(("ingest", "replay"), DAYS))


@pytest.fixture
def shuffled_world(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], World]:
    """A world in which nothing came in yet, again and again; features follow from valid rows, so none are built."""
    built = Outcome("done", figures={"rows": 0})
    monkeypatch.setattr(replay_quarantine, "build_partition_features", lambda *_: built)

    def empty() -> World:
        world.change("truncate ml.ledger, ml.quarantine_replays, monitoring.validation")
        return world

    return empty


def check_order(make_world: Callable[[], World], orders: st.SearchStrategy[Any], examples: int) -> None:
    world = bend(make_world(), **{"start": NIGHT})
    for night in DAYS:
        world.write(night, CLEAN[night])
        assert validate(world, night).status == "done"
    expected = world.ask(VALID, night=NIGHT)

    @settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=PHASES
    )
    @given(orders, st.randoms(use_true_random=False))
    def hold(order: Any, random: Any) -> None:
        make_world()
        for step, night in [*order, *(("ingest", night) for night in DAYS), ("replay", None)]:
            if step == "ingest":
                world.write(night, shuffle(MIXED[night], random))
                validate(world, night)
            else:
                ask_replay(world, f"{random.random()}", scoring=False, first=night, last=night)
        assert world.ask(VALID, night=NIGHT) == expected
        assert world.ask("select count(*) from ml.ledger where kind = 'quarantine'") == [(0,)]

    hold()


def shuffle(rows: pd.DataFrame, random: Any) -> pd.DataFrame:
    """Another order, and some of the rows twice."""
    repeated = stack(rows, rows.iloc[random.sample(range(len(rows)), 3)])
    return repeated.iloc[random.sample(range(len(repeated)), len(repeated))]


@pytest.mark.guarantee(11)
def test_late_repeated_and_reordered_input_converges(shuffled_world: Callable[[], World]) -> None:
    check_order(shuffled_world, st.lists(st.sampled_from(STEPS), max_size=2), 2)


@pytest.mark.guarantee(11)
@pytest.mark.thorough
def test_late_repeated_and_reordered_input_converges_in_many_orders(shuffled_world: Callable[[], World]) -> None:
    check_order(shuffled_world, st.lists(st.sampled_from(STEPS), max_size=7), 8)


def die_after(world: World, moments: int, call: Callable[[], Any]) -> int:
    """Call it in a process that dies at that moment: before or after an object or a commit; how many it saw."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            world.warehouse.engine.dispose(close=False)
            seen = itertools.count(1)

            def tell() -> None:
                if (now := next(seen)) > moments:
                    os._exit(KILLED)
                os.write(writing, now.to_bytes(2))

            watch(tell)
            call()
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    told = b"".join(iter(lambda: os.read(reading, 4096), b""))
    os.close(reading)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, KILLED)
    return len(told) // 2


def watch(tell: Callable[[], None]) -> None:
    """Tell every moment before and after a write; only for processes that end soon."""
    begin, put_file = Warehouse.begin, FolderLake.put_file

    @contextmanager
    def begin_and_tell(self: Warehouse) -> Iterator[Connection]:
        with begin(self) as connection:
            yield connection
            tell()
        tell()

    def put_and_tell(self: FolderLake, *arguments: Any) -> str:
        tell()
        uri = put_file(self, *arguments)
        tell()
        return uri

    Warehouse.begin, FolderLake.put_file = begin_and_tell, put_and_tell  # type: ignore[method-assign,assignment]


def check_deaths(world: World, step: int, observe: Callable[..., None]) -> None:
    """Die at every `step`th moment of a replay, and run it again: the same rows as without a death."""
    world.run_night(NIGHT)
    world.run_night(NEXT, stack(draw_rows(NEXT), draw_late(NIGHT)))
    world.change("create table public.before as select * from ml.ledger")
    replay = partial(ask_replay, world, scoring=False)
    moments = die_after(world, 10_000, replay)
    expected = world.ask(BUILT, night=NIGHT)
    assert len(expected) == 5
    for moment in range(1, moments, step):
        world.change("delete from ml.ledger; insert into ml.ledger select * from public.before")
        world.change("delete from ml.quarantine_replays")
        assert die_after(world, moment, replay) == moment
        assert replay().figures["partitions"] == [str(NIGHT), str(NEXT)]
        assert world.ask(BUILT, night=NIGHT) == expected
        assert world.ask("select accepted, finished_at is null from ml.quarantine_replays") == [(LATE, False)]
        observe(faults=1)


@pytest.mark.guarantee(4, 11)
def test_a_replay_that_died_is_finished_by_running_it_again(
    champion_world: World, observe: Callable[..., None]
) -> None:
    check_deaths(champion_world, 20, observe)


@pytest.mark.guarantee(4, 11)
@pytest.mark.thorough
def test_a_replay_may_die_at_any_moment(champion_world: World, observe: Callable[..., None]) -> None:
    check_deaths(champion_world, 5, observe)


def test_looking_and_exporting_on_the_command_line(
    champion_world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    world = champion_world
    world.run_night(NIGHT, stack(draw_rows(NIGHT), draw_late(NIGHTS[5]).assign(shop="=cmd|calc")))
    monkeypatch.setattr(house, "open_local_resources", lambda migrate: world.resources)
    monkeypatch.setattr(command, "load_named_pipeline", lambda name: world.config)
    assert cli.main(["quarantine", "shops"]) == 0
    assert f"{LATE} rows of 1 partitions" in (shown := capsys.readouterr().out)
    assert "seen_at: … is outside the partition" in shown
    assert cli.main(["quarantine", "shops", "--csv", str(tmp_path / "bad.csv")]) == 0
    assert (tmp_path / "bad.csv").read_text().count(f"{NIGHT},'=cmd|calc,") == LATE
    assert cli.main(["quarantine", "shops", "--replay"]) == 1
    assert cli.main(["quarantine", "shops", "--partition", str(NIGHT), "--replay", "--why", "late"]) == 0
    assert f"{LATE} of {LATE} rows out of quarantine are valid now" in capsys.readouterr().out
    assert cli.main(["quarantine", "shops"]) == 0
    assert "Quarantine is empty" in capsys.readouterr().out
