"""Bounded samples of features: stored at ingest, read in place of all rows. No window is ever read into memory."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from include.config.pipeline import PipelineConfig
from include.core.feature_schema import make_feature_schema
from include.core.features import has_hours, take_hours
from include.core.sampling import allocate_rows
from include.core.training import sample_rows
from include.io.lake import Lake, ObjectRef, make_key
from include.io.ledger import Entry
from include.io.resources import Resources
from include.io.tables import ROW_GROUP, fetch_table, store_table, stream_groups
from include.steps.labels import PARTITION

# Columns of samples and references beside the features.
HOUR, HELD_OUT, PREDICTION = "__hour", "__held_out", "__prediction"
# Where the ledger's params of a features row point at its sample.
SAMPLE = "sample"
# Row groups read of a window whose larger features objects have no samples, as those of earlier releases; at least two
# of each object, since files may be sorted.
MOST_GROUPS, LEAST_GROUPS = 8, 2


def store_sample(
    config: PipelineConfig, resources: Resources, partition: date, attempt: str, frame: pd.DataFrame, rows: pd.DataFrame
) -> dict[str, Any]:
    """Store a seeded sample of the features `frame` of the typed `rows`, as the ledger's params of the features.

    None is stored where the features are as few. Where hours are compared it has `__hour`, which no feature may say.
    """
    spec, limits = config.spec, config.spec.drift
    timed = limits.reference == "weekday" and has_hours(spec)
    if len(frame) <= limits.sample_rows and not timed:
        return {}
    chosen = frame.iloc[sample_rows(len(frame), limits.sample_rows, spec.training.seed)]
    table = pa.Table.from_pandas(chosen, schema=make_feature_schema(spec), preserve_index=False)
    if timed:
        table = table.append_column(HOUR, pa.array(take_hours(chosen, rows, spec), from_pandas=True))
    ref = store_table(resources.lake, make_key("samples", config.name, partition, attempt), table)
    return {SAMPLE: ref.to_record()}


def sample_entries(lake: Lake, entries: Sequence[Entry], columns: Sequence[str], most: int, seed: int) -> pd.DataFrame:
    """At most `most` rows of the entries' features, each partition by its number of rows; seeded.

    Those of `columns` that are there, `__partition` (datetime64) and, where every partition has it, `__hour`.
    """
    stored = [ObjectRef.from_record(entry.params[SAMPLE]) if SAMPLE in entry.params else entry.ref for entry in entries]
    shares = allocate_rows([entry.ref.rows for entry in entries], [ref.rows for ref in stored], most)
    parts = []
    for entry, ref, share in zip(entries, stored, shares, strict=True):
        table = _read_rows(lake, ref, [*columns, HOUR], share, seed, max(LEAST_GROUPS, MOST_GROUPS // len(entries)))
        frame = table.to_pandas(date_as_object=False)
        parts.append(frame.assign(**{PARTITION: np.datetime64(entry.partition)}))
    sampled = pd.concat(parts, ignore_index=True)
    timed = all(HOUR in part for part in parts)
    return sampled if timed else sampled.drop(columns=HOUR, errors="ignore")


def _read_rows(lake: Lake, ref: ObjectRef, columns: Sequence[str], rows: int, seed: int, most: int) -> pa.Table:
    """So many of the object's rows, in their order; of a large one, from at most `most` row groups spread over it."""
    if ref.rows > ROW_GROUP:
        return _read_spread(lake, ref, columns, rows, seed, most)
    table = fetch_table(lake, ref)
    return table.select([name for name in columns if name in table.column_names]).take(
        sample_rows(table.num_rows, rows, seed)
    )


def _read_spread(lake: Lake, ref: ObjectRef, columns: Sequence[str], rows: int, seed: int, most: int) -> pa.Table:
    parts: list[pa.Table] = []
    with stream_groups(lake, ref, columns, most) as (sizes, groups):
        for number, (group, share) in enumerate(zip(groups, allocate_rows(sizes, sizes, rows), strict=True)):
            parts.append(group.take(sample_rows(group.num_rows, share, seed + number)))
    return pa.concat_tables(parts)
