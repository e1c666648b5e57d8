"""The nights of the fault tests' own pipeline: few rows, the same for the same day. A file adds rows that came late."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

LATE = Path(__file__).parent / "late"


def read_visits(partition: date, scenario: str, rows: int) -> pd.DataFrame:
    """One row per visit; `bad` lacks most of what it should have."""
    late = LATE / str(partition)
    count = rows + (int(late.read_text()) if late.exists() else 0)
    generator = np.random.default_rng([3, partition.toordinal()])
    shop, spent = generator.choice(["north", "south"], rows * 2), generator.gamma(4.0, 10.0, rows * 2).round(2)
    chance = 1 / (1 + np.exp(-0.15 * (spent - 40) - (shop == "north")))
    returned = (generator.random(rows * 2) < chance).astype(int)
    frame = pd.DataFrame({"visit": np.arange(rows * 2), "shop": shop, "spent": spent, "returned": returned})
    return frame.assign(spent=-1.0).head(count) if scenario == "bad" else frame.head(count)
