"""A validated batch: which rows may go on, which go to quarantine, and whether the batch stops."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nightshift.core.batch.row_checks import Reasons


@dataclass(frozen=True)
class Failure:
    """One thing that failed, as monitoring.validation.failures keeps it."""

    level: str
    expectation: str
    rows: int
    detail: str

    def to_record(self) -> dict[str, Any]:
        """As plain values."""
        return {"level": self.level, "expectation": self.expectation, "rows": self.rows, "detail": self.detail}


@dataclass(frozen=True)
class Verdict:
    """`good` and `bad` are masks over the rows; what is in neither repeats one, or was `moved` to its own day."""

    rows: int
    good: np.ndarray
    bad: np.ndarray
    reasons: Reasons
    failures: tuple[Failure, ...]
    stopped: str = ""
    moved: int = 0

    @property
    def quarantined(self) -> int:
        """How many rows go to quarantine."""
        return int(self.bad.sum())

    @property
    def repeated(self) -> int:
        """How many rows only repeat another one."""
        return self.rows - int(self.good.sum()) - self.quarantined - self.moved


def summarise_reasons(reasons: Reasons) -> list[Failure]:
    """Row-level failures by kind, the most frequent first; the detail is the first example."""
    kinds: dict[str, list[str]] = {}
    for found in reasons.values():
        for reason in found:
            kinds.setdefault(reason.partition(":")[0], []).append(reason)
    ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
    return [Failure("row", column, len(found), found[0]) for column, found in ordered]


def explain_stop(
    rows: int,
    quarantined: int,
    repeated: int,
    max_share: float,
    batch_failures: Sequence[Failure],
    row_failures: Sequence[Failure],
) -> str:
    """Why the batch must not go on; empty where it may."""
    if batch_failures:
        return "; ".join(failure.detail for failure in batch_failures)
    if not rows:
        return "no row is left: all that came in belong to other days, and were moved there"
    distinct = rows - repeated
    most = f"; most often {row_failures[0].detail} on {row_failures[0].rows} rows" if row_failures else ""
    if quarantined >= distinct:
        return f"none of the {rows} rows is usable{most}"
    if quarantined > max_share * distinct:
        return (
            f"{quarantined} of {distinct} rows ({quarantined / distinct:.1%}) failed a row check; "
            f"max_quarantined_share is {max_share:.1%}{most}"
        )
    return ""
