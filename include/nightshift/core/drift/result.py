"""Distances and their chance -> what moved: a verdict per column, and one on them all."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from nightshift.config.sections.drift import Drift

Kind = Literal["numeric", "categorical", "prediction"]
# What the model's own scores are called among the columns.
SCORE = "score"
# A number whose distance is so many standard deviations is beyond any ordinary value, whatever the model makes of it.
EXTREME = 5.0


@dataclass(frozen=True)
class DriftResult:
    """What a comparison says: `drifted` is None where it could not be measured."""

    drifted: bool | None
    share: float | None
    reason: str


@dataclass(frozen=True)
class ColumnDrift:
    """One column, or the score: its distance, what else moved it, and the verdict; None where it is unknown.

    `weight` is its share of the champion's importance; `broken` says that the data are at fault.
    """

    column_name: str
    kind: Kind
    method: str
    score: float | None
    score_limit: float
    drifted: bool | None
    weight: float
    reason: str
    missing_reference: float | None = None
    missing_current: float | None = None
    new_share: float | None = None
    new_categories: tuple[str, ...] = ()
    broken: bool = False

    def to_record(self) -> dict[str, Any]:
        """As a row of monitoring.drift_columns."""
        record = asdict(self)
        del record["broken"]
        return {**record, "new_categories": list(self.new_categories)}


def is_extreme(drifted: bool | None, kind: str, score: float | None) -> bool:
    """Whether a numeric column has left its ordinary values, as by a fault at its source or a new unit."""
    return bool(drifted) and kind == "numeric" and score is not None and score >= EXTREME


def weigh_columns(
    names: Sequence[str], importance: Mapping[str, Mapping[str, float | None]] | None, absent: Sequence[str] = ()
) -> dict[str, float]:
    """Each column's share of the permutation importance, in sum 1; what helps nothing has none, nor what is `absent`.

    All alike where the version has no importances, or none that is positive.

    >>> weigh_columns(["age", "city"], {"age": {"mean": 3.0}, "city": {"mean": 1.0}})
    {'age': 0.75, 'city': 0.25}
    """
    counted = [name for name in names if name not in absent]
    means = np.array([float((importance or {}).get(name, {}).get("mean") or 0) for name in counted])
    gains = np.where(np.isfinite(means), np.maximum(means, 0), 0)
    if not gains.any():
        gains = np.ones(len(counted))
    weights = dict(zip(counted, (gains / gains.sum()).tolist(), strict=True)) if counted else {}
    return {name: weights.get(name, 0.0) for name in names}


def conclude_drift(columns: Sequence[ColumnDrift], limits: Drift, problems: Sequence[str]) -> DriftResult:
    """Drift where the columns that moved carry enough of the importance, or where the score moved.

    `problems` are what makes the whole comparison unknown, such as too few rows. A column whose data are at fault makes
    it unknown as well; a score that can't be compared does not.
    """
    features = [column for column in columns if column.kind != "prediction"]
    faults = [f"{column.column_name} {column.reason}" for column in features if column.broken]
    moved = [column for column in columns if column.drifted]
    if not problems and not faults and not any(column.drifted is not None for column in features):
        faults = ["no column can be compared"]
    if problems or faults:
        besides = f"; besides, {_list_moved(moved)} moved" if moved else ""
        return DriftResult(None, None, f"unknown: {'; '.join([*problems, *faults])}{besides}")
    share = min(1.0, sum(column.weight for column in moved))
    drifted = share >= limits.share_limit or any(column.kind == "prediction" for column in moved)
    named = f" ({_list_moved(moved)})" if moved else ""
    count = sum(column.kind != "prediction" for column in moved)
    text = f"{count} of {len(features)} columns{' and the score' if count < len(moved) else ''} moved{named}"
    reason = f"{text}; they carry {share:.0%} of the importance, the limit is {limits.share_limit:.0%}"
    return DriftResult(drifted, share, reason + ("" if drifted else _explain_no_drift(moved)))


def _explain_no_drift(moved: Sequence[ColumnDrift]) -> str:
    """What moved without being drift must not read as if nothing had."""
    if not moved:
        return ""
    extreme = [column.column_name for column in moved if is_extreme(column.drifted, column.kind, column.score)]
    beyond = f"; {', '.join(extreme)}: beyond any ordinary value, look at the source" if extreme else ""
    return f", so the model is not retrained for them{beyond}"


def _list_moved(moved: Sequence[ColumnDrift]) -> str:
    heavy = sorted(moved, key=lambda column: (column.kind != "prediction", -column.weight, column.column_name))
    return ", ".join(f"{column.column_name}: {column.reason}" for column in heavy)
