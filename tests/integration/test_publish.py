"""The one commit point: readers see the old partition or the new one, whatever happens to whoever writes it."""

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import nightshift.steps.ingest.extract
import nightshift.steps.score.publish
from nightshift.errors import NightshiftError, TemporarilyUnavailable
from nightshift.io.artifacts import UnusableArtifact
from nightshift.io.lake.base import CorruptObject, hash_file
from nightshift.io.lake.open import open_lake
from nightshift.io.ledger.entries import begin_attempt
from nightshift.io.scores import partitions as scores_parts
from nightshift.local.postgres import Server
from nightshift.steps.score.publish import publish_scores
from nightshift.steps.score.score import score_partition
from tests.integration.kit import DAMAGES, LEARNING, NIGHTS, ROWS, World, open_world
from tests.s3_server import S3Server

NIGHT, NEXT = NIGHTS[6], NIGHTS[7]


class Sabotage(Exception):
    """Stands for a process that dies at this point."""


def prepare(world: World, night: date, count: int) -> dict[str, Any]:
    """Scores that lie in the lake and are not published yet."""
    world.write(night, count=count)
    assert world.ingest(night).status == "done"
    return score_partition(world.config, world.resources, night).figures


def publish(world: World, night: date, scored: dict[str, Any]) -> str:
    return publish_scores(world.config, world.resources, night, scored).status


def renew(world: World, scored: dict[str, Any]) -> dict[str, Any]:
    """The same scores as if they were made now."""
    with world.warehouse.begin() as connection:
        return {**scored, "attempt_number": begin_attempt(connection).number}


def look(world: World) -> dict[str, Any]:
    """What readers see: a table without rows is as good as none."""
    state = world.read_state()
    return {**state, "scores": state["scores"] or None}


