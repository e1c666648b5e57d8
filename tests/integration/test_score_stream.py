"""Scoring and publishing as a stream: the same bytes on any machine, and a fault in any part of it ends the whole."""

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pgpq
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.core.predictors import NativePredictor
from nightshift.io.lake import parquet as tables
from nightshift.io.lake import parquet_writer as storing
from nightshift.io.lake.base import CorruptObject
from nightshift.io.warehouse import binary_copy as copying
from nightshift.steps.score import publish
from nightshift.steps.score import publish_stream as scores_stream
from nightshift.steps.score import stream as scoring
from nightshift.steps.score.publish import publish_scores
from nightshift.steps.score.score import score_partition
from tests.integration.kit import NIGHTS, ROWS, World, score_later

NIGHT, GROUP = NIGHTS[6], 16
THREADS = ("ahead", "storing", "hashing")


class Fault(Exception):
    """Something breaks in the middle."""


@pytest.fixture
def night(champion_world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A published night of many small row groups, scored by several threads; afterwards none is left."""
    monkeypatch.setattr(tables, "ROW_GROUP", GROUP)
    monkeypatch.setattr(scoring, "count_workers", lambda: 3)
    champion_world.run_night(NIGHT)
    yield champion_world
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith(THREADS)] == []


def score(world: World) -> dict[str, Any]:
    outcome = score_partition(world.config, world.resources, NIGHT)
    assert outcome.status == "done", outcome.reason
    return outcome.figures


def test_any_number_of_threads_writes_the_same_bytes(night: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for workers in (1, 2, 7):
        monkeypatch.setattr(scoring, "count_workers", lambda workers=workers: workers)
        found.append(score(night)["scores"])
    assert len({record["sha256"] for record in found}) == 1
    assert pq.ParquetFile(night.find_file(found[0]["uri"])).num_row_groups == -(-ROWS // GROUP)


def test_only_the_columns_that_the_version_needs_are_read(night: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[tuple[str, ...]] = set()
    load = scoring.load_predictor

    def watch(*arguments: Any) -> Any:
        predictor = load(*arguments)
        return SimpleNamespace(predict=lambda batch: seen.add(tuple(batch.schema.names)) or predictor.predict(batch))

    monkeypatch.setattr(scoring, "load_predictor", watch)
    score(night)
    (columns,) = seen
    assert columns[:2] == ("shop", "visit")
    assert len(columns) == len(set(columns))


def fail_at(count: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but its call of this number raises."""
    calls: list[int] = []

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == count:
            raise Fault
        return function(*arguments, **named)

    return call


@pytest.mark.parametrize("count", [1, 4, 8])
@pytest.mark.parametrize("part", ["reader", "predictor", "writer"])
def test_a_fault_anywhere_in_scoring_reaches_the_caller(
    night: World, monkeypatch: pytest.MonkeyPatch, part: str, count: int
) -> None:
    before, objects = night.read_state(), list(night.lake.list_uris("scores/"))
    places: dict[str, tuple[Any, str]] = {
        "reader": (pq.ParquetFile, "iter_batches"),
        "predictor": (NativePredictor, "predict"),
        "writer": (pq.ParquetWriter, "write_table"),
    }
    with monkeypatch.context() as patch:
        where, name = places[part]
        patch.setattr(where, name, fail_at(count, getattr(where, name)))
        with pytest.raises(Fault):
            score_partition(night.config, night.resources, NIGHT)
    assert night.read_state() == before
    assert list(night.lake.list_uris("scores/")) == objects
    score(night)


@pytest.mark.parametrize("count", [1, 4, 8])
@pytest.mark.parametrize("part", ["reader", "encoder"])
def test_a_fault_anywhere_in_publishing_reaches_the_caller(
    night: World, monkeypatch: pytest.MonkeyPatch, part: str, count: int
) -> None:
    scored, before = score(night), night.read_state()

    def make_encoder(schema: pa.Schema) -> Any:
        encoder = Mock(wraps=pgpq.ArrowToPostgresBinaryEncoder(schema))
        encoder.write_batch = fail_at(count, encoder.write_batch)
        return encoder

    with monkeypatch.context() as patch:
        if part == "encoder":
            patch.setattr(copying, "pgpq", Mock(ArrowToPostgresBinaryEncoder=make_encoder))
        else:
            patch.setattr(pq.ParquetFile, "iter_batches", fail_at(count, pq.ParquetFile.iter_batches))
        with pytest.raises(Fault):
            publish_scores(night.config, night.resources, NIGHT, scored)
    assert night.read_state() == before
    assert publish_scores(night.config, night.resources, NIGHT, scored).status == "done"
    assert night.ask("select count(*) from scores.shops") == [(ROWS,)]


def plan(world: World) -> dict[str, Any]:
    """What `publish` is handed where it scores."""
    outcome = score_later(world.config, world.resources, NIGHT)
    assert outcome.status == "done", outcome.reason
    return outcome.figures


def test_scores_that_are_made_while_they_are_copied_are_the_same(night: World) -> None:
    """The rows, the object and what the ledger says of them; once more, too, as a retry does it."""
    before, scored, planned = night.hash_scores(), score(night), plan(night)
    assert {**scored, "scores": 0, "attempt": 0, "attempt_number": 0} == {
        **{name: value for name, value in planned.items() if name != "plan"},
        **{"scores": 0, "attempt": 0, "attempt_number": 0},
    }
    for _ in range(2):
        night.change("delete from scores.shops")
        published = publish_scores(night.config, night.resources, NIGHT, planned)
        assert (published.status, published.figures["rows"]) == ("done", ROWS)
        assert night.hash_scores() == before
        ((uri, sha256, rows),) = night.ask("select object_uri, sha256, rows from ml.ledger where kind = 'scores'")
        assert (uri, sha256, rows) == (published.figures["object_uri"], scored["scores"]["sha256"], ROWS)
        assert pq.read_metadata(night.find_file(uri)).num_row_groups == -(-ROWS // GROUP)


@pytest.mark.parametrize("count", [1, 4, 8])
@pytest.mark.parametrize("part", ["reader", "predictor", "writer", "lake", "commit"])
def test_a_fault_anywhere_in_scoring_while_copying_reaches_the_caller(
    night: World, monkeypatch: pytest.MonkeyPatch, part: str, count: int
) -> None:
    planned, before, objects = plan(night), night.read_state(), list(night.lake.list_uris("scores/"))
    places: dict[str, tuple[Any, str, int]] = {
        "reader": (pq.ParquetFile, "iter_batches", count),
        "predictor": (NativePredictor, "predict", count),
        "writer": (pq.ParquetWriter, "write_table", count),
        "lake": (storing, "store_file", 1),
        "commit": (publish, "write_entry", 1),
    }
    with monkeypatch.context() as patch:
        where, name, number = places[part]
        patch.setattr(where, name, fail_at(number, getattr(where, name)))
        with pytest.raises(Fault):
            publish_scores(night.config, night.resources, NIGHT, planned)
    assert night.read_state() == before
    # What was whole by then is left to the orphan sweep.
    assert len(list(night.lake.list_uris("scores/"))) - len(objects) == (part == "commit")
    assert publish_scores(night.config, night.resources, NIGHT, planned).status == "done"


@pytest.mark.parametrize("prepare", [score, plan])
def test_no_lock_is_held_while_an_object_is_fetched_and_hashed(
    night: World, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[World], dict[str, Any]]
) -> None:
    """A lake may be slow, and whoever waits for the partition takes a minute of silence for a dead process."""
    scored, held, verify = prepare(night), [], tables.verify_file

    def watch(*given: Any) -> None:
        held.extend(night.ask("select count(*) from pg_locks where locktype = 'advisory' and granted"))
        verify(*given)

    monkeypatch.setattr(tables, "verify_file", watch)
    assert publish_scores(night.config, night.resources, NIGHT, scored).status == "done"
    assert held == [(0,)]


def flip(content: bytes) -> bytes:
    return content[:200] + bytes(byte ^ 255 for byte in content[200:260]) + content[260:]


def rewrite(content: bytes) -> bytes:
    """Sound Parquet that nothing but the hash tells from what was recorded."""
    sink = pa.BufferOutputStream()
    pq.write_table(pq.read_table(pa.BufferReader(content)), sink, row_group_size=GROUP, compression="none")
    return sink.getvalue().to_pybytes()


@pytest.mark.guarantee(16)
@pytest.mark.parametrize(
    "damage", [rewrite, flip, lambda content: content[:-9], lambda content: b"", lambda content: content + b"x"]
)
@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("slow", [False, True])
def test_features_that_were_changed_are_not_scored(
    night: World, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes], later: bool, slow: bool
) -> None:
    """They are hashed while they are read: whatever reading them leads to, the cause is told, and no score leaves."""
    planned, before, objects = plan(night), night.read_state(), list(night.lake.list_uris("scores/"))
    file, verify, left = night.find_file(planned["plan"]["features"]["uri"]), tables.verify_file, []
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    with monkeypatch.context() as patch:
        if slow:
            patch.setattr(tables, "verify_file", lambda *given: time.sleep(0.3) or verify(*given))
        patch.setattr(storing.Storing, "_write", lambda *given: left.append(given))
        with pytest.raises(CorruptObject, match="was changed after it was written"):
            if later:
                publish_scores(night.config, night.resources, NIGHT, planned)
            else:
                score_partition(night.config, night.resources, NIGHT)
    assert (night.read_state(), list(night.lake.list_uris("scores/")), left) == (before, objects, [])
    file.write_bytes(whole)
    assert publish_scores(night.config, night.resources, NIGHT, planned).status == "done"


