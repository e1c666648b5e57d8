"""How often a shift of a column is found, and a column without one reported: outliers, tails, zeros, whole numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from nightshift.config.sections.drift import Drift
from nightshift.core.drift.columns import compare_column, find_bound, find_chance
from nightshift.core.drift.null_distribution import NullDistribution
from nightshift.core.drift.result import Kind, is_extreme
from nightshift.extension.drift_measures import find_distance

REFERENCE, WINDOW = 2_000, 1_000
# Its draws depend on the numbers of rows alone.
NOISE = NullDistribution(REFERENCE, None, 1, WINDOW, REFERENCE, 7)
SHIFTS = (0.0, 0.25, 0.5, 1.0, 3.0, 100.0)
Draw = Callable[[np.random.Generator, int], np.ndarray]
# Each is drawn as it is; `deviation` below is measured on a large sample of it, without outliers.
SHAPES: dict[str, Draw] = {
    "normal": lambda g, n: g.normal(size=n),
    "lognormal, sigma 1": lambda g, n: g.lognormal(0, 1, n),
    "t with 2 degrees": lambda g, n: g.standard_t(2, n),
    "whole numbers, Poisson 3": lambda g, n: g.poisson(3, n).astype(float),
    "95 % zeros": lambda g, n: np.where(g.random(n) < 0.95, 0.0, g.exponential(1.0, n)),
    "constant": lambda g, n: np.ones(n),
}


def measure(count: int, seed: int) -> list[dict[str, Any]]:
    """Each shape; the first one with one outlier of 1e30 in the reference, in the window, and in 1 % of both."""
    worlds = [(name, draw, (0, 0)) for name, draw in SHAPES.items()]
    normal = SHAPES["normal"]
    worlds[1:1] = [
        ("normal, one 1e30 in the reference", normal, (1, 0)),
        ("normal, one 1e30 in the window", normal, (0, 1)),
        ("normal, 1 % of 1e30 on both sides", normal, (REFERENCE // 100, WINDOW // 100)),
    ]
    rows = [_count(name, draw, outliers, count, seed) for name, draw, outliers in worlds]
    return [*rows, _count_categories(count, seed)]


def _count(name: str, draw: Draw, outliers: tuple[int, int], count: int, seed: int) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    large = draw(generator, 100_000)
    # The middle half: of heavy tails the standard deviation says nothing.
    low, high = np.quantile(large, [0.25, 0.75])
    deviation = (high - low) / 1.349 or float(large.std()) or 1.0
    found = {shift: np.zeros((count, 3)) for shift in SHIFTS}
    for trial in range(count):
        sides = zip((REFERENCE, WINDOW), outliers, strict=True)
        reference, current = (_spoil(draw(generator, rows), wild) for rows, wild in sides)
        for shift in SHIFTS:
            found[shift][trial] = _compare("numeric", reference, current + shift * deviation)
    return _describe(name, found)


def _count_categories(count: int, seed: int) -> dict[str, Any]:
    """Of the rows half the shift's share go to one of 20 categories; beyond 1, all of them to a new one."""
    generator = np.random.default_rng(seed)
    found = {shift: np.zeros((count, 3)) for shift in SHIFTS}
    for trial in range(count):
        reference = pd.Series(generator.integers(0, 20, REFERENCE).astype(str))
        for shift in SHIFTS:
            moved = generator.random(WINDOW) < min(1.0, shift / 2)
            others = generator.integers(0, 20, WINDOW).astype(str)
            current = pd.Series(np.where(moved, "0" if shift <= 1 else "new", others))
            found[shift][trial] = _compare("categorical", reference, current)
    return _describe("20 categories, half the shift's share moved to one", found)


def _spoil(values: np.ndarray, outliers: int) -> pd.Series:
    values[:outliers] = 1e30
    return pd.Series(values)


def _compare(kind: Kind, reference: pd.Series, current: pd.Series) -> tuple[bool, bool, bool]:
    """Moved before, moved after, extreme after."""
    noise, limits, distance, bound = NOISE, Drift(), find_distance(kind), find_bound(kind, reference)
    plain = distance.measure(reference, current)
    before = plain >= limits.column_limit and plain > find_chance(distance, noise.pool(reference, current), noise)
    score = distance.measure(bound(reference), bound(current))
    after = compare_column("column", kind, score, 1.0, (reference, current), noise, limits)
    return before, bool(after.drifted), is_extreme(after.drifted, kind, after.score)


def _describe(name: str, found: dict[float, np.ndarray]) -> dict[str, Any]:
    def write(shift: float, columns: slice) -> str:
        return ", ".join(f"{100 * share:.0f}" for share in found[shift].mean(axis=0)[columns])

    cells = {f"shift {shift:g}: before, after %": write(shift, slice(0, 2)) for shift in SHIFTS}
    return {
        "column": name,
        **cells,
        "extreme at 3, at 100 %": f"{write(3.0, slice(2, 3))}, {write(100.0, slice(2, 3))}",
    }
