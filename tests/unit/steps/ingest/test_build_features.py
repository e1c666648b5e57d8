"""Features that need nothing but their own row: row group by row group they are what they are of all rows at once."""

from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.config.arrow_types import ARROW_TYPES
from nightshift.config.loading import load_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.features.build import build_features, concat_history, take_hours
from nightshift.core.features.sampling import sample_rows
from nightshift.core.features.schema import make_feature_schema
from nightshift.steps.ingest.build_features import Part, _stream_parts
from nightshift.steps.ingest.samples import HOUR, Sampler
from tests.kits.pipelines import make_spec, write_pipeline

DAY = date(2026, 1, 10)
CHANGES = {
    "features.derived": [
        {"kind": "calendar", "name": "hour", "column": "seen_at", "part": "hour"},
        {"kind": "calendar", "name": "weekend", "column": "seen_at", "part": "is_weekend"},
        {"kind": "ratio", "name": "share", "numerator": "spent", "denominator": "visit"},
        {"kind": "difference", "name": "gap", "left": "spent", "right": "stock"},
    ],
    "columns": {
        "shop": "text",
        "visit": "integer",
        "seen_at": "timestamp",
        "spent": "number",
        "rained": "boolean",
        "stock": "integer",
        "kind": "text",
        "late": "number",
        "returned": "integer",
    },
    "features.tables": {"sizes": {"path": "sizes.csv", "key": "id", "column": "kind", "columns": {"size": "size"}}},
    "features.numeric": ["spent", "hour", "weekend", "share", "gap", "size"],
    "features.categorical": ["shop", "rained", "stock", "kind", "seen_at"],
    "drift": {"sample_rows": 100},
}
SIZES = {"sizes": pd.DataFrame({"id": ["a", "b"], "size": ["1", "2"]})}
ROW = st.fixed_dictionaries(
    {
        "shop": st.sampled_from(["north", "süd", "\U0001f600", "", "North"]),
        "seen_at": st.none() | st.datetimes(datetime(2026, 1, 9), datetime(2026, 1, 12)),
        "spent": st.none() | st.floats(-1e300, 1e300),
        "rained": st.none() | st.booleans(),
        "stock": st.none() | st.integers(-(2**50), 2**50),
        "kind": st.none() | st.sampled_from(["a", "b", "c"]),
        "late": st.none(),
        "returned": st.none(),
    }
)


@pytest.fixture(scope="module", params=["training", "weekday"])
def config(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PipelineConfig:
    """Drift by weekday compares hours as well, so its samples have them, however few rows there are."""
    spec = make_spec(**{**CHANGES, "drift": {"sample_rows": 100, "reference": request.param}})
    return load_pipeline(write_pipeline(tmp_path_factory.mktemp("p"), spec))


def write_valid(config: PipelineConfig, path: Path, rows: list[dict[str, Any]], group: int) -> pa.Table:
    """The valid rows as validate leaves them: typed, their keys distinct and in order."""
    schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in config.spec.columns.items()])
    numbered = [{**row, "visit": number} for number, row in enumerate(rows)]
    table = pa.Table.from_pylist(numbered, schema).sort_by([(name, "ascending") for name in config.spec.keys])
    pq.write_table(table, path, row_group_size=group)
    return table


def build(config: PipelineConfig, rows: pd.DataFrame) -> pd.DataFrame:
    return build_features(rows, concat_history([]), SIZES, config.spec, DAY)


def collect(config: PipelineConfig, path: Path, rows: int) -> tuple[pa.Table, pa.Table | None]:
    """The features and their sample, as the step makes them."""
    schema, sampler = make_feature_schema(config.spec), Sampler(config, rows)
    with closing(_stream_parts(path, config, lambda part: build(config, part))) as parts:
        tables = [sampler.watch(frame, known, schema) for frame, known in parts]
    return pa.concat_tables(tables), sampler.sample


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=12), repeat=st.sampled_from([1, 1, 30]), group=st.integers(1, 7))
def test_in_parts_they_are_the_same(
    config: PipelineConfig, tmp_path_factory: pytest.TempPathFactory, rows: Any, repeat: int, group: int
) -> None:
    """Also where a part lacks a column in every row, or has whole numbers that elsewhere are missing."""
    path = tmp_path_factory.mktemp("v") / "valid.parquet"
    valid = write_valid(config, path, rows * repeat, group * repeat)
    whole = valid.to_pandas(date_as_object=False)
    expected, schema = build(config, whole), make_feature_schema(config.spec)
    features, sample = collect(config, path, valid.num_rows)
    assert features.equals(pa.Table.from_pandas(expected, schema=schema, preserve_index=False))
    timed = config.spec.drift.reference == "weekday"
    assert (sample is None) == (valid.num_rows <= 100 and not timed)
    if sample is None:
        return
    chosen = expected.iloc[sample_rows(len(expected), 100, config.spec.training.seed)]
    assert sample.select(schema.names).equals(pa.Table.from_pandas(chosen, schema=schema, preserve_index=False))
    assert sample.column_names == schema.names + [HOUR] * timed
    if timed:
        hours = pa.array(take_hours(chosen, whole, config.spec), from_pandas=True)
        assert sample.column(HOUR).combine_chunks().equals(hours)


@pytest.mark.parametrize(("changes", "parts"), [({}, 4), ({"features.lookback_days": 1}, 1)])
def test_only_what_looks_back_takes_all_rows_at_once(tmp_path: Path, changes: dict[str, Any], parts: int) -> None:
    spec = make_spec(**CHANGES)
    rolling = {"kind": "rolling", "name": "recent", "column": "spent", "days": 1, "statistic": "mean"}
    if changes:
        spec["features"]["derived"].append(rolling)
    config = load_pipeline(write_pipeline(tmp_path, spec))
    path = tmp_path / "valid.parquet"
    row = {"shop": "a", "seen_at": None, "spent": 1.0, "rained": None, "stock": 1, "kind": "a"}
    write_valid(config, path, [row] * 20, 5)
    found: list[Part] = list(_stream_parts(path, config, lambda rows: rows))
    assert [len(frame) for frame, _ in found] == [20 // parts] * parts
