"""One column on both sides -> whether it can be compared, and whether it moved by more than chance does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nightshift.config.sections.drift import Drift
from nightshift.core.drift.null_distribution import NullDistribution, bind_each, find_critical_value
from nightshift.core.drift.ordinary import find_ordinary_range
from nightshift.core.drift.result import ColumnDrift, Kind
from nightshift.extension.drift_measures import DRIFT_MEASURES, DriftMeasure, find_distance

MAX_NAMED = 20
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


def find_bound(kind: Kind, reference: pd.Series) -> Callable[[pd.Series], pd.Series]:
    """What the values of either side go through before their distance: numbers are clipped to their ordinary range."""
    if kind != "numeric" or not pd.api.types.is_numeric_dtype(reference) or reference.isna().all():
        return lambda values: values
    return find_ordinary_range(reference).bound


def compare_column(
    name: str,
    kind: Kind,
    score: float,
    weight: float,
    sides: tuple[pd.Series, pd.Series],
    noise: NullDistribution,
    limits: Drift,
) -> ColumnDrift:
    """The column's figures, and whether one of them is both beyond its limit and beyond what chance reaches.

    `score` is its distance, both sides bounded by `find_bound`. `sides` are the reference's values and the current
    ones, `noise` belongs to their rows.
    """
    reference, current = sides
    limit = limits.find_limit(find_distance(kind))
    named = _name_new(reference, current) if kind == "categorical" else ()
    values = {
        measure: score if measure.primary else measure.measure(reference, current)
        for measure in DRIFT_MEASURES
        if kind in measure.kinds
    }
    bound = find_bound(kind, reference)
    pools = noise.pool(bound(reference), bound(current)), noise.pool(reference, current)
    moved, within = _apply(values, pools, noise, limits)
    return ColumnDrift(
        column_name=name,
        kind=kind,
        method=find_distance(kind).name,
        score=score,
        score_limit=limit,
        drifted=bool(moved),
        weight=weight,
        reason=", ".join(moved or within) or f"distance {score:.3g}, below the limit of {limit:g}",
        missing_reference=_share_missing(reference),
        missing_current=_share_missing(current),
        new_share=measure_new_share(reference, current) if kind == "categorical" else None,
        new_categories=named,
    )


def make_unknown(name: str, kind: Kind, weight: float, limits: Drift, reason: str, broken: bool = False) -> ColumnDrift:
    """A column without a distance."""
    return ColumnDrift(
        name,
        kind,
        find_distance(kind).name,
        None,
        limits.find_limit(find_distance(kind)),
        None,
        weight,
        reason,
        broken=broken,
    )


def find_chance(measure: DriftMeasure, pooled: pd.Series, noise: NullDistribution) -> float:
    """What the measure reaches by chance for a column with the values `pooled` by `noise`."""
    return find_critical_value(measure.bind(pooled) if measure.bind else bind_each(measure.measure, pooled), noise)


def measure_rise_of_missing(reference: pd.Series, current: pd.Series) -> float:
    """By how much the share of missing values rose; negative where it fell."""
    return _share_missing(current) - _share_missing(reference)


def measure_new_share(reference: pd.Series, current: pd.Series) -> float:
    """The share of rows whose category the reference does not have."""
    return len(_find_new(reference, current)) / max(1, len(current))


def _apply(
    values: Mapping[DriftMeasure, float],
    pools: tuple[pd.Series, pd.Series],
    noise: NullDistribution,
    limits: Drift,
) -> tuple[list[str], list[str]]:
    """What moved, and what only chance moved; chance is asked only from the limit on, as it costs.

    `pools` are the values of both sides: as the distance saw them, and as they are, which other measures see.
    """
    moved, within = [], []
    for measure, value in values.items():
        limit = limits.find_limit(measure)
        # A measure that has no value says nothing.
        if not value >= limit:
            continue
        chance = find_chance(measure, pools[0 if measure.primary else 1], noise)
        if value > chance:
            moved.append(f"{measure.title} {value:.3g} (limit {limit:g}, above what chance explains: p99 {chance:.3g})")
        else:
            within.append(f"{measure.title} {value:.3g} is what chance explains: p99 {chance:.3g}")
    return moved, within


def _share_missing(side: pd.Series) -> float:
    return float(side.isna().mean())


def _find_new(reference: pd.Series, current: pd.Series) -> pd.Series:
    return current[current.notna() & ~current.isin(reference.dropna().unique())]


def _name_new(reference: pd.Series, current: pd.Series) -> tuple[str, ...]:
    """The most frequent of the categories that the reference does not have."""
    return tuple(str(name) for name in _find_new(reference, current).value_counts().index[:MAX_NAMED])
