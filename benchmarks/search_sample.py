"""Whether a search that sees a sample (`training.search_rows`) chooses as good a model as one that sees every row.

`python -m benchmarks.search_sample` on made-up rows, or `--flights FILE` on flights.csv.gz of 2017 (303,748 flights of
New York, in ../shared/data): what each search chooses is fitted on all rows and judged on held-out ones, the last days.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.performance.shapes import draw_rows, load_shape
from benchmarks.performance.training import DAYS, ESTIMATORS
from nightshift.config.pipeline import PipelineSpec
from nightshift.core.estimators.kinds import predict_scores
from nightshift.core.training.fit import tune_and_fit
from nightshift.prefetch import count_workers

HELD_SHARE = 0.2
NUMBERS, WORDS = ("month", "weekday", "hour", "distance"), ("carrier", "origin", "dest")


@dataclass(frozen=True)
class Rows:
    """In the order of time; `days` is the day of each."""

    frame: pd.DataFrame
    target: np.ndarray
    days: np.ndarray

    def take(self, part: slice) -> "Rows":
        """Some of them."""
        return Rows(self.frame.iloc[part], self.target[part], self.days[part])


def draw(rows: int) -> Rows:
    """Made-up rows of twenty numbers."""
    frame = draw_rows(load_shape("plain"), rows, date(2026, 1, 1))
    days = np.datetime64("2026-01-01") + np.arange(rows) * DAYS // rows
    return Rows(frame, frame.pop("y").to_numpy(dtype=float), days)


def read_flights(file: Path) -> Rows:
    """What the timetable says of each flight, and whether it came 30 minutes late or more."""
    flights = pd.read_csv(file)
    flights = flights[flights["arr_delay"].notna()]
    moment = pd.to_datetime(flights[["year", "month", "day"]])
    flights = flights.assign(moment=moment, weekday=moment.dt.weekday, hour=flights["sched_dep_time"] // 100)
    flights = flights.sort_values("moment", kind="stable")
    frame = flights[[*NUMBERS, *WORDS]].astype(dict.fromkeys(NUMBERS, float)).reset_index(drop=True)
    target = (flights["arr_delay"] >= 30).to_numpy(dtype=float)
    return Rows(frame, target, flights["moment"].to_numpy(dtype="datetime64[D]"))


def make_spec(rows: Rows, seed: int, search_rows: int) -> PipelineSpec:
    """The search that a pipeline gets by default, for log loss."""
    spec = load_shape("plain").spec
    names = list(rows.frame.columns.drop("id", errors="ignore"))
    numeric = tuple(name for name in names if name not in WORDS)
    features = spec.features.model_copy(
        update={"numeric": numeric, "categorical": tuple(name for name in names if name in WORDS)}
    )
    training = type(spec.training)(
        metric="log_loss", estimators=ESTIMATORS, calibrate="none", imbalance="none", seed=seed, search_rows=search_rows
    )
    return spec.model_copy(update={"training": training, "features": features})


def judge_search(known: Rows, held: Rows, seed: int, search_rows: int) -> str:
    """A row of the table."""
    spec = make_spec(known, seed, search_rows)
    start = time.perf_counter()
    fitted = tune_and_fit(known.frame, known.target, known.days, spec, workers=count_workers())
    seconds = time.perf_counter() - start
    scores = predict_scores(fitted.model, "classification", held.frame[list(spec.features.names)])
    chosen = ", ".join(f"{name} {value}" for name, value in fitted.setting.parameters.items())
    loss, area = log_loss(held.target, scores), roc_auc_score(held.target, scores)
    seen = min(search_rows, len(known.target))
    return f"| {seed} | {seen:,} | {fitted.setting.kind}: {chosen} | {loss:.5f} | {area:.5f} | {seconds:.0f} |"


def compare_searches(rows: Rows, samples: Sequence[int], seeds: Sequence[int]) -> None:
    """Print a table: for each seed the searches on samples, then the one on everything."""
    edge = int(len(rows.target) * (1 - HELD_SHARE))
    known, held = rows.take(slice(edge)), rows.take(slice(edge, None))
    print(f"{edge:,} rows to learn from, {len(held.target):,} to judge on")
    print("| seed | the search sees | it chooses | held-out log loss | ROC AUC | seconds |")
    print("|---|---:|---|---:|---:|---:|")
    for seed in seeds:
        for search_rows in (*samples, edge):
            print(judge_search(known, held, seed, search_rows), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flights", type=Path)
    parser.add_argument("--rows", type=int, default=1_250_000, help="made-up ones")
    parser.add_argument("--samples", type=int, nargs="+", default=[200_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    arguments = parser.parse_args()
    rows = read_flights(arguments.flights) if arguments.flights else draw(arguments.rows)
    compare_searches(rows, arguments.samples, arguments.seeds)


if __name__ == "__main__":
    main()
