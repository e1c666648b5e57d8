"""The holiday of a day, for all of its hours: the source names it in the first one only."""

import pandas as pd

NO_HOLIDAY = "None"


def build_features(rows: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """The day's rows with `is_holiday`, 1 or 0, the same in all of them."""
    named = rows["holiday"].notna() & (rows["holiday"] != NO_HOLIDAY)
    return rows.assign(is_holiday=float(named.any()))
