"""The record of a drift measure. io/vendors/distances.py and core/drift/measures.py register those that ship."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nightshift.extension.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class DriftMeasure:
    """One way to tell how far a column has moved from its reference.

    `kinds` are the columns it is for: numeric, categorical, prediction (the model's score). `measure(reference,
    current)` gets both sides' values as a Series and gives a number of 0 or more, NaN where there is none.

    A column has moved where the number reaches `limit` and exceeds what chance explains. For that `bind(pooled)` gets
    the values of both sides together and gives a function of a `core.drift.null_distribution.Draws`, pairs of boolean
    masks of shape (draws, rows), that returns the measure of each pair, shape (draws,). Without `bind`, `measure` is
    asked for each pair.

    `drift.limits` of pipeline.yaml may set another limit by the measure's name; those that ship have a field of their
    own there, `limit_field`. `primary`: the one distance that is stored for a column of the kind, and charted.
    """

    name: str
    kinds: tuple[str, ...]
    title: str
    limit: float
    measure: Callable[[pd.Series, pd.Series], float]
    bind: Callable[[pd.Series], Callable[[Any], np.ndarray]] | None = None
    limit_field: str = ""
    primary: bool = False


DRIFT_MEASURES: Registry[DriftMeasure] = Registry(
    "drift measure", "nightshift.io.vendors.distances", "nightshift.core.drift.measures"
)


def find_distance(kind: str) -> DriftMeasure:
    """The primary measure of that kind of column; KeyError where none is registered."""
    primary = {kind: measure for measure in DRIFT_MEASURES if measure.primary for kind in measure.kinds}
    return primary[kind]
