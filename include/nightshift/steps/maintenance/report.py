"""What maintenance says: one line by pipeline and kind."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from nightshift.core.retention import Doomed

EXAMPLES = 3
Line = dict[str, Any]
_HEADS = ("pipeline", "what", "objects", "rows", "bytes", "oldest", "such as")


def make_line(
    pipeline: str | None,
    kind: str,
    objects: int = 0,
    rows: int = 0,
    size: int = 0,
    oldest: datetime | None = None,
    examples: Sequence[str] = (),
) -> Line:
    """A row of monitoring.maintenance."""
    detail = {"oldest": oldest.isoformat() if oldest else None, "examples": list(examples[:EXAMPLES])}
    return {"pipeline": pipeline, "kind": kind, "objects": objects, "rows": rows, "bytes": size, "detail": detail}


def sum_up(pipeline: str, doomed: Iterable[Doomed]) -> list[Line]:
    """A line for each reason and kind, such as `orphan raw`."""
    groups: dict[str, list[Doomed]] = {}
    for item in doomed:
        groups.setdefault(f"{item.why} {item.found.kind}", []).append(item)
    return [
        make_line(
            pipeline,
            kind,
            objects=len(items),
            size=sum(item.found.size for item in items),
            oldest=min(item.found.born for item in items),
            examples=[item.found.uri for item in items],
        )
        for kind, items in sorted(groups.items())
    ]


def format_lines(lines: Sequence[Line]) -> str:
    """A readable table; says so where there is nothing."""
    if not lines:
        return "Nothing needs to be removed."
    rows = [_HEADS, *(_format_line(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)  # fmt: skip


def _format_line(line: Line) -> tuple[str, ...]:
    detail = line["detail"]
    figures = (f"{line[name]:,}" if line[name] else "-" for name in ("objects", "rows", "bytes"))
    return (
        line["pipeline"] or "-",
        line["kind"],
        *figures,
        (detail["oldest"] or "-")[:10],
        next(iter(detail["examples"]), "-"),
    )
