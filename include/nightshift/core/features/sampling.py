"""Which rows a bounded sample takes: seeded, and mixed as the whole is mixed."""

from collections.abc import Sequence

import numpy as np


def allocate_rows(counts: Sequence[int], available: Sequence[int], most: int) -> list[int]:
    """How many rows to take of each stratum, at most `most` in all and in proportion to `counts`; largest remainders.

    `available` is what can be read of each stratum: where one has too little, all of them give less, so the mix holds.

    >>> allocate_rows([10, 1000], [10, 1000], most=100)
    [1, 99]
    """
    sizes = np.asarray(counts, dtype=np.float64)
    if sizes.sum() == 0:
        return [0] * len(sizes)
    reach = min((have / size for have, size in zip(available, sizes, strict=True) if size), default=1.0)
    exact = sizes * min(1.0, most / sizes.sum(), reach)
    # Products such as 0.3 * 10 may fall just below the whole number that they mean.
    taken = np.floor(exact + 1e-9).astype(int)
    left = round(float(exact.sum())) - int(taken.sum())
    taken[np.argsort(taken - exact, kind="stable")[: max(0, left)]] += 1
    return [int(min(number, have)) for number, have in zip(taken, available, strict=True)]


def match_mix(reference: np.ndarray, current: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions in the reference, drawn so that its strata are mixed as the current ones, and a mask of current rows.

    Both arrays name the stratum of each row. As many rows are drawn as the reference has in the strata that both
    have, with replacement where a stratum is asked for more than it has; the mask leaves out the current rows whose
    stratum the reference lacks.
    """
    generator = np.random.default_rng(seed)
    kept = np.isin(current, reference)
    strata, wanted = np.unique(current[kept], return_counts=True)
    found = [np.flatnonzero(reference == stratum) for stratum in strata]
    total = sum(len(positions) for positions in found)
    shares = allocate_rows([int(n) * total for n in wanted], [total] * len(found), total)
    drawn = [
        generator.choice(positions, size=share, replace=share > len(positions))
        for positions, share in zip(found, shares, strict=True)
    ]
    return np.sort(np.concatenate(drawn)) if drawn else np.empty(0, dtype=int), kept


def sample_rows(count: int, most: int, seed: int) -> np.ndarray:
    """Positions of at most `most` of `count` rows, seeded, in their order.

    >>> sample_rows(count=10, most=3, seed=7)
    array([5, 6, 7])
    >>> sample_rows(count=2, most=3, seed=7)
    array([0, 1])
    """
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=most, replace=False))
