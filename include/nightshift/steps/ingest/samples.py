"""Bounded samples of features: stored at ingest, read in place of all rows. No window is ever read into memory."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.features.build import has_hours, take_hours
from nightshift.core.features.sampling import allocate_rows, sample_rows
from nightshift.io.lake.base import Lake, ObjectRef, make_key
from nightshift.io.lake.parquet import ROW_GROUP, fetch_table, store_table, stream_groups
from nightshift.io.ledger.entries import Entry
from nightshift.io.resources import Resources
from nightshift.steps.labels import PARTITION

# Columns of samples and references beside the features.
HOUR, HELD_OUT, PREDICTION = "__hour", "__held_out", "__prediction"
# Where the ledger's params of a features row point at its sample.
SAMPLE = "sample"
# Row groups read of a window whose larger features objects have no samples, as those of earlier releases; at least two
# of each object, since files may be sorted.
MAX_GROUPS, MIN_GROUPS = 8, 2


class Sampler:
    """Takes a seeded sample of a partition's features while they pass by, part after part.

    None is stored where the features are as few. Where hours are compared it has `__hour`, which no feature may say.
    """

    def __init__(self, config: PipelineConfig, rows: int) -> None:
        spec, most = config.spec, config.spec.drift.sample_rows
        self._config, self._seen = config, 0
        self._timed = spec.drift.reference == "weekday" and has_hours(spec)
        wanted = rows > most or self._timed
        self._positions = sample_rows(rows, most, spec.training.seed) if wanted else np.arange(0)
        self._wanted, self._chosen = wanted, list[pa.Table]()

    def watch(self, frame: pd.DataFrame, rows: pd.DataFrame, schema: pa.Schema) -> pa.Table:
        """The features `frame` of the typed `rows` as a table; the sample's share of it is kept."""
        first, last = np.searchsorted(self._positions, [self._seen, self._seen + len(frame)])
        if self._wanted:
            chosen = frame.iloc[self._positions[first:last] - self._seen]
            table = pa.Table.from_pandas(chosen, schema=schema, preserve_index=False)
            if self._timed:
                hours = take_hours(chosen, rows, self._config.spec)
                table = table.append_column(HOUR, pa.array(hours, from_pandas=True))
            self._chosen.append(table)
        self._seen += len(frame)
        return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)

    @property
    def sample(self) -> pa.Table | None:
        """What was kept of all parts so far."""
        return pa.concat_tables(self._chosen).combine_chunks() if self._chosen else None

    def store(self, resources: Resources, partition: date, attempt: str) -> dict[str, Any]:
        """Store the sample, as the ledger's params of the features."""
        sample = self.sample
        if sample is None:
            return {}
        key = make_key("samples", self._config.name, partition, attempt)
        return {SAMPLE: store_table(resources.lake, key, sample).to_record()}


def sample_entries(lake: Lake, entries: Sequence[Entry], columns: Sequence[str], most: int, seed: int) -> pd.DataFrame:
    """At most `most` rows of the entries' features, each partition by its number of rows; seeded.

    Those of `columns` that are there, `__partition` (datetime64) and, where every partition has it, `__hour`.
    """
    stored = [ObjectRef.from_record(entry.params[SAMPLE]) if SAMPLE in entry.params else entry.ref for entry in entries]
    shares = allocate_rows([entry.ref.rows for entry in entries], [ref.rows for ref in stored], most)
    parts = []
    for entry, ref, share in zip(entries, stored, shares, strict=True):
        table = _read_rows(lake, ref, [*columns, HOUR], share, seed, max(MIN_GROUPS, MAX_GROUPS // len(entries)))
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
