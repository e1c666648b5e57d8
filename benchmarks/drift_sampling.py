"""Whether the bounded sample gives the verdict of all rows, and what a drift run costs as the window grows.

(a) A grid of no, small and clear shifts of columns of several shapes: the verdict on samples of at most
drift.sample_rows rows against Evidently's on all of them. (b) What `compare_windows` costs (drift_costs.py). (c) How
often a world that stands still is said to have moved, with and without effects of days.
Prints Markdown tables.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.drift_costs import measure_costs
from nightshift.config.sections.drift import Drift
from nightshift.core.drift.columns import compare_column
from nightshift.core.drift.null_distribution import NullDistribution, bind_numbers, find_critical_value
from nightshift.core.drift.result import Kind
from nightshift.core.features.sampling import sample_rows
from nightshift.extension.drift_measures import find_distance

ALL_ROWS, NIGHTS, WINDOW = 200_000, 50, 3
SHAPES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda generator, count: generator.normal(size=count),
    "lognormal": lambda generator, count: generator.lognormal(size=count),
    "heavy tailed (t, 3 degrees)": lambda generator, count: generator.standard_t(3, count),
    "discrete (Poisson, 2)": lambda generator, count: generator.poisson(2, count).astype("float64"),
}
# In standard deviations; for categories the share of rows that move to the first one.
SHIFTS = {"none": (0.0,), "small": (0.04,), "clear": (0.3, 0.5, 1.0)}
MOVES = {"none": (0.0,), "small": (0.02,), "clear": (0.4, 0.6, 0.8)}
LEVELS = {"6 categories": 6, "50 categories, skewed": 50}


def draw_numbers(shape: str, shift: float, seed: int) -> tuple[pd.Series, pd.Series]:
    """Reference and window with all their rows."""
    generator = np.random.default_rng([seed, len(shape)])
    reference, current = (SHAPES[shape](generator, ALL_ROWS) for _ in range(2))
    moved = np.round(shift / np.std(reference)) if "discrete" in shape and shift >= 1 else shift * np.std(reference)
    return pd.Series(reference), pd.Series(current + moved)


def draw_categories(levels: int, share: float, seed: int) -> tuple[pd.Series, pd.Series]:
    """Reference and window with all their rows."""
    generator = np.random.default_rng([seed, levels])
    chances = np.ones(levels) if levels < 10 else 1 / np.arange(1, levels + 1)
    names = np.array([f"level {number}" for number in range(levels)])
    reference, current = (generator.choice(levels, ALL_ROWS, p=chances / chances.sum()) for _ in range(2))
    current[generator.random(ALL_ROWS) < share] = 0
    return pd.Series(names[reference]), pd.Series(names[current])


def judge_sample(kind: Kind, reference: pd.Series, current: pd.Series, limits: Drift, seed: int) -> bool:
    """The verdict on bounded samples of both sides."""
    chosen, other = (
        sample_rows(len(side), limits.sample_rows, seed + n) for n, side in enumerate((reference, current))
    )
    nights = (np.arange(len(reference)) * NIGHTS // len(reference)).astype("datetime64[D]")[chosen]
    noise = NullDistribution(len(chosen), nights, WINDOW, len(other), len(chosen), seed)
    then, now = reference.iloc[chosen], current.iloc[other]
    return bool(
        compare_column("x", kind, find_distance(kind).measure(then, now), 1.0, (then, now), noise, limits).drifted
    )


def count_agreement(seeds: int) -> list[dict[str, Any]]:
    """One line per shape and size of the shift."""
    grid: list[tuple[str, Kind, str, float]] = [
        (shape, "numeric", size, shift) for shape in SHAPES for size, shifts in SHIFTS.items() for shift in shifts
    ]
    grid += [(name, "categorical", size, move) for name in LEVELS for size, moves in MOVES.items() for move in moves]
    limits, lines = Drift(), []
    for shape, kind, size, shift in grid:
        agreed, moved, distances = 0, 0, []
        for seed in range(seeds):
            drawn = (
                draw_numbers(shape, shift, seed) if kind == "numeric" else draw_categories(LEVELS[shape], shift, seed)
            )
            distances.append(find_distance(kind).measure(*drawn))
            verdict = judge_sample(kind, *drawn, limits, seed)
            moved += verdict
            agreed += verdict == (distances[-1] >= limits.column_limit)
        line = {"column": shape, "shift": f"{size} ({shift:g})", "distance of all rows": float(np.mean(distances))}
        lines.append({**line, "said to have moved": moved, "agreed": agreed, "cases": seeds})
        print(line, agreed, file=sys.stderr)
    return lines


def draw_days(seed: int, nights: int, rows: int, day: float, kept: float) -> np.ndarray:
    """Normal rows, shape (nights, rows), around a level of each day: `day` is its deviation, `kept` its memory."""
    generator = np.random.default_rng(seed)
    level = np.zeros(nights)
    for night, fresh in enumerate(generator.normal(size=nights)):
        level[night] = kept * level[night - 1] + np.sqrt(1 - kept**2) * fresh
    return np.asarray(generator.normal(size=(nights, rows)) + day * level[:, None])


def count_alarms(seeds: int) -> list[dict[str, Any]]:
    """Worlds that stand still, and shifted ones: how often the distance alone and how often the verdict says moved."""
    lines = []
    for nights, window, rows in ((50, 3, 24), (300, 14, 24), (50, 7, 900)):
        for day, kept in ((0.0, 0.0), (0.3, 0.0), (0.3, 0.7)):
            line: dict[str, Any] = {
                "reference nights": nights,
                "window": window,
                "rows a night": rows,
                "day effect": day,
                "memory": kept,
            }
            for shift in (0.0, 0.5):
                found = [judge_days(seed, nights, window, rows, day, kept, shift) for seed in range(seeds)]
                raw, said = np.mean(found, axis=0)
                line |= {
                    f"distance beyond 0.1, shift {shift:g}": f"{raw:.0%}",
                    f"moved, shift {shift:g}": f"{said:.0%}",
                }
            lines.append(line)
            print(line, file=sys.stderr)
    return lines


def judge_days(
    seed: int, nights: int, window: int, rows: int, day: float, kept: float, shift: float
) -> tuple[bool, bool]:
    """Whether the distance reaches the limit, and whether it exceeds chance as well."""
    limits, drawn = Drift(), draw_days(seed, nights + window, rows, day, kept)
    chosen = sample_rows(nights * rows, limits.sample_rows, seed)
    reference, current = drawn[:nights].ravel()[chosen], drawn[nights:].ravel() + shift
    of_night = np.repeat(np.arange(nights).astype("datetime64[D]"), rows)[chosen]
    if find_distance("numeric").measure(pd.Series(reference), pd.Series(current)) < limits.column_limit:
        return False, False
    noise = NullDistribution(len(reference), of_night, window, len(current), len(reference), seed)
    pooled = noise.pool(pd.Series(reference), pd.Series(current))
    reach = find_critical_value(bind_numbers(pooled), noise)
    return True, find_distance("numeric").measure(pd.Series(reference), pd.Series(current)) > reach


def write_table(lines: Sequence[dict[str, Any]]) -> str:
    """As Markdown."""
    rows = [list(lines[0]), ["---"] * len(lines[0])]
    rows += [[f"{value:.3g}" if isinstance(value, float) else str(value) for value in line.values()] for line in lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="cases per line of the grid")
    parser.add_argument("--repeats", type=int, default=3, help="processes per line of the costs")
    parser.add_argument("--only", choices=["agreement", "costs", "alarms"])
    arguments = parser.parse_args()
    if arguments.only in (None, "agreement"):
        lines = count_agreement(arguments.seeds)
        agreed, cases = sum(line["agreed"] for line in lines), sum(line["cases"] for line in lines)
        print(write_table(lines), f"Agreed: {agreed} of {cases} ({agreed / cases:.2%})", sep="\n\n", end="\n\n")
    if arguments.only in (None, "costs"):
        print(write_table(measure_costs(arguments.repeats)), end="\n\n")
    if arguments.only in (None, "alarms"):
        print(write_table(count_alarms(arguments.seeds * 6)))


if __name__ == "__main__":
    main()
