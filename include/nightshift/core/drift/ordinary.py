"""What values of a numeric column are ordinary: a distance is measured within them, so no outlier sets its unit.

The Wasserstein distance counts in standard deviations of the reference, which one value of 1e30 makes endless. So both
sides are clipped first, as Huber's estimates clip theirs (Annals of Mathematical Statistics 35 (1964)): to the middle
90 % of the reference and three such widths on either side, 11.5 standard deviations of a normal distribution.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

TAIL = 0.05
WIDTHS = 3.0
# Fewer values, and a smaller share of them, than these say nothing about the spread of a column.
MIN_SPREAD_ROWS = 10
MIN_SPREAD_SHARE = 0.001


@dataclass(frozen=True)
class OrdinaryRange:
    """From the lowest to the highest value that a column can have without being beyond everything known."""

    low: float
    high: float

    def bound(self, values: pd.Series) -> pd.Series:
        """Values beyond the range moved to its end; missing ones stay missing."""
        return values.astype("float64").clip(self.low, self.high)


def find_ordinary_range(reference: pd.Series) -> OrdinaryRange:
    """The range of the reference's numbers, however many of them are one and the same.

    >>> find_ordinary_range(pd.Series([*range(101)]))
    OrdinaryRange(low=-265.0, high=365.0)
    """
    values = reference.dropna().to_numpy("float64")
    middle = float(np.median(values))
    # Of a column that is mostly zero, the zeros say nothing of how far the others lie apart.
    others = values[values != middle]
    spread = values if 2 * len(others) > len(values) else others
    if len(spread) < max(MIN_SPREAD_ROWS, MIN_SPREAD_SHARE * len(values)):
        width = max(abs(middle), 1.0)
        return OrdinaryRange(middle - width, middle + width)
    low, high = (float(end) for end in np.quantile(spread, [TAIL, 1 - TAIL], method="nearest"))
    low, high = min(low, middle), max(high, middle)
    reach = WIDTHS * (high - low)
    return OrdinaryRange(low - reach, high + reach)
