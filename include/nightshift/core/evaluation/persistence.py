"""What anyone would guess who only knows the last outcomes: persistence, and persistence of the same weekday.

R. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice (3rd edition, 2021), section 5.2: the naive and the
seasonal naive method.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

# A guess that is there for fewer of the held-out rows is none that could be used at night.
MIN_COVERAGE = 0.9
WEEK = 7


@dataclass(frozen=True)
class Known:
    """Rows whose outcomes are known: their keys, day (datetime64[D]) and target (float64), of shape (rows,)."""

    keys: pd.DataFrame
    days: np.ndarray
    target: np.ndarray


def guess_from_last(known: Known, held: Known, maturity_days: int, *, average: bool) -> dict[str, np.ndarray]:
    """By name, the guess for each held-out row, from outcomes that were known at its scoring; float64, shape (rows,).

    The last outcome of the same key, or the mean of all so far where `average` is set (for probabilities); and that of
    the same weekday. Keys that are a time count by their time of day. Rows without any get the mean of `known`; a guess
    that fewer than nine of ten rows have is left out.
    """
    prior = float(known.target.mean())
    past, rows = _mark(known), _mark(held)
    # Outcomes of earlier held-out days are known, too, once they have matured.
    everything = pd.concat([past, rows], ignore_index=True)
    found = {}
    for name, by in (("last outcome", ["key"]), ("last outcome of the weekday", ["key", "weekday"])):
        guess = _look_up(everything, rows, by, maturity_days, prior if average else None)
        if np.isfinite(guess).mean() >= MIN_COVERAGE:
            found[name] = np.where(np.isfinite(guess), guess, prior)
    return found


def _mark(known: Known) -> pd.DataFrame:
    slots = known.keys.apply(lambda values: values.dt.time.astype(str) if _is_time(values) else values)
    days = known.days.astype("datetime64[D]").astype("int64")
    key = pd.util.hash_pandas_object(slots, index=False, categorize=False).to_numpy()
    return pd.DataFrame({"key": key, "day": days, "weekday": days % WEEK, "target": known.target})


def _is_time(values: pd.Series) -> bool:
    return bool(pd.api.types.is_datetime64_any_dtype(values))


def _look_up(
    everything: pd.DataFrame, rows: pd.DataFrame, by: list[str], maturity_days: int, prior: float | None
) -> np.ndarray:
    days = everything.groupby([*by, "day"], as_index=False)["target"].agg(["sum", "count"])
    if prior is None:
        days["guess"] = days["sum"] / days["count"]
    else:
        running = days.sort_values("day").groupby(by)[["sum", "count"]].cumsum()
        days["guess"] = (running["sum"] + prior) / (running["count"] + 1)
    wanted = rows.assign(row=np.arange(len(rows)), day=rows["day"] - maturity_days).sort_values("day")
    columns = [*by, "day", "guess"]
    joined = pd.merge_asof(wanted.drop(columns="target"), days[columns].sort_values("day"), on="day", by=by)
    return joined.sort_values("row")["guess"].to_numpy("float64")
