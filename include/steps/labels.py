"""Outcomes, read from the source again: they arrive after the rows, and may have been corrected since."""

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import Any

import pandas as pd
import pyarrow as pa

from include.config.pipeline import PipelineConfig
from include.core.labels import make_target
from include.core.typing_columns import find_schema_problems, type_columns
from include.errors import NightshiftError
from include.io.ledger import Entry
from include.io.resources import Resources
from include.io.sources.each import read_each

TARGET, PARTITION = "__target", "__partition"


def read_targets(
    config: PipelineConfig, resources: Resources, valid: list[Entry]
) -> Iterator[tuple[date, pd.DataFrame]]:
    """Per partition of `valid`: keys and `__target` (float64, missing where the outcome is not known).

    Each partition is read with the params that it was ingested with.
    """
    for _, group in groupby(valid, key=lambda entry: sorted(entry.params.items(), key=str)):
        entries = list(group)
        days = [entry.partition for entry in entries]
        for partition, table in read_each(config, resources.get_connection, entries[0].params or None, days):
            yield partition, _take_targets(config, partition, table)


def _take_targets(config: PipelineConfig, partition: date, table: pa.Table) -> pd.DataFrame:
    spec = config.spec
    declared: dict[str, Any] = {name: spec.columns[name] for name in (*spec.keys, spec.label.column)}
    problems = find_schema_problems(table.column_names, declared)
    if problems:
        raise NightshiftError(f"{config.name} {partition}: outcomes can't be read: {'; '.join(problems)}")
    frame = type_columns(table, declared).table.to_pandas(date_as_object=False)
    try:
        frame[TARGET] = make_target(frame[spec.label.column], spec.label, spec.task)
    except ValueError as error:
        raise NightshiftError(f"{config.name} {partition}: {error}") from error
    keys = list(spec.keys)
    return frame[[*keys, TARGET]].dropna(subset=keys).drop_duplicates(subset=keys, keep="last")
