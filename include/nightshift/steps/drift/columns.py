"""both samples -> what is found in each of the champion's columns."""

import math

import numpy as np
import pandas as pd

from nightshift.core.drift.columns import Side, compare_column, find_bound, find_fault, is_absent, make_unknown
from nightshift.core.drift.null_distribution import NullDistribution
from nightshift.core.drift.result import ColumnDrift, Kind, weigh_columns
from nightshift.extension.drift_measures import find_distance
from nightshift.steps.drift.reference import Comparison, Matched, Reference
from nightshift.steps.labels import PARTITION


def compare_columns(comparison: Comparison) -> list[ColumnDrift]:
    """One result per column, in the champion's order: a column that can't be compared loses only its own figures."""
    champion, reference, matched, limits = (
        comparison.champion,
        comparison.reference,
        comparison.matched,
        comparison.limits,
    )
    sides = Side(matched.reference, find_nights(matched.reference)), Side(matched.current, find_nights(matched.current))
    noise = make_null_distribution(reference, matched, comparison.seed)
    absent = [name for name in champion.feature_names if is_absent(name, *sides)]
    weights = weigh_columns(champion.feature_names, champion.metrics.get("importance"), absent)
    found = []
    for name in champion.feature_names:
        kind: Kind = "numeric" if name in champion.features["numeric"] else "categorical"
        if name in absent:
            found.append(make_unknown(name, kind, 0.0, limits, "is empty on both sides, so it is left out"))
            continue
        fault = find_fault(name, kind, *sides)
        values = reference.fitted[name], matched.current[name]
        bound = find_bound(kind, values[0])
        compared = matched.reference[name], matched.current[name]
        score = math.nan if fault else find_distance(kind).measure(*map(bound, compared))
        if math.isnan(score) or math.isinf(score):
            why = fault or "has no finite distance"
            found.append(make_unknown(name, kind, weights[name], limits, why, broken=True))
            continue
        found.append(compare_column(name, kind, score, weights[name], values, noise, limits))
    return found


def make_null_distribution(
    reference: Reference, matched: Matched, seed: int, against: int | None = None
) -> NullDistribution:
    """The chance between the window and the reference as it was before it was mixed as the window."""
    nights = find_nights(matched.current)
    return NullDistribution(
        base=len(reference.fitted),
        nights=find_nights(reference.fitted),
        window=1 if nights is None else max(1, len(np.unique(nights))),
        current=len(matched.current),
        reference=len(matched.reference),
        seed=seed,
        against=against,
    )


def find_nights(rows: pd.DataFrame) -> np.ndarray | None:
    """The night of each row, as datetime64[D]; None where the rows do not know it."""
    return rows[PARTITION].to_numpy("datetime64[D]") if PARTITION in rows else None
