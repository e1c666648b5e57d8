"""Splits by time, never at random."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np


@dataclass(frozen=True)
class Window:
    """The days that a candidate is made from: fitted on the first two, evaluated on the last two."""

    train_from: date
    train_to: date
    holdout_from: date
    holdout_to: date


def find_matured(as_of: date, maturity: int) -> date:
    """The newest partition whose outcomes are known when the night of partition `as_of` runs: the morning after it.

    >>> find_matured(date(2026, 1, 10), maturity=3)
    datetime.date(2026, 1, 8)
    """
    return as_of + timedelta(days=1 - max(1, maturity))


def choose_window(as_of: date, maturity: int, window: int, first: date | None, last: date | None) -> tuple[date, date]:
    """First and last day of the window: the last `window` matured days, unless said otherwise.

    ValueError where `last` has not matured, or lies before `first`.

    >>> choose_window(date(2026, 1, 10), maturity=1, window=7, first=None, last=None)
    (datetime.date(2026, 1, 4), datetime.date(2026, 1, 10))
    """
    matured = find_matured(as_of, maturity)
    end = last or matured
    if end > matured:
        raise ValueError(
            f"train_to {end} has not matured: on the morning after {as_of}, outcomes are known up to {matured}"
        )
    start = first or end - timedelta(days=window - 1)
    if start > end:
        raise ValueError(f"train_from {start} is after train_to {end}")
    return start, end


def split_window(days: Sequence[date], holdout: int) -> Window:
    """Keep the last days that have data for evaluation: at most `holdout`, never more than a third of the days.

    `days` has at least three entries, sorted.

    >>> window = split_window([date(2026, 1, day) for day in range(1, 8)], holdout=2)
    >>> f"{window.train_from} to {window.train_to}, then {window.holdout_from} to {window.holdout_to}"
    '2026-01-01 to 2026-01-05, then 2026-01-06 to 2026-01-07'
    """
    held = max(1, min(holdout, len(days) // 3))
    return Window(days[0], days[-held - 1], days[-held], days[-1])


def make_folds(days: np.ndarray, folds: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Time-ordered folds over rows: train on all rows of earlier days, validate on the next block of days.

    `days` is the day of every row. Fewer folds where there are fewer days; at least one needs two days.

    >>> days = np.repeat(np.arange("2026-01-01", "2026-01-05", dtype="datetime64[D]"), 2)
    >>> [(len(train), len(validate)) for train, validate in make_folds(days, folds=3)]
    [(2, 2), (4, 2), (6, 2)]
    """
    distinct = np.unique(days)
    blocks = np.array_split(distinct, min(folds, len(distinct) - 1) + 1)
    result = []
    for block in blocks[1:]:
        result.append((np.flatnonzero(days < block[0]), np.flatnonzero((days >= block[0]) & (days <= block[-1]))))
    return result
