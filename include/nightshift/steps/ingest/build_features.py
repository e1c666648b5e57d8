"""lake -> lake: valid rows, earlier partitions and reference tables become features."""

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa

from nightshift.config.code_version import read_code_version
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.batch.casting import type_columns
from nightshift.core.features.build import build_features, list_lookback
from nightshift.core.features.schema import make_feature_schema
from nightshift.core.features.user_function import UserFunction
from nightshift.errors import NightshiftError
from nightshift.io.lake.base import ObjectRef, make_key
from nightshift.io.lake.parquet import (
    ROW_GROUP,
    fetch_object,
    map_groups,
    read_file,
    read_schema,
    store_tables,
)
from nightshift.io.ledger.entries import (
    Entry,
    NewEntry,
    begin_attempt,
    claim_partition,
    find_entries,
    require_current,
    write_entry,
)
from nightshift.io.resources import Resources
from nightshift.io.runtime.user_code import load_function
from nightshift.io.sources import read_reference_table
from nightshift.steps.fencing import skip_superseded
from nightshift.steps.ingest.history import read_history
from nightshift.steps.ingest.samples import Sampler
from nightshift.steps.outcome import Outcome

Builder = Callable[[pd.DataFrame], pd.DataFrame]
Part = tuple[pd.DataFrame, pd.DataFrame]


@skip_superseded
def build_partition_features(
    config: PipelineConfig, resources: Resources, partition: date, valid: ObjectRef
) -> Outcome:
    """Store the partition's features under `features/`; skipped where a later attempt was faster.

    Figures: features, rows, lookback (partitions found).
    """
    with resources.warehouse.begin() as connection:
        attempt = begin_attempt(connection)
        earlier = find_entries(connection, config.name, "valid", list_lookback(config.spec, partition))
    history, outcomes = read_history(config, resources, partition, earlier)
    build, sampler = _make_builder(config, resources, partition, history), Sampler(config, valid.rows)
    with fetch_object(resources.lake, valid) as path, closing(_stream_parts(path, config, build)) as parts:
        schema = make_feature_schema(config.spec)
        key = make_key("features", config.name, partition, attempt.name)
        tables = (sampler.watch(frame, rows, schema) for frame, rows in parts)
        # A shard is some row groups, so none may have more rows than a shard.
        ref = store_tables(resources.lake, key, schema, tables, "lz4", config.spec.scoring.shard_rows)
    params = sampler.store(resources, partition, attempt.name)
    entry = NewEntry("features", attempt, ref, inputs_sha256=_hash_inputs(valid, earlier, outcomes), params=params)
    with resources.warehouse.begin() as connection:
        claim_partition(connection, config.name, partition, attempt, "features")
        require_current(connection, config.name, partition, "valid", valid)
        write_entry(connection, config.name, partition, entry, config.config_sha256, read_code_version(config.folder))
    return Outcome("done", figures={"features": ref.to_record(), "rows": ref.rows, "lookback": len(earlier)})


def _make_builder(config: PipelineConfig, resources: Resources, partition: date, history: pd.DataFrame) -> Builder:
    """What makes the features of some of the partition's rows, given what all of them look up."""
    tables, function = read_tables(config, resources), load_feature_function(config)

    def build(rows: pd.DataFrame) -> pd.DataFrame:
        try:
            return build_features(rows, history, tables, config.spec, partition, function)
        except (ValueError, KeyError, TypeError) as error:
            raise NightshiftError(f"{config.name} {partition}: features can't be built: {error}") from error

    return build


def _stream_parts(path: Path, config: PipelineConfig, build: Builder) -> Generator[Part]:
    """The features and the typed rows that they are of, in the order of the keys, which is that of the valid rows.

    Row group by row group where features need nothing but their own row. A function of the pipeline's own may look at
    all rows, and what looks back would sum up the same history for every group: then all rows are one part.
    """
    schema = read_schema(path)

    def build_part(batches: Iterator[pa.RecordBatch]) -> Part:
        rows = pa.Table.from_batches(batches, schema).to_pandas(date_as_object=False)
        return build(rows), rows

    if config.features_module or config.spec.lookback:
        yield build_part(iter(read_file(path).to_batches()))
        return
    with closing(map_groups(path, build_part, ROW_GROUP, workers=1)) as parts:
        yield from parts


def load_feature_function(config: PipelineConfig) -> UserFunction | None:
    """`build_features` of the pipeline's features.py, where it has one."""
    return load_function(config.features_module, "build_features") if config.features_module else None


def read_tables(config: PipelineConfig, resources: Resources) -> dict[str, pd.DataFrame]:
    """The reference tables, typed."""
    tables = {}
    for name, spec in config.spec.features.tables.items():
        declared = {column: spec.types.get(column, "text") for column in (spec.key, *spec.columns)}
        raw = read_reference_table(spec, resources.get_connection)
        missing = [column for column in declared if column not in raw.column_names]
        if missing:
            raise NightshiftError(f"{config.name}: the table {name!r} ({spec.path}) has no column {', '.join(missing)}")
        tables[name] = type_columns(raw, declared).table.to_pandas(date_as_object=False)
    return tables


def _hash_inputs(valid: ObjectRef, earlier: list[Entry], outcomes: str) -> str:
    parts = [valid.sha256, *(entry.ref.sha256 for entry in earlier), outcomes]
    return hashlib.sha256("".join(parts).encode()).hexdigest()