def test_rows_that_go_missing_while_they_are_copied_are_noticed(night: World, monkeypatch: pytest.MonkeyPatch) -> None:
    planned, before = plan(night), night.read_state()
    take = scores_stream.score_planned
    with monkeypatch.context() as patch:
        patch.setattr(scores_stream, "score_planned", lambda *given: (group for group in list(take(*given))[1:]))
        with pytest.raises(CorruptObject, match=f"{ROWS - GROUP} rows, but {ROWS} were recorded"):
            publish_scores(night.config, night.resources, NIGHT, planned)
    assert night.read_state() == before


def test_a_model_that_gives_no_scores_while_they_are_copied_stops_the_night(
    night: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned, before = plan(night), night.read_state()
    monkeypatch.setattr(NativePredictor, "predict", lambda self, batch: np.full(batch.num_rows, np.nan))
    outcome = publish_scores(night.config, night.resources, NIGHT, planned)
    assert outcome.status == "stopped"
    assert f"no finite score for {GROUP} rows. The scores stay as they are" in outcome.reason
    assert night.read_state() == before


@pytest.mark.parametrize("piece", [1, 100, 1 << 18])
@pytest.mark.parametrize("encoded", [1, 7, 1000])
def test_pieces_of_any_size_make_the_same_rows(
    night: World, monkeypatch: pytest.MonkeyPatch, piece: int, encoded: int
) -> None:
    before, scored = night.hash_scores(), score(night)
    night.change("delete from scores.shops")
    monkeypatch.setattr(copying, "PIECE", piece)
    monkeypatch.setattr(copying, "ENCODED", encoded)
    assert publish_scores(night.config, night.resources, NIGHT, scored).status == "done"
    assert night.hash_scores() == before


def test_scoring_again_keeps_the_time_of_a_night_that_was_published_as_a_stream(night: World) -> None:
    ((kept,),) = night.ask("select params->>'scored_at' from ml.ledger where kind = 'scores'")
    assert night.ask("select distinct scored_at = :kept from scores.shops", kept=kept) == [(True,)]
