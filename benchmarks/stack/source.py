"""A few made-up visits a night, the same for the same day."""

from datetime import date

import numpy as np
import pandas as pd


def read_visits(partition: date, rows: int) -> pd.DataFrame:
    """One row per visit."""
    generator = np.random.default_rng([3, partition.toordinal()])
    shop, spent = generator.choice(["north", "south"], rows), generator.gamma(4.0, 10.0, rows).round(2)
    chance = 1 / (1 + np.exp(-0.15 * (spent - 40) - (shop == "north")))
    returned = (generator.random(rows) < chance).astype(int)
    return pd.DataFrame({"visit": np.arange(rows), "shop": shop, "spent": spent, "returned": returned})
