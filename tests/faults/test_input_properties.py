"""Whatever bytes, settings and orders come: a table or one refusal, a config or one refusal, the same rows."""

import copy
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.config.loading import PipelineRefused, load_pipeline
from nightshift.io.sources import UnreadableSource
from nightshift.io.sources.fetching.fetch import SourceFile
from nightshift.io.sources.kinds.files import read_blocks
from nightshift.io.sources.row_stream import stream_rows
from tests.faults.bad_batches import BATCHES, NIGHT
from tests.faults.test_bad_input import night_world, point_to
from tests.integration.kit import World, draw_rows
from tests.kits.pipelines import SPEC, SUITE, write_pipeline

__all__ = ["night_world"]
KINDS = ["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet"]
SEEDS = [batch.content for batch in BATCHES if len(batch.content) < 20_000]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def damaged(draw: Any) -> bytes:
    """A file of the corpus with some bytes changed, cut or put in."""
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(content)))
        content[place : place + draw(st.integers(0, 9))] = draw(st.binary(max_size=9))
    return bytes(content)


@pytest.mark.guarantee(10)
@given(damaged() | st.binary(max_size=200), st.sampled_from(KINDS))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_bytes_are_a_table_or_refused(content: bytes, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"x.{kind}")
        path.write_bytes(content)
        try:
            blocks = (("x", block) for block in read_blocks(SourceFile(path, path.name), None, ","))
            with stream_rows(blocks) as rows:
                assert isinstance(rows.collect(), pa.Table)
        except UnreadableSource as error:
            assert str(error).isprintable()


def list_places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a nested value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, item in inner for found in list_places(item, (*place, key)))]


@pytest.mark.guarantee(10)
@given(st.booleans(), st.integers(0, 10_000), VALUES)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_setting_is_taken_or_refused(in_suite: bool, number: int, value: Any) -> None:
    documents = [copy.deepcopy(SPEC), copy.deepcopy(SUITE)]
    places = list_places(documents[in_suite])[1:]
    *parents, last = places[number % len(places)]
    target: Any = documents[in_suite]
    for key in parents:
        target = target[key]
    target[last] = value
    with tempfile.TemporaryDirectory() as folder:
        try:
            load_pipeline(write_pipeline(Path(folder), *(yaml.safe_dump(document) for document in documents)))
        except PipelineRefused as error:
            assert error.problems


@pytest.mark.guarantee(10)
@given(st.text(max_size=80) | st.sampled_from(["? [a]\n: 1", "!!bool x", "!!timestamp x", "a: &b [*b]", "[" * 200_000]))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_text_is_refused_as_yaml(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = write_pipeline(Path(folder))
        (target / "pipeline.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        with pytest.raises(PipelineRefused):
            load_pipeline(target)


@pytest.mark.guarantee(11)
@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.thorough)])
def test_order_and_repetition_change_nothing(night_world: World, tmp_path: Path, seed: int) -> None:
    """Rows shuffled and repeated over several files give the same valid rows and the same scores."""
    spec = {"source.path": f"{tmp_path}/data/{{partition}}*.csv", "schema": {"policy": "evolve"}}
    world = point_to(night_world, tmp_path, **spec)
    rows = draw_rows(NIGHT).assign(loyalty=1)
    query = "select sha256 from ml.ledger where kind = 'valid' and partition_date = :d"
    world.run_night(NIGHT, rows)
    before = world.hash_scores(), world.ask(query, d=NIGHT)
    mixed = pd.concat([rows, rows.sample(40, random_state=seed)]).sample(frac=1, random_state=seed)
    (world.folder / f"{NIGHT}.csv").unlink()
    for number in range(4):
        mixed.iloc[number::4].to_csv(
            world.folder / f"{NIGHT}-{(number * seed) % 4 if seed % 2 else number}.csv", index=False
        )
    assert [world.ingest(NIGHT).status, world.score(NIGHT).status] == ["done", "done"]
    assert (world.hash_scores(), world.ask(query, d=NIGHT)) == before
