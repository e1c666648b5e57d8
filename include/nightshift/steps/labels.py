"""Outcomes, read from their source again: they arrive after the rows, and may have been corrected since."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from io import RawIOBase
from itertools import groupby
from typing import Any

import pandas as pd
import pyarrow as pa

from nightshift.config.arrow_types import ARROW_TYPES
from nightshift.config.pipeline import PipelineConfig, PipelineSpec
from nightshift.core.batch.casting import find_schema_problems, type_columns
from nightshift.core.features.labels import choose_last, make_target
from nightshift.errors import DataUnavailable, NightshiftError
from nightshift.io.ledger.entries import Entry
from nightshift.io.resources import Resources
from nightshift.io.sources.outcomes_by_day import read_each

TARGET, PARTITION = "__target", "__partition"
HASHED_ROWS = 65_536  # at a time


class _Digest(RawIOBase):
    """Hashes what is written to it, so that it never lies in memory as a whole."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Take all of it."""
        self.sha256.update(data)
        return len(data)


@dataclass(frozen=True)
class Outcomes:
    """One partition's outcomes as their source has them now, in its order and types: keys, label, recorded_at."""

    config: PipelineConfig
    partition: date
    table: pa.Table
    # Why there is nothing to read yet, such as a file that does not exist; empty otherwise.
    absent: str = ""
    # Further columns that were read.
    also: tuple[str, ...] = ()

    @cached_property
    def targets(self) -> pd.DataFrame:
        """A row per key: the keys and `__target` (float64, missing where the outcome is not known)."""
        spec, frame = self.config.spec, self.rows
        try:
            target = make_target(frame[spec.label.column], spec.label, spec.task)
        except ValueError as error:
            raise NightshiftError(f"{self.config.name} {self.partition}: {error}") from error
        return frame[list(spec.keys)].assign(**{TARGET: target})

    @cached_property
    def rows(self) -> pd.DataFrame:
        """A row per key, typed: the keys, the label, and what else was read."""
        spec, keys = self.config.spec, list(self.config.spec.keys)
        typed = type_columns(self.table, _declare(spec, self.also)).table
        # Before pandas sees them: a missing one would make floats of whole numbers, and large ones equal.
        for key in keys:
            typed = typed.filter(typed[key].is_valid())
        return choose_last(typed.to_pandas(date_as_object=False), keys, spec.label.recorded_at)

    def hash(self) -> str:
        """The sha256 of all values, in hex."""
        digest = _Digest()
        with pa.ipc.new_stream(digest, self.table.schema) as writer:
            writer.write_table(self.table, HASHED_ROWS)
        return digest.sha256.hexdigest()


def read_outcomes(
    config: PipelineConfig, resources: Resources, valid: list[Entry], also: tuple[str, ...] = ()
) -> Iterator[Outcomes]:
    """The outcomes of each partition of `valid`; without rows where there are none yet.

    `also` are further columns of their source. Where they come with the rows, each partition is read with the params
    that it was ingested with.
    """
    own, wanted = config.spec.label.source is not None, list(_declare(config.spec, also))
    for _, group in groupby(valid, key=lambda entry: [] if own else sorted(entry.params.items(), key=str)):
        entries = list(group)
        days = [entry.partition for entry in entries]
        params = None if own else entries[0].params or None
        for partition, found in read_each(config, resources.get_connection, params, days, wanted):
            if isinstance(found, DataUnavailable):
                yield Outcomes(config, partition, _make_empty(config.spec, also), str(found), also)
            else:
                yield Outcomes(config, partition, _select_declared(config, partition, found, also), also=also)


def read_targets(
    config: PipelineConfig, resources: Resources, valid: list[Entry]
) -> Iterator[tuple[date, pd.DataFrame]]:
    """The targets of each partition of `valid`."""
    for outcomes in read_outcomes(config, resources, valid):
        yield outcomes.partition, outcomes.targets


def _declare(spec: PipelineSpec, also: tuple[str, ...] = ()) -> dict[str, Any]:
    recorded = (spec.label.recorded_at,) if spec.label.recorded_at else ()
    return {name: spec.columns[name] for name in (*spec.keys, spec.label.column, *recorded, *also)}


def _make_empty(spec: PipelineSpec, also: tuple[str, ...]) -> pa.Table:
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in _declare(spec, also).items()]).empty_table()


def _select_declared(config: PipelineConfig, partition: date, table: pa.Table, also: tuple[str, ...]) -> pa.Table:
    declared = _declare(config.spec, also)
    problems = find_schema_problems(table.column_names, declared)
    if problems and table.num_rows:
        raise NightshiftError(f"{config.name} {partition}: outcomes can't be read: {'; '.join(problems)}")
    return _make_empty(config.spec, also) if problems else table.select(list(declared))
