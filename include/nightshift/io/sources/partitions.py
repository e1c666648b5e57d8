"""Which rows belong to which days."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.config.sections.source import PartitionColumn


def select_partitions(table: pa.Table, by: PartitionColumn, partitions: Sequence[date]) -> pa.Table:
    """The rows of these days; a row whose date is missing or unreadable belongs to none."""
    if by.column not in table.column_names:
        return table.slice(0, 0)
    column = table[by.column]
    if pa.types.is_temporal(column.type):
        days = column.cast(pa.date32())  # of the column's own time zone
        return table.filter(pc.is_in(days, value_set=pa.array(partitions, pa.date32())))
    text = column if pa.types.is_string(column.type) else column.cast(pa.string())
    return table.filter(pc.match_substring_regex(text, _make_pattern(by.format, partitions)))


def _make_pattern(pattern: str, partitions: Sequence[date]) -> str:
    starts = "|".join(re.escape(partition.strftime(pattern)) for partition in partitions)
    # Without leading zeros 2017-1-1 also starts 2017-1-11.
    return f"^(?:{starts})" + (r"(?:\D|$)" if "%-" in pattern else "")


def find_runs(partitions: Sequence[date]) -> list[tuple[date, date]]:
    """Unbroken runs of days as (first, day after the last)."""
    runs: list[tuple[date, date]] = []
    for day in sorted(set(partitions)):
        start = runs.pop()[0] if runs and runs[-1][1] == day else day
        runs.append((start, day + timedelta(days=1)))
    return runs
