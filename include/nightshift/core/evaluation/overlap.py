"""Are held-out rows new? The same snapshot every night puts the same rows on both sides of the split."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Overlap:
    """Of the held-out rows: the share whose key was fitted, and the share whose key and features were.

    `agreement`: of the latter, how far the outcome is that of the fitted rows, beyond what outcomes that are drawn anew
    would give: 1 is always, 0 is chance (Cohen's kappa); NaN where no row is repeated, or all outcomes are equal.
    """

    keys: float
    repeated: float
    agreement: float


def measure_overlap(
    fitted: pd.DataFrame, fitted_target: np.ndarray, held: pd.DataFrame, held_target: np.ndarray, keys: list[str]
) -> Overlap:
    """Both frames have the keys and the features in the same columns; targets are float64 of shape (rows,).

    >>> rows = pd.DataFrame({"id": [1, 2], "spent": [5.0, 7.0]})
    >>> measure_overlap(rows, np.array([0.0, 1.0]), rows, np.array([0.0, 1.0]), ["id"])
    Overlap(keys=1.0, repeated=1.0, agreement=1.0)
    """
    known = np.isin(_hash(held[keys]), _hash(fitted[keys]))
    now, before = _hash(held), _hash(fitted)
    rows = pd.Series(before).value_counts()
    times = rows.reindex(now).fillna(0).to_numpy()
    repeated = times > 0
    if not repeated.any():
        return Overlap(float(known.mean()), 0.0, np.nan)
    same = pd.Series(_hash(fitted.assign(__target=fitted_target))).value_counts()
    equal = same.reindex(_hash(held.assign(__target=held_target))).fillna(0).to_numpy()
    observed = float((equal[repeated] / times[repeated]).mean())
    chance = _find_chance(fitted_target, held_target[repeated])
    agreement = (observed - chance) / (1 - chance) if chance < 1 else np.nan
    return Overlap(float(known.mean()), float(repeated.mean()), agreement)


def _hash(frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(pd.util.hash_pandas_object(frame, index=False, categorize=False))


def _find_chance(first: np.ndarray, second: np.ndarray) -> float:
    """How often a value of each is the same."""
    shares = [pd.Series(values).value_counts(normalize=True) for values in (first, second)]
    return float(shares[0].mul(shares[1], fill_value=0.0).sum())
