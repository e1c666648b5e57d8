"""Are tables whose rows come every night told from those that only have the same keys? Two weeks, the last held out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from nightshift.core.evaluation.overlap import Overlap, measure_overlap
from nightshift.core.gate.overlap import MAX_AGREEMENT, MAX_REPEATED

DAYS, HELD_OUT, ROWS = 14, 4, 300
Table = tuple[pd.DataFrame, np.ndarray]
Draw = Callable[[np.random.Generator], list[Table]]


def draw_people(generator: np.random.Generator) -> Table:
    """Rows with a number and a group, and who says yes."""
    age, group = generator.integers(18, 90, ROWS).astype(float), generator.integers(0, 4, ROWS).astype(float)
    chance = 1 / (1 + np.exp(-(age - 54) / 20))
    frame = pd.DataFrame({"id": np.arange(ROWS), "age": age, "group": group})
    return frame, (generator.random(ROWS) < chance).astype(float)


def draw_snapshot(generator: np.random.Generator) -> list[Table]:
    """The same rows every night."""
    return [draw_people(generator)] * DAYS


def draw_changing_snapshot(generator: np.random.Generator) -> list[Table]:
    """A tenth of the rows is replaced each night."""
    days = [draw_people(generator)]
    for _ in range(DAYS - 1):
        (frame, target), (new, new_target) = days[-1], draw_people(generator)
        swapped = generator.random(ROWS) < 0.1
        changed = frame.where(pd.Series(~swapped), new.assign(id=new["id"] + generator.integers(10**9)))
        days.append((changed, np.where(swapped, new_target, target)))
    return days


def draw_new_people(generator: np.random.Generator) -> list[Table]:
    """Other people every night, with few values that repeat by chance."""
    tables = (draw_people(generator) for _ in range(DAYS))
    return [(frame.assign(id=frame["id"] + day * ROWS), target) for day, (frame, target) in enumerate(tables)]


def draw_customers(generator: np.random.Generator) -> list[Table]:
    """The same customers with features that stay; each night some leave, and are not asked again."""
    frame, _ = draw_people(generator)
    days = []
    for _ in range(DAYS):
        leaves = (generator.random(len(frame)) < 0.05).astype(float)
        days.append((frame, leaves))
        frame = frame[leaves == 0].reset_index(drop=True)
    return days


def draw_slots(generator: np.random.Generator) -> list[Table]:
    """Hours of the day as keys, nothing but the hour as a feature, and a new outcome each day."""
    frame = pd.DataFrame({"id": np.arange(ROWS) % 24, "hour": np.arange(ROWS) % 24.0, "line": np.arange(ROWS) // 24})
    return [(frame, (generator.random(ROWS) < 0.2 + 0.02 * frame["hour"]).astype(float)) for _ in range(DAYS)]


def draw_sensors(generator: np.random.Generator) -> list[Table]:
    """The same sensors with new readings and values."""
    frame, _ = draw_people(generator)
    return [(frame.assign(read=generator.normal(size=ROWS)), generator.normal(size=ROWS)) for _ in range(DAYS)]


# Whether each is to be refused.
WORLDS: dict[str, tuple[Draw, bool]] = {
    "the same rows every night": (draw_snapshot, True),
    "a tenth replaced each night": (draw_changing_snapshot, True),
    "new rows, few values": (draw_new_people, False),
    "customers that stay or leave": (draw_customers, False),
    "hours of the day": (draw_slots, False),
    "sensors": (draw_sensors, False),
}


def find_overlap(days: list[Table]) -> Overlap:
    """Between the first days and the last ones."""
    first, last = days[:-HELD_OUT], days[-HELD_OUT:]
    (fitted, fitted_target), (held, held_target) = (
        (pd.concat([frame for frame, _ in part], ignore_index=True), np.concatenate([target for _, target in part]))
        for part in (first, last)
    )
    return measure_overlap(fitted, fitted_target, held, held_target, ["id"])


def measure(count: int, seed: int) -> list[dict[str, Any]]:
    """Per kind of table, how many of `count` are refused, and what was measured on average."""
    found = []
    for name, (draw, wanted) in WORLDS.items():
        overlaps = [find_overlap(draw(np.random.default_rng([seed, number]))) for number in range(count)]
        refused = sum(each.repeated > MAX_REPEATED and each.agreement > MAX_AGREEMENT for each in overlaps)
        line: dict[str, Any] = {"table": name, "to be refused": "yes" if wanted else "no", "refused": refused}
        line["same keys"] = f"{np.mean([each.keys for each in overlaps]):.0%}"
        line["same features"] = f"{np.mean([each.repeated for each in overlaps]):.0%}"
        agreements = [each.agreement for each in overlaps if np.isfinite(each.agreement)]
        line["agreement"] = f"{np.mean(agreements):.2f}" if agreements else ""
        found.append(line)
    return found
