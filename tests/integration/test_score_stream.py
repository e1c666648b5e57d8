"""Scoring and publishing as a stream: the same bytes on any machine, and a fault in any part of it ends the whole."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pgpq
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.core.predictors import NativePredictor
from include.io import copying, tables
from include.steps import scoring
from include.steps.publish import publish_scores
from include.steps.score import score_partition
from tests.integration.kit import NIGHTS, ROWS, World

NIGHT, GROUP = NIGHTS[6], 16


class Fault(Exception):
    """Something breaks in the middle."""


@pytest.fixture
def night(champion_world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A published night of many small row groups, scored by several threads; afterwards none is left."""
    monkeypatch.setattr(tables, "ROW_GROUP", GROUP)
    monkeypatch.setattr(scoring, "count_workers", lambda: 3)
    champion_world.run_night(NIGHT)
    yield champion_world
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("ahead")] == []


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
            # The first value is read alone, before anything is copied.
            patch.setattr(pq.ParquetFile, "iter_batches", fail_at(count + 1, pq.ParquetFile.iter_batches))
        with pytest.raises(Fault):
            publish_scores(night.config, night.resources, NIGHT, scored)
    assert night.read_state() == before
    assert publish_scores(night.config, night.resources, NIGHT, scored).status == "done"
    assert night.ask("select count(*) from scores.shops") == [(ROWS,)]


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
