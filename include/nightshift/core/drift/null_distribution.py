"""How far apart samples of one and the same world are: what a distance must exceed before it says anything.

Two kinds of chance part a window from the reference. Rows: few of them scatter, so the rows of both sides are dealt out
again at random (permutation: Pitman, Supplement to the Journal of the Royal Statistical Society 4 (1937)). Nights: rows
of a night are alike, and nights, weekdays and seasons differ, so stretches of as many nights as the window has are
taken out of the reference and compared with the rest of it (blocks: Künsch, Annals of Statistics 17 (1989)).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

from nightshift.core.features.sampling import sample_rows

DRAWS = 100
CONFIDENCE = 0.99
# Every draw costs as many additions. With so many rows of a side chance reaches less than the usual limit; of more rows
# it is overestimated.
MAX_ROWS = 4_000
# Fewer windows than these in the reference do not show how windows differ.
MIN_WINDOWS = 3


@dataclass(frozen=True)
class Draws:
    """Pairs of samples of the pooled rows: masks of shape (draws, rows)."""

    current: np.ndarray
    reference: np.ndarray


# Takes pairs of samples, returns the distance of each pair, shape (draws,).
Measure = Callable[[Draws], np.ndarray]


@dataclass(frozen=True)
class NullDistribution:
    """The chance between a window of `current` rows and a reference; drawn only once something asks for it.

    `base` is the number of rows that the reference was made from, `nights` the night of each of them (datetime64[D]),
    None where they are not known; `reference` is how many of them are compared. `window` is the number of nights
    compared, `against` that of the nights they are compared with (None: all of the others).
    """

    base: int
    nights: np.ndarray | None
    window: int
    current: int
    reference: int
    seed: int
    against: int | None = None

    def pool(self, reference: pd.Series, current: pd.Series) -> pd.Series:
        """The values that the draws are made of: those of the reference, then those of the window."""
        return pd.concat([reference.iloc[self._chosen[0]], current.iloc[self._chosen[1]]], ignore_index=True)

    @cached_property
    def by_rows(self) -> Draws:
        """Pairs that differ only by which rows they have."""
        base, current = (len(side) for side in self._chosen)
        return self._deal(base + current, current, min(base, self.reference))

    @cached_property
    def by_nights(self) -> Draws | None:
        """Pairs of whole stretches of the reference's nights; None where there are too few of them."""
        if self.nights is None:
            return None
        distinct, night = np.unique(self.nights[self._chosen[0]], return_inverse=True)
        if len(distinct) < MIN_WINDOWS * self.window:
            return None
        starts = np.unique(np.linspace(0, len(distinct) - self.window, DRAWS).round().astype(int))
        inside = (night >= starts[:, None]) & (night < starts[:, None] + self.window)
        return self._pad(Draws(inside, self._find_others(night, starts, len(distinct)) & ~inside))

    @cached_property
    def alike(self) -> Draws | None:
        """As `by_nights`, with as many rows of the reference, but of any night."""
        if self.by_nights is None:
            return None
        sides = (self.by_nights.current, self.by_nights.reference)
        return self._pad(self._deal(len(self._chosen[0]), *(int(side.sum(axis=1).mean()) for side in sides)))

    @property
    def windows(self) -> float:
        """How many windows the reference has that share no night."""
        return 1.0 if self.nights is None else len(np.unique(self.nights)) / self.window

    @cached_property
    def _chosen(self) -> tuple[np.ndarray, np.ndarray]:
        sides = (self.base, self.current)
        return tuple(sample_rows(rows, MAX_ROWS, self.seed) for rows in sides)  # type: ignore[return-value]

    def _deal(self, rows: int, current: int, reference: int) -> Draws:
        generator = np.random.default_rng([self.seed, rows, current])
        dealt = np.stack([generator.permutation(rows) for _ in range(DRAWS)])
        return Draws(dealt < current, dealt >= rows - reference)

    def _pad(self, draws: Draws) -> Draws:
        """The window's own rows are in no stretch of the reference."""
        width = ((0, 0), (0, len(self._chosen[1])))
        return Draws(np.pad(draws.current, width), np.pad(draws.reference, width))

    def _find_others(self, night: np.ndarray, starts: np.ndarray, count: int) -> np.ndarray:
        """The nights that each stretch is compared with: all, or a stretch of `against` nights where one fits."""
        if self.against is None or self.against + self.window > count:
            return np.ones((len(starts), len(night)), dtype=bool)
        generator = np.random.default_rng(self.seed)
        firsts = np.array([self._place(generator, start, self.against, count) for start in starts])
        others: np.ndarray = (night >= firsts[:, None]) & (night < firsts[:, None] + self.against)
        return others

    def _place(self, generator: np.random.Generator, start: int, length: int, count: int) -> int:
        """Where a stretch of `length` nights starts that shares none with the window from `start` on, if one does."""
        places = [*range(start - length + 1), *range(start + self.window, count - length + 1)]
        return int(generator.choice(places)) if places else 0


