"""One column on both sides -> whether it can be compared, and whether it moved by more than chance does."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nightshift.config.sections.drift import Drift
from nightshift.core.drift.null_distribution import (
    Noise,
    find_reach,
    measure_categories,
    measure_missing,
    measure_new,
    measure_numbers,
)
from nightshift.core.drift.result import METHODS, ColumnDrift, Kind

MOST_NAMED = 20
# A night without one value is a fault where chance would give it once in so many nights.
UNLIKELY = 1e-6
# Nights without one value are ordinary where the reference has this share of them.
ORDINARY = 0.05
# Of the values of one side so many more are numbers than of the other: somebody changed the column's type.
CHANGED = 0.9


@dataclass(frozen=True)
class Side:
    """The rows of one side, and the night of each (datetime64[D]), None where it is not known."""

    rows: pd.DataFrame
    nights: np.ndarray | None


def is_absent(name: str, reference: Side, current: Side) -> bool:
    """Whether the column is there and has no value on either side: nothing to compare, and nobody's fault."""
    return all(name in side.rows and bool(side.rows[name].isna().all()) for side in (reference, current))


def find_fault(name: str, kind: Kind, reference: Side, current: Side) -> str | None:
    """Why the column's data can't be compared; None where they can."""
    for where, side in (("the reference", reference), ("the current window", current)):
        if name not in side.rows:
            return f"is not in {where}"
        if side.rows[name].isna().all():
            return f"is empty in {where}"
        if pd.api.types.is_numeric_dtype(side.rows[name]) != (kind == "numeric"):
            return f"has {side.rows[name].dtype} values in {where}, which is not {kind}"
        infinite = int(np.isinf(side.rows[name].to_numpy("float64")).sum()) if kind == "numeric" else 0
        if infinite:
            return f"has {infinite} infinite values in {where}"
    if kind == "categorical" and (
        change := _find_changed_type(reference.rows[name], current.rows[name], current.nights)
    ):
        return change
    return _find_empty_night(name, reference, current)


def _find_changed_type(reference: pd.Series, current: pd.Series, nights: np.ndarray | None) -> str | None:
    """Text columns take anything, so codes may come where names were: new categories, but no news of the world."""
    usual = float(_find_numbers(reference).mean())
    found = _find_numbers(current)
    # A window may hide the night of the change.
    shares = [found.mean()] if nights is None else list(found.groupby(nights[current.notna().to_numpy()]).mean())
    strange = [share for share in shares if abs(share - usual) >= CHANGED]
    if not strange:
        return None
    before, now = ("numbers", "text") if usual > strange[0] else ("text", "numbers")
    return f"holds {now} in the current window, and {before} in the reference"


def _find_numbers(values: pd.Series) -> pd.Series:
    """Which of the values that are there can be read as numbers; each distinct one is tried once."""
    present = values.dropna()
    codes, distinct = pd.factorize(present)
    readable = pd.to_numeric(pd.Series(distinct), errors="coerce").notna().to_numpy()
    return pd.Series(readable[codes] if len(codes) else [], index=present.index, dtype=bool)


def _find_empty_night(name: str, reference: Side, current: Side) -> str | None:
    """A window may hide a night in which the column was lost."""
    if current.nights is None:
        return None
    missing = reference.rows[name].isna()
    if reference.nights is not None and float(missing.groupby(reference.nights).all().mean()) >= ORDINARY:
        return None
    usual = max(float(missing.mean()), 1 / (len(missing) + 1))
    lost = current.rows[name].isna().groupby(current.nights).agg(["all", "size"])
    nights = [night for night, gone, size in lost.itertuples() if gone and usual**size < UNLIKELY]
    return f"is empty on {', '.join(f'{night:%Y-%m-%d}' for night in nights)}" if nights else None


def judge_column(
    name: str,
    kind: Kind,
    score: float,
    weight: float,
    reference: pd.Series,
    current: pd.Series,
    noise: Noise,
    limits: Drift,
) -> ColumnDrift:
    """The column's figures, and whether one of them is both beyond its limit and beyond what chance reaches.

    `score` is its distance. `noise` belongs to the rows of `reference` and `current`.
    """
    missing = [float(side.isna().mean()) for side in (reference, current)]
    new, named = _find_new(reference, current) if kind == "categorical" else (None, ())
    checks: list[tuple[str, float, float, Callable[[], float]]] = [
        (
            "distance",
            score,
            limits.column_limit,
            lambda: find_distance_reach(kind, noise.pool(reference, current), noise),
        ),
        (
            "missing values rose by",
            missing[1] - missing[0],
            limits.missing_limit,
            lambda: find_reach(measure_missing(noise.pool(reference, current).isna().to_numpy()), noise),
        ),
    ]
    if new is not None:
        checks.append(
            (
                "new categories",
                new,
                limits.new_limit,
                lambda: find_reach(measure_new(_encode(noise.pool(reference, current))), noise),
            )
        )
    moved, within = _apply(checks)
    return ColumnDrift(
        column_name=name,
        kind=kind,
        method=METHODS[kind],
        score=score,
        score_limit=limits.column_limit,
        drifted=bool(moved),
        weight=weight,
        reason=", ".join(moved or within) or f"distance {score:.3g}, below the limit of {limits.column_limit:g}",
        missing_reference=missing[0],
        missing_current=missing[1],
        new_share=new,
        new_categories=named,
    )


def make_unknown(name: str, kind: Kind, weight: float, limits: Drift, reason: str, broken: bool = False) -> ColumnDrift:
    """A column without a distance."""
    return ColumnDrift(name, kind, METHODS[kind], None, limits.column_limit, None, weight, reason, broken=broken)


def find_distance_reach(kind: Kind, pooled: pd.Series, noise: Noise) -> float:
    """What the distance of the column, with the values `pooled` by `noise`, reaches by chance."""
    bind = measure_categories if kind == "categorical" else measure_numbers
    return find_reach(bind(_encode(pooled) if kind == "categorical" else pooled.to_numpy("float64")), noise)


def _apply(checks: list[tuple[str, float, float, Callable[[], float]]]) -> tuple[list[str], list[str]]:
    """What moved, and what only chance moved; chance is asked only from the limit on, as it costs."""
    moved, within = [], []
    for what, value, limit, measure_chance in checks:
        if value < limit:
            continue
        chance = measure_chance()
        if value > chance:
            moved.append(f"{what} {value:.3g} (limit {limit:g}, chance reaches {chance:.3g})")
        else:
            within.append(f"{what} {value:.3g} is within chance, which reaches {chance:.3g}")
    return moved, within


def _encode(values: pd.Series) -> np.ndarray:
    return pd.factorize(values)[0]


def _find_new(reference: pd.Series, current: pd.Series) -> tuple[float, tuple[str, ...]]:
    """The share of rows whose category the reference lacks, and the most frequent of those categories."""
    new = current[current.notna() & ~current.isin(reference.dropna().unique())]
    return len(new) / max(1, len(current)), tuple(str(name) for name in new.value_counts().index[:MOST_NAMED])
