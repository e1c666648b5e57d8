"""Which nights are compared, and whether the newest one is whole."""

from collections.abc import Sequence
from datetime import date
from statistics import median
from typing import NamedTuple

# The nights that say how many rows are usual, and the share of them below which a night is not whole. So many of its
# weekday say it better: weekends of few rows are usual.
USUAL_NIGHTS, WHOLE, SAME_WEEKDAY = 14, 0.1, 2


class Night(NamedTuple):
    """One partition and its number of rows."""

    partition: date
    rows: int


def choose_nights(nights: Sequence[Night], first: date, min_rows: int) -> int:
    """How many of the last nights are compared: those from `first` on, and more while there are too few rows.

    >>> days = [Night(date(2026, 1, day), 50) for day in range(1, 8)]
    >>> choose_nights(days, first=date(2026, 1, 6), min_rows=180)
    4
    """
    taken = sum(night.partition >= first for night in nights)
    while taken < len(nights) and sum(night.rows for night in nights[len(nights) - taken :]) < min_rows:
        taken += 1
    return taken


def find_short_night(nights: Sequence[Night]) -> str | None:
    """What is wrong with the newest night, where it has far fewer rows than are usual; None where it is whole.

    >>> find_short_night([Night(date(2026, 1, 1), 900), Night(date(2026, 1, 2), 20)])
    '20 rows on 2026-01-02, 900 are usual'
    """
    *others, newest = nights
    if not others:
        return None
    alike = [night for night in others if night.partition.weekday() == newest.partition.weekday()]
    usual = median(night.rows for night in (alike if len(alike) >= SAME_WEEKDAY else others[-USUAL_NIGHTS:]))
    if newest.rows >= WHOLE * usual:
        return None
    return f"{newest.rows:,} rows on {newest.partition}, {usual:,.0f} are usual"
