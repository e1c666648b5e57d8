"""How many rows are usual for a day, by the pipeline's own history; sizes that come back become usual.

On a logarithmic scale a day is compared with the median of its weekday, in units of the median absolute deviation of
all days from their weekdays' medians (Rousseeuw, Croux, Journal of the American Statistical Association 88 (1993)), or
of what counting alone scatters (Poisson).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, log, sqrt
from statistics import median
from typing import Literal

Ratio = float | Literal["auto"] | None
# From fewer partitions nobody can tell what is usual.
MIN_EARLIER = 3
# So many of a weekday, and so many in all, show what is usual for it.
MIN_SAME, MIN_ALL = 3, 21
# Of more of a weekday the newest count, so that growth is followed.
MAX_SAME = 8
# Of a short history nothing closer can be said, and at no time more is usual.
WIDEST = 10.0
# Whatever the history: a day may have this many times more or fewer; half of the usual rows are beyond it.
CLOSEST = 1.8
DEVIATIONS = 5.0
# A size that has stopped so many of the last days is usual from then on.
REPEATS, RECENT = 2, 10
DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True)
class Delivery:
    """An earlier partition: its distinct rows, and whether validation accepted it."""

    day: date
    rows: int
    accepted: bool = True


@dataclass(frozen=True)
class UsualSize:
    """From `low` to `high` rows are usual; `of` says by which partitions."""

    low: float
    high: float
    of: str


def find_size_problem(day: date, rows: int, earlier: Sequence[Delivery], ratio: Ratio = "auto") -> str | None:
    """Why a batch of so many rows can't be right beside the `earlier` ones (any order); None where it can.

    >>> week = [Delivery(date(2026, 1, day), 110) for day in range(1, 6)]
    >>> find_size_problem(date(2026, 1, 6), 10, week)
    '10 rows, where 11 to 1,100 are usual (5 partitions), are too few: max_size_ratio in expectations.yaml is auto; \
the third such day of ten passes'
    """
    earlier = sorted(earlier, key=lambda delivery: delivery.day)
    known = _confirm(earlier)
    usual = find_usual_size(day, known, ratio)
    if usual is None or usual.low <= rows <= usual.high or _is_repeated(rows, earlier, known, ratio):
        return None
    return (
        f"{rows:,} rows, where {usual.low:,.0f} to {usual.high:,.0f} are usual ({usual.of}), are too "
        f"{'few' if rows < usual.low else 'many'}: max_size_ratio in expectations.yaml is "
        f"{ratio if ratio == 'auto' else format(ratio, 'g')}; the third such day of ten passes"
    )


def find_usual_size(day: date, known: Sequence[Delivery], ratio: Ratio = "auto") -> UsualSize | None:
    """What the `known` partitions, oldest first, say of the day; None where they are too few, or any size is right."""
    known = [delivery for delivery in known if delivery.rows > 0]
    if ratio is None or len(known) < MIN_EARLIER:
        return None
    same = _choose_same(day, known)
    if len(same) < MIN_SAME or len(known) < MIN_ALL:
        sizes = [delivery.rows for delivery in known]
        reach = WIDEST if ratio == "auto" else ratio
        return UsualSize(min(sizes) / reach, max(sizes) * reach, f"{len(sizes)} partitions")
    middle = _find_middle(same)
    reach = _find_reach(known, exp(middle)) if ratio == "auto" else ratio
    which = DAYS[day.weekday()] if _is_daily(known) else "partitions"
    return UsualSize(exp(middle) / reach, exp(middle) * reach, f"the last {len(same)} {which}")


def _find_reach(known: Sequence[Delivery], usual: float) -> float:
    """How many times more or fewer rows than usual are still ordinary."""
    by_weekday = [_choose_same(delivery.day, known) for delivery in known[-7:]]
    apart = [abs(log(each.rows) - _find_middle(same)) for same in by_weekday for each in same]
    spread = max(1.4826 * median(apart), 1 / sqrt(usual))
    return min(WIDEST, max(CLOSEST, exp(DEVIATIONS * spread)))


def _choose_same(day: date, known: Sequence[Delivery]) -> Sequence[Delivery]:
    """The newest of its weekday; where partitions are weeks or months apart, of all."""
    alike = [each for each in known if each.day.weekday() == day.weekday()] if _is_daily(known) else known
    return alike[-MAX_SAME:]


def _is_daily(known: Sequence[Delivery]) -> bool:
    return (known[-1].day - known[0].day).days < 4 * len(known)


def _find_middle(known: Sequence[Delivery]) -> float:
    return median(log(each.rows) for each in known)


def _confirm(earlier: Sequence[Delivery]) -> list[Delivery]:
    """What was accepted, and stopped days whose size came back often enough to be the world's."""
    return [
        each
        for each in earlier
        if each.accepted or sum(_are_alike(each.rows, other.rows) for other in earlier if other != each) >= REPEATS
    ]


def _is_repeated(rows: int, earlier: Sequence[Delivery], known: Sequence[Delivery], ratio: Ratio) -> bool:
    """Whether enough of the last days had that size and were strange for it: then it is the world that changed."""
    alike = [each for each in earlier[-RECENT:] if _are_alike(rows, each.rows)]
    return (
        sum(not each.accepted or _is_strange(each, find_usual_size(each.day, known, ratio)) for each in alike)
        >= REPEATS
    )


def _is_strange(delivery: Delivery, usual: UsualSize | None) -> bool:
    return usual is not None and not usual.low <= delivery.rows <= usual.high


def _are_alike(one: int, other: int) -> bool:
    least = min(one, other)
    return least > 0 and abs(log(one / other)) <= max(log(CLOSEST), 3 / sqrt(least))
