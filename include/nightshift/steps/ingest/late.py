"""Late rows: those that came in with another day's batch, and were moved to their own day by a replay."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from nightshift.config.code_version import read_code_version
from nightshift.config.pipeline import PipelineConfig
from nightshift.core.batch.late_rows import Arrivals, are_among, find_days, identify_rows, stack_columns, stack_rows
from nightshift.core.batch.lazy_columns import Columns, take_rows
from nightshift.io.lake.base import make_key
from nightshift.io.lake.parquet import fetch_table, store_table
from nightshift.io.ledger.entries import NewEntry, begin_attempt, find_entries, find_entry, write_entry
from nightshift.io.resources import Resources
from nightshift.io.warehouse.locks import lock_partition


def add_late_rows(
    config: PipelineConfig, resources: Resources, partition: date, raw: Columns
) -> tuple[Columns, Arrivals]:
    """The raw rows and below them the partition's late ones; and which are late, or were moved elsewhere.

    Raw rows with two columns of one name are left alone: nobody can say which one counts.
    """
    if len(set(raw.column_names)) < len(raw.column_names):
        return raw, Arrivals.on_time(raw.num_rows)
    with resources.warehouse.begin() as connection:
        entry = find_entry(connection, config.name, partition, "late")
    rows = stack_columns([raw, fetch_table(resources.lake, entry.ref)]) if entry else raw
    late = np.arange(rows.num_rows) >= raw.num_rows
    return rows, Arrivals(late, find_moved(config, resources, partition, rows))


def find_moved(config: PipelineConfig, resources: Resources, partition: date, rows: Columns) -> np.ndarray:
    """A mask of the rows that belong to another day and stand among its late rows already."""
    moved = np.zeros(rows.num_rows, dtype=bool)
    event_time = config.spec.event_time
    if event_time is None or event_time not in rows.column_names:
        return moved
    days = find_days(rows, config.spec.delivered, event_time)
    others = {day.date(): day for day in days.dropna().unique() if day != pd.Timestamp(partition)}
    if not others:
        return moved
    with resources.warehouse.begin() as connection:
        entries = find_entries(connection, config.name, "late", others)
    for entry in entries:
        mask = (days == others[entry.partition]).to_numpy()
        known = fetch_table(resources.lake, entry.ref)
        moved[mask] = are_among(*(identify_rows(t, config.spec.delivered) for t in (take_rows(rows, mask), known)))
    return moved


def keep_late_rows(config: PipelineConfig, resources: Resources, day: date, rows: pa.Table) -> int:
    """Add the rows to the late ones of their day; how many are new. Rows that are there already are left out.

    All of it under the day's lock: two replays at once must not forget each other's rows.
    """
    with resources.warehouse.begin() as connection:
        lock_partition(connection, config.name, day)
        attempt, entry = begin_attempt(connection), find_entry(connection, config.name, day, "late")
        known = fetch_table(resources.lake, entry.ref) if entry else None
        new = _take_new(config, rows, known)
        if not new.num_rows:
            return 0
        table = new if known is None else stack_rows([known, new])
        ref = store_table(resources.lake, make_key("late", config.name, day, attempt.name), table)
        code = read_code_version(config.folder)
        write_entry(connection, config.name, day, NewEntry("late", attempt, ref), config.config_sha256, code)
    return new.num_rows


def _take_new(config: PipelineConfig, rows: pa.Table, known: pa.Table | None) -> pa.Table:
    cells = identify_rows(rows, config.spec.delivered)
    repeats = cells.to_pandas(date_as_object=False, integer_object_nulls=True).duplicated(keep="first").to_numpy()
    if known is not None:
        repeats = repeats | are_among(cells, identify_rows(known, config.spec.delivered))
    return rows.filter(pa.array(~repeats))
