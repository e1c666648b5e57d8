"""How often a broken file stops for its number of rows, and how often an honest day does."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any

import numpy as np

from nightshift.core.batch.volume import Delivery, find_size_problem

FIRST = date(2025, 1, 1)
DAYS, EARLIER = 372, 60
# One day of twenty is broken after the first eight weeks; the file is delivered again the next day, and is right.
BROKEN_FROM, BROKEN = 56, 0.05
Sizes = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]
Rule = Callable[[date, int, Sequence[Delivery]], bool]


def _draw(mean: Sizes, noise: float) -> Sizes:
    """Poisson around the mean, with days that differ by so much (logarithmic)."""
    return lambda g, t, w: g.poisson(mean(g, t, w) * g.lognormal(0, noise, len(t)))


WORLDS: dict[str, tuple[Sizes, int]] = {
    "1,000 a day": (_draw(lambda g, t, w: np.full(len(t), 1000.0), 0.05), 1),
    "days differ by 30 %": (_draw(lambda g, t, w: np.full(len(t), 1000.0), 0.3), 1),
    "5,000 on weekdays, 4 on weekends": (_draw(lambda g, t, w: np.where(w < 5, 5000.0, 4.0), 0.05), 1),
    "5,000 on weekdays, 2,000 on weekends": (_draw(lambda g, t, w: np.where(w < 5, 5000.0, 2000.0), 0.1), 1),
    "growth to ten times": (_draw(lambda g, t, w: 500 * 10 ** (t / len(t)), 0.1), 1),
    "ten holidays of a tenth": (_draw(lambda g, t, w: np.where(t % 37 == 36, 200.0, 2000.0), 0.05), 1),
    "a third from the middle on": (_draw(lambda g, t, w: np.where(t < len(t) / 2, 3000.0, 1000.0), 0.05), 1),
    "a fiftieth from the middle on": (_draw(lambda g, t, w: np.where(t < len(t) / 2, 5000.0, 100.0), 0.05), 1),
    "24 hours a day": (lambda g, t, w: np.full(len(t), 24) - (g.random(len(t)) < 0.1), 1),
    "months": (_draw(lambda g, t, w: np.full(len(t), 30_000.0), 0.1), 30),
}


def measure(count: int, seed: int) -> list[dict[str, Any]]:
    """Each world with a file of half, and of a twentieth, of the rows; before: ten times the median of 14 accepted."""
    return [_count(name, seed, max(1, count // 10)) for name in WORLDS]


def _count(name: str, seed: int, histories: int) -> dict[str, Any]:
    row: dict[str, Any] = {"rows": name}
    for title, rule in (("before", _stop_before), ("after", _stop_after)):
        counts: tuple[list[bool], ...] = ([], [], [])
        for history in range(histories):
            found = _replay(name, np.random.default_rng([seed, history]), rule)
            for kept, new in zip(counts, found, strict=True):
                kept.extend(new)
        row |= {
            f"honest days stopped, {title} %": float(100 * np.mean(counts[0])),
            f"half a file stopped, {title} %": float(100 * np.mean(counts[1])),
            f"a twentieth stopped, {title} %": float(100 * np.mean(counts[2])),
        }
    return row


def _replay(name: str, generator: np.random.Generator, rule: Rule) -> tuple[list[bool], list[bool], list[bool]]:
    """Honest days go into the history as accepted or stopped; a broken file is judged, and delivered again."""
    sizes, step = WORLDS[name]
    days = [FIRST + timedelta(days=step * number) for number in range(DAYS)]
    weekday = np.array([day.weekday() for day in days])
    known: list[Delivery] = []
    honest: list[bool] = []
    half: list[bool] = []
    tiny: list[bool] = []
    for number, (day, rows) in enumerate(zip(days, sizes(generator, np.arange(DAYS), weekday).tolist(), strict=True)):
        if rows == 0:
            continue
        recent = known[-EARLIER:]
        if number >= BROKEN_FROM and generator.random() < BROKEN and rows >= 20:
            half.append(rule(day, rows // 2, recent))
            tiny.append(rule(day, rows // 20, recent))
        honest.append(rule(day, rows, recent))
        known.append(Delivery(day, rows, not honest[-1]))
    return honest, half, tiny


def _stop_after(day: date, rows: int, earlier: Sequence[Delivery]) -> bool:
    return find_size_problem(day, rows, earlier) is not None


def _stop_before(day: date, rows: int, earlier: Sequence[Delivery]) -> bool:
    sizes = [each.rows for each in earlier if each.accepted][-14:]
    return len(sizes) >= 3 and not median(sizes) / 10 <= rows <= median(sizes) * 10