def find_critical_value(measure: Measure, noise: NullDistribution) -> float:
    """What the distance reaches by chance in 99 of 100 cases.

    Nights: the 99 % limit for one more window (Student's t prediction interval: a reference has few windows that share
    no night), less what its rows alone would give, as squares; plus what the window's own rows give.
    """
    rows = _find_quantile(measure(noise.by_rows))
    if noise.by_nights is None or noise.alike is None:
        return rows
    apart, windows = measure(noise.by_nights), max(2.0, noise.windows)
    wide = stats.t.ppf(CONFIDENCE, windows - 1) * np.sqrt(1 + 1 / windows) * np.nanstd(apart)
    reach = max(_find_quantile(apart), float(np.nanmean(apart) + wide))
    extra = max(0.0, reach**2 - _find_quantile(measure(noise.alike)) ** 2)
    return float(np.sqrt(rows**2 + extra))


def _find_quantile(values: np.ndarray) -> float:
    """Infinite where chance can't be told: nothing exceeds it."""
    finite = values[np.isfinite(values)]
    return float(np.quantile(finite, CONFIDENCE)) if len(finite) else float("inf")


def bind_each(measure: Callable[[pd.Series, pd.Series], float], pooled: pd.Series) -> Measure:
    """Any measure of two samples, asked for each pair."""
    return lambda draws: np.array(
        [
            measure(pooled[reference], pooled[current])
            for current, reference in zip(draws.current, draws.reference, strict=True)
        ]
    )


def bind_numbers(pooled: pd.Series) -> Measure:
    """The normed Wasserstein distance of numbers, NaN where missing."""
    values = pooled.to_numpy("float64")
    order = np.argsort(values)[: int(np.isfinite(values).sum())]
    ordered = values[order] - np.nanmean(values)
    gaps = np.diff(ordered)

    def measure(draws: Draws) -> np.ndarray:
        current, reference = (_to_shares(side[:, order]) for side in (draws.current, draws.reference))
        distance = np.abs(np.cumsum(current - reference, axis=1)[:, :-1]) @ gaps
        variance = reference @ np.square(ordered) - np.square(reference @ ordered)
        return np.asarray(distance / np.maximum(np.sqrt(np.maximum(variance, 0)), 0.001))

    return measure


def bind_categories(pooled: pd.Series) -> Measure:
    """The Jensen-Shannon distance of categories."""
    count = _bind_counts(pd.factorize(pooled)[0])

    def measure(draws: Draws) -> np.ndarray:
        # Shares of all rows as Evidently takes them: its columns have no missing values left.
        current, reference = _to_shares(count(draws.current)), _to_shares(count(draws.reference))
        middle = (current + reference) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = [np.where(side > 0, side * np.log(side / middle), 0).sum(axis=1) for side in (current, reference)]
        return np.asarray(np.sqrt(np.maximum(0, (parts[0] + parts[1]) / 2)))

    return measure


def bind_new_categories(pooled: pd.Series) -> Measure:
    """The share of rows whose category the other sample does not have."""
    count = _bind_counts(pd.factorize(pooled)[0])

    def measure(draws: Draws) -> np.ndarray:
        current = count(draws.current)
        return np.asarray(np.where(count(draws.reference) == 0, current, 0).sum(axis=1) / draws.current.sum(axis=1))

    return measure


def bind_missing(pooled: pd.Series) -> Measure:
    """By how much the share of missing values rose."""
    missing = pooled.isna().to_numpy()
    return lambda draws: np.asarray(_to_shares(draws.current) @ missing - _to_shares(draws.reference) @ missing)


def _bind_counts(codes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """How often each of the codes, -1 where missing, is in each sample."""
    order = np.argsort(codes, kind="stable")[int((codes < 0).sum()) :]
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return lambda side: np.asarray(np.add.reduceat(side[:, order].astype(np.int64), starts, axis=1))


def _to_shares(counts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))
