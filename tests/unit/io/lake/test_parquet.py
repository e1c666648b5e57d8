"""Parquet in the lake: the same rows are the same bytes, and a stream holds a few row groups of any file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.io.lake import parquet as tables
from nightshift.io.lake.base import CorruptObject, ObjectRef
from nightshift.io.lake.folder import FolderLake
from nightshift.io.lake.parquet import Reading, fetch_object, fetch_table, map_groups, store_groups, store_table

GROUP = 4096


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderLake:
    monkeypatch.setattr(tables, "ROW_GROUP", GROUP)
    return FolderLake(tmp_path / "lake")


def make_table(rows: int) -> pa.Table:
    draw = np.random.default_rng(1)
    columns = {f"x{number}": draw.normal(size=rows) for number in range(20)}
    return pa.table({"key": np.arange(rows), "text": [f"t{number % 7}" for number in range(rows)], **columns})


EDGES = {
    "no rows": pa.table({"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())}),
    "one row": pa.table({"a": [1]}),
    "small integers": pa.table(
        {"a": pa.array([1, None, -3], pa.int8()), "b": pa.array([0, 1, 2**64 - 1], pa.uint64())}
    ),
    "odd numbers": pa.table(
        {"a": [float("nan"), float("-inf"), -0.0, None], "b": pa.array([2**63 - 1, -(2**63), 0, None])}
    ),
    "names that mean something elsewhere": pa.table({"a.b": [1, 2], "a": ["x", None], "list.element": [0.5, 1.5]}),
    "a name twice": pa.Table.from_arrays([pa.array([1]), pa.array(["x"])], names=["a", "a"]),
    "parts": pa.table({"a": [{"b": "x"}, None], "a.b": [1, 2], "c": [[1], []]}),
}


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_what_is_stored_comes_back(lake: FolderLake, name: str, compression: tables.Compression) -> None:
    table = EDGES[name]
    ref = store_table(lake, "raw/a.parquet", table, compression)
    with fetch_object(lake, ref) as path:
        found = pq.ParquetFile(path).read()
    assert ref.rows == table.num_rows
    assert found.schema == table.schema
    # As text, since NaN equals nothing.
    assert str([column.to_pylist() for column in found.columns]) == str([c.to_pylist() for c in table.columns])


def test_the_same_rows_are_the_same_bytes_however_they_come(lake: FolderLake) -> None:
    table = make_table(3 * GROUP)
    whole = store_table(lake, "a", table)
    groups = [table.slice(start, GROUP).to_batches(1000) for start in range(0, table.num_rows, GROUP)]
    assert store_groups(lake, "b", table.schema, groups).sha256 == whole.sha256


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("rows", [1000, 100_000])
def test_row_groups_come_in_order_with_all_their_rows(lake: FolderLake, workers: int, rows: int) -> None:
    table = make_table(5 * GROUP + 17)
    with fetch_object(lake, store_table(lake, "a", table)) as path:
        found = list(map_groups(path, list, rows, workers))
        keys = list(map_groups(path, list, rows, workers, Reading(["key"])))
    assert [sum(map(len, group)) for group in found] == [GROUP] * 5 + [17]
    assert max(len(batch) for group in found for batch in group) <= rows
    assert pa.Table.from_batches(batch for group in found for batch in group).equals(table)
    assert {tuple(batch.schema.names) for group in keys for batch in group} == {("key",)}


def test_texts_may_stay_as_the_file_has_them(lake: FolderLake) -> None:
    table = make_table(3 * GROUP)
    with fetch_object(lake, store_table(lake, "a", table)) as path:
        (group, *rest) = map_groups(path, list, 1000, 1, Reading(["key", "text"], dictionaries=["text"]))
    batch = group[0]
    assert len(rest) == 2 and pa.types.is_dictionary(batch.column("text").type)
    assert batch.column("text").dictionary_decode().equals(table["text"].combine_chunks().slice(0, 1000))


def measure_stream(lake: FolderLake, ref: ObjectRef) -> int:
    """The most bytes that Arrow held while the object was streamed."""
    before, most = pa.total_allocated_bytes(), 0
    with fetch_object(lake, ref) as path:
        for _ in map_groups(path, list, 1000, workers=2):
            most = max(most, pa.total_allocated_bytes() - before)
    return most


def test_a_stream_holds_no_more_of_a_long_file_than_of_a_short_one(lake: FolderLake) -> None:
    group = make_table(GROUP)
    held = group.nbytes
    assert measure_stream(lake, store_table(lake, "long", make_table(60 * GROUP))) < 8 * held


def test_nothing_is_read_of_an_object_that_was_changed(lake: FolderLake) -> None:
    ref = store_table(lake, "a", make_table(100))
    with pytest.raises(CorruptObject), fetch_object(lake, ObjectRef(ref.uri, "0" * 64, ref.rows)):
        pytest.fail("it was read")


def test_a_stream_that_fails_leaves_no_object_and_no_file(
    lake: FolderLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    table = make_table(GROUP)

    def give() -> Iterator[list[pa.RecordBatch]]:
        yield table.to_batches()
        raise RuntimeError("the predictor failed")

    with pytest.raises(RuntimeError, match="the predictor failed"):
        store_groups(lake, "a", table.schema, give())
    assert list(place.iterdir()) == []
    assert list(lake.list_uris("")) == []
    assert fetch_table(lake, store_table(lake, "a", table)).num_rows == GROUP
