"""What lies in quarantine: by reason, with examples, and row by row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.batch.quarantine import REASON_COLUMN, ReasonGroup, group_rows, rank_groups, show_value
from nightshift.io.lake.parquet import fetch_table, stream_batches
from nightshift.io.ledger.entries import Entry, list_entries
from nightshift.io.resources import Resources

# So many rows of a partition are grouped; a batch of millions that all fail says no more than its first ones.
LOOK_AT = 20_000
EXAMPLES = 3


@dataclass(frozen=True)
class Quarantine:
    """The quarantined rows of each partition, and the reasons, the most frequent first; `looked_at` rows were read."""

    partitions: dict[date, int]
    reasons: list[ReasonGroup]
    looked_at: int

    @property
    def rows(self) -> int:
        """How many rows lie there."""
        return sum(self.partitions.values())


def list_quarantined(
    config: PipelineConfig, resources: Resources, first: date | None = None, last: date | None = None
) -> list[Entry]:
    """The partitions from `first` to `last` that have rows in quarantine, oldest first."""
    with resources.warehouse.begin() as connection:
        return list_entries(connection, config.name, "quarantine", first, last)


def look_at_quarantine(
    config: PipelineConfig,
    resources: Resources,
    first: date | None = None,
    last: date | None = None,
    newest: int | None = None,
    examples: int = EXAMPLES,
) -> Quarantine:
    """The rows by reason. At most the first `LOOK_AT` of each partition are read, and only of the `newest` ones."""
    entries = list_quarantined(config, resources, first, last)
    groups: dict[str, ReasonGroup] = {}
    looked_at = 0
    for entry in reversed(entries[-newest:] if newest else entries):
        batch = next(stream_batches(resources.lake, entry.ref, LOOK_AT))
        group_rows(groups, entry.partition, batch.to_pylist(), REASON_COLUMN, examples)
        looked_at += batch.num_rows
    return Quarantine({entry.partition: entry.ref.rows for entry in entries}, rank_groups(groups), looked_at)


def stream_quarantine(
    config: PipelineConfig, resources: Resources, first: date | None = None, last: date | None = None
) -> Iterator[dict[str, Any]]:
    """Every row as it came, with `partition_date` and the reason."""
    for entry in list_quarantined(config, resources, first, last):
        for row in fetch_table(resources.lake, entry.ref).to_pylist():
            yield {"partition_date": entry.partition, **row}


def describe_quarantine(found: Quarantine) -> str:
    """A table for people: the reasons, in how many rows of which days, and the first examples of each."""
    if not found.partitions:
        return "Quarantine is empty."
    lines = [f"{found.rows:,} rows of {len(found.partitions)} partitions have rows in quarantine."]
    if found.looked_at < found.rows:
        lines.append(f"The reasons are those of the {found.looked_at:,} rows that were looked at.")
    for group in found.reasons:
        days = sorted(group.partitions)
        span = str(days[0]) if len(days) == 1 else f"{len(days)} days, {days[0]} to {days[-1]}"
        lines += ["", f"{group.rows:>9,}  {group.reason}  ({span})"]
        lines += [f"{'':11}{_write_row(row)}" for row in group.examples]
    return "\n".join(lines)


def _write_row(row: Mapping[str, str]) -> str:
    return "  ".join(f"{show_value(name)}={value}" for name, value in row.items() if name != REASON_COLUMN)