@pytest.fixture(params=["a part a month", "a part a day"])
def parted(request: pytest.FixtureRequest, champion_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose nights have parts of their own, or share that of their month."""
    largest = 1 if request.param == "a part a month" else None
    monkeypatch.setattr(scores_parts, "find_largest", lambda *_: largest)
    return champion_world


@pytest.mark.guarantee(1)
def test_a_reader_sees_the_old_count_or_the_new_one(parted: World) -> None:
    world = parted
    prepared = [prepare(world, NIGHT, count) for count in (ROWS, 45)]
    publish(world, NIGHT, prepared[0])
    seen: dict[str, set[int]] = {"shops": set(), "shops_latest": set()}
    done, polls = threading.Event(), []

    def poll() -> None:
        while not done.is_set():
            for name, counts in seen.items():
                counts.add(world.ask(f"select count(*) from scores.{name}")[0][0])
            polls.append(1)

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        for turn in range(10):
            publish(world, NIGHT, renew(world, prepared[(turn + 1) % 2]))
    finally:
        done.set()
        reader.join()
    assert seen == {"shops": {ROWS, 45}, "shops_latest": {ROWS, 45}}
    assert len(polls) > 10


@pytest.mark.guarantee(3)
def test_of_four_at_once_the_newest_is_seen(parted: World) -> None:
    """Also where none of them finds the table yet. Those that come too late write nothing."""
    world = parted
    counts = (30, 50, 70, 90)
    prepared = [prepare(world, NIGHT, count) for count in counts]
    barrier = threading.Barrier(len(prepared))

    def publish_together(scored: dict[str, Any]) -> str:
        barrier.wait()
        return publish(world, NIGHT, scored)

    with ThreadPoolExecutor(len(prepared)) as threads:
        states = list(threads.map(publish_together, prepared))
    assert states[-1] == "done" and set(states) <= {"done", "skipped"}
    ((rows, times),) = world.ask("select count(*), count(distinct scored_at) from scores.shops")
    assert (rows, times) == (counts[-1], 1)
    ledger = "select rows, attempt from ml.ledger where kind = 'scores' and partition_date = :night"
    assert world.ask(ledger, night=NIGHT) == [(rows, prepared[-1]["attempt"])]
    assert world.ask("select count(*) from ml.ledger_history where kind = 'scores'") == [(states.count("done"),)]


@pytest.mark.guarantee(4)
@pytest.mark.parametrize("point", ["replace_scores", "write_entry"])
@pytest.mark.parametrize("published", [True, False])
def test_dying_between_lake_and_commit_changes_nothing_and_a_retry_succeeds(
    parted: World, monkeypatch: pytest.MonkeyPatch, point: str, published: bool
) -> None:
    world = parted
    if published:
        world.run_night(NIGHT)
    scored = prepare(world, NIGHT, 40)
    before, done = look(world), getattr(nightshift.steps.score.publish, point)

    def do_and_die(*arguments: Any) -> None:
        done(*arguments)
        raise Sabotage

    with monkeypatch.context() as patch:
        patch.setattr(nightshift.steps.score.publish, point, do_and_die)
        with pytest.raises(Sabotage):
            publish(world, NIGHT, scored)
    assert look(world) == before
    assert publish(world, NIGHT, scored) == "done"
    assert world.ask("select count(*) from scores.shops") == [(40,)]


@pytest.mark.guarantee(4)
def test_dying_after_the_raw_file_was_put_leaves_the_ledger(
    champion_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = champion_world
    world.run_night(NIGHT)
    before, objects = world.read_state(), len(list(world.lake.list_uris("raw/")))
    ledger = world.ask("select * from ml.ledger order by kind, partition_date")
    world.write(NIGHT, count=40)

    def die(*arguments: Any) -> None:
        raise Sabotage

    with monkeypatch.context() as patch:
        patch.setattr(nightshift.steps.ingest.extract, "write_entry", die)
        with pytest.raises(Sabotage):
            world.ingest(NIGHT)
    assert len(list(world.lake.list_uris("raw/"))) == objects + 1
    assert world.ask("select * from ml.ledger order by kind, partition_date") == ledger
    assert world.read_state() == before
    world.run_night(NIGHT, count=40)
    assert world.ask("select count(*) from scores.shops") == [(40,)]


def test_a_connection_that_is_cut_in_the_middle_of_the_copy(
    champion_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = champion_world
    world.run_night(NIGHT)
    scored = prepare(world, NIGHT, 40)
    before, replace_scores = world.read_state(), nightshift.steps.score.publish.replace_scores

    def cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch.slice(0, 20)
            copying = "query like 'copy%' and datname = current_database()"
            world.ask(f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where {copying}")
            yield batch.slice(20)

    def replace_and_lose(connection: Any, config: Any, stamp: Any, batches: Any) -> int:
        return replace_scores(connection, config, stamp, cut(batches))

    with monkeypatch.context() as patch:
        patch.setattr(nightshift.steps.score.publish, "replace_scores", replace_and_lose)
        with pytest.raises(TemporarilyUnavailable, match="does not answer"):
            publish(world, NIGHT, scored)
    assert world.read_state() == before
    assert publish(world, NIGHT, scored) == "done"


def test_more_or_fewer_rows_than_recorded_are_not_published(champion_world: World) -> None:
    world = champion_world
    world.run_night(NIGHT)
    scored = prepare(world, NIGHT, 40)
    before = world.read_state()
    wrong = {**scored, "scores": {**scored["scores"], "rows": 41}}
    with pytest.raises(CorruptObject, match="40 rows, but 41"):
        publish(world, NIGHT, wrong)
    assert world.read_state() == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_scores_that_were_tampered_with_are_refused(champion_world: World, damage: Callable[[Path], None]) -> None:
    world = champion_world
    world.run_night(NIGHT)
    scored = prepare(world, NIGHT, 40)
    before = world.read_state()
    damage(world.find_file(scored["scores"]["uri"]))
    with pytest.raises(CorruptObject, match="was changed after it was written"):
        publish(world, NIGHT, scored)
    assert world.read_state() == before


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["features", "model"])
def test_what_scoring_reads_is_refused_after_it_was_tampered_with(
    champion_world: World, damage: Callable[[Path], None], kind: str
) -> None:
    world = champion_world
    world.run_night(NIGHT)
    before = world.read_state()
    queries = {
        "features": "select object_uri from ml.ledger where kind = 'features' order by partition_date desc limit 1",
        "model": "select artifact_uri from ml.model_versions",
    }
    damage(world.find_file(world.ask(queries[kind])[0][0]))
    with pytest.raises(CorruptObject):
        world.score(NIGHT)
    assert world.read_state() == before


class Payload:
    """Leaves a trace when it is unpickled."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> Any:
        return Path.touch, (self.sentinel,)


def test_a_pickle_in_place_of_the_model_runs_no_code_even_where_its_hash_is_recorded(
    champion_world: World, tmp_path: Path
) -> None:
    world, sentinel = champion_world, tmp_path / "sentinel"
    world.run_night(NIGHT)
    content = pickle.dumps(Payload(sentinel))
    artifact = world.find_file(world.ask("select artifact_uri from ml.model_versions")[0][0])
    artifact.write_bytes(content)
    replaced = "update ml.model_versions set artifact_sha256 = :digest"
    world.change_history("ml.model_versions", replaced, digest=hash_file(artifact))
    before = world.read_state()
    with pytest.raises(UnusableArtifact, match="can't be read as a model"):
        world.score(NIGHT)
    assert not sentinel.exists()
    assert world.read_state() == before
    pickle.loads(content)
    assert sentinel.exists()  # the trap works


def test_nights_of_different_months_can_be_published_at_once(champion_world: World) -> None:
    world = champion_world
    nights = [date(2026, month, 1) for month in (2, 3, 4, 5)]
    prepared = [(night, prepare(world, night, 30)) for night in nights]
    with ThreadPoolExecutor(len(prepared)) as threads:
        assert set(threads.map(lambda item: publish(world, *item), prepared)) == {"done"}
    assert world.ask("select partition_date, count(*) from scores.shops group by 1 order by 1") == [
        (night, 30) for night in nights
    ]


def test_a_model_that_gives_no_finite_score_stops(champion_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = champion_world
    world.run_night(NIGHT)
    before = world.read_state()
    nothing = "nightshift.core.predictors.predictor.predict_scores"
    monkeypatch.setattr(nothing, lambda model, task, rows: rows["spent"].to_numpy() * float("nan"))
    outcome = world.score(NIGHT)
    assert outcome.status == "stopped"
    assert f"no finite score for {ROWS} rows" in outcome.reason
    assert world.read_state() == before


def test_a_version_that_does_not_exist_is_refused(champion_world: World) -> None:
    world = champion_world
    prepare(world, NIGHT, 30)
    with pytest.raises(NightshiftError, match="no model version 7"):
        score_partition(world.config, world.resources, NIGHT, version=7)


def test_the_whole_way_on_a_real_s3_server(s3_server: S3Server, server: Server, database: str, tmp_path: Path) -> None:
    lake = open_lake(s3_server.make_connection(s3_server.make_bucket(), "house"), tmp_path)
    with open_world(server, database, tmp_path, lake) as world:
        for night in LEARNING[:3]:
            world.write(night)
            assert world.ingest(night).status == "done"
        assert world.train(LEARNING[2]).figures["promoted"]
        world.run_night(NIGHT)
        before = world.hash_scores()
        world.run_night(NIGHT)
        assert world.hash_scores() == before
        assert world.ask("select count(*) from scores.shops") == [(ROWS,)]
        uris = world.ask("select object_uri from ml.ledger")
        assert all(uri.startswith("s3://") for (uri,) in uris)
        gone = replace(world.resources, lake=open_lake(s3_server.make_connection("no-such-bucket"), tmp_path))
        world.write(NIGHT, count=30)
        with pytest.raises(NightshiftError, match="no-such-bucket"):
            replace(world, resources=gone).ingest(NIGHT)
        assert world.hash_scores() == before
