"""What lies in quarantine, by kind of reason: the same words with the cell's own value left out."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

REASON_COLUMN = "quarantine_reason"
SEPARATOR = "; "
MAX_REASONS = 200
OTHER = "other reasons"
WIDTH = 60
# Misfits stand first in a row's reasons, so the shortest match can't swallow a reason of another kind.
_VALUES = (
    (re.compile(r": .*? is not a valid (\w+)", re.DOTALL), r": … is not a valid \1"),
    (re.compile(r": [^;]*? is outside partition [\d-]+"), ": … is outside the partition"),
    (re.compile(r" \(found .*?\)(?=; |$)", re.DOTALL), ""),
)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass
class ReasonGroup:
    """All rows that one reason keeps in quarantine; `examples` are rows as text, with their `partition`."""

    reason: str
    rows: int = 0
    partitions: dict[date, int] = field(default_factory=dict)
    examples: list[dict[str, str]] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        """All columns of the examples; those of different days may differ."""
        return list(dict.fromkeys(name for row in self.examples for name in row))


def split_reasons(text: str) -> list[str]:
    """The kinds of reasons in a row's `quarantine_reason`."""
    for pattern, shown in _VALUES:
        text = pattern.sub(shown, text)
    return list(dict.fromkeys(text.split(SEPARATOR)))


def group_rows(
    groups: dict[str, ReasonGroup], day: date, rows: Iterable[Mapping[str, Any]], reason_column: str, examples: int
) -> None:
    """Add the rows of one partition to `groups`, in place; a row with two reasons counts for both."""
    for row in rows:
        for reason in split_reasons(str(row[reason_column])):
            kind = show_value(reason, 4 * WIDTH)
            kind = kind if kind in groups or len(groups) < MAX_REASONS else OTHER
            group = groups.setdefault(kind, ReasonGroup(kind))
            group.rows += 1
            group.partitions[day] = group.partitions.get(day, 0) + 1
            if len(group.examples) < examples:
                shown = {show_value(name): show_value(value) for name, value in row.items()}
                group.examples.append({"partition": str(day), **shown})


def rank_groups(groups: Mapping[str, ReasonGroup]) -> list[ReasonGroup]:
    """The most frequent reason first."""
    return sorted(groups.values(), key=lambda group: (-group.rows, group.reason))


def show_value(value: Any, width: int = WIDTH) -> str:
    """A cell as one short line: what can't be seen, or turns a terminal around, is shown as its code."""
    text = "" if value is None else str(value)
    text = _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text[: width + 1])
    return text if len(text) <= width else text[: width - 1] + "…"
