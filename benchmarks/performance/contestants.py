"""Who competes: Nightshift, what one finds when one looks for an example, and what no code could beat here."""

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pyarrow.parquet as pq
from sqlalchemy import text

from benchmarks.performance.house import Bench, Prepared
from include.steps.publish import publish_scores
from include.steps.score import score_partition

# Seconds of each part that a contestant measures itself; without a word about it, `total` is taken around it.
Run = Callable[[], dict[str, float] | None]


def run_nightshift(bench: Bench, prepared: Prepared) -> dict[str, float]:
    """Our two tasks: score into the lake, publish with one commit."""
    start = time.perf_counter()
    scored = score_partition(prepared.config, bench.resources, prepared.night)
    middle = time.perf_counter()
    published = publish_scores(prepared.config, bench.resources, prepared.night, scored.figures)
    end = time.perf_counter()
    if published.figures.get("rows") != prepared.rows:
        raise RuntimeError(f"Nightshift published {published}")
    return {"total": end - start, "score": middle - start, "publish": end - middle}


def run_template(bench: Bench, prepared: Prepared) -> None:
    """The usual template: all in memory, predict_proba, to_sql. No lake, no ledger, no check."""
    frame = pd.read_parquet(prepared.features)
    model = joblib.load(prepared.model)
    score = model.predict_proba(frame[list(model.feature_names_in_)])[:, 1]
    scored = frame[["id"]].assign(partition_date=prepared.night, score=score, decision=score >= 0.5, model_version=1)
    scored["scored_at"] = pd.Timestamp.now("UTC")
    engine = bench.resources.warehouse.engine
    scored.to_sql(f"template_{prepared.config.name}", engine, if_exists="replace", index=False, chunksize=10_000)


def export_rows(bench: Bench, prepared: Prepared) -> Path:
    """The published rows in PostgreSQL's own binary format, in a file that the server may read."""
    file = bench.exchange / f"{prepared.config.name}.pgcopy"
    query = f"select * from scores.{prepared.config.name} where partition_date = '{prepared.night}'"
    with bench.resources.warehouse.begin() as connection:
        connection.execute(text(f"copy ({query}) to '{file}' with (format binary)"))
    return file


def copy_by_server(bench: Bench, prepared: Prepared, file: Path) -> None:
    """The server alone: prepared bytes from a local file, into a table like ours."""
    with bench.resources.warehouse.begin() as connection:
        _make_limit_table(connection, prepared)
        connection.execute(text(f"copy limit_rows from '{file}' with (format binary)"))


def copy_by_client(bench: Bench, prepared: Prepared, file: Path) -> None:
    """The same bytes through a connection, as a client sends them."""
    with bench.resources.warehouse.begin() as connection, file.open("rb") as bytes_of_rows:
        _make_limit_table(connection, prepared)
        cursor = connection.connection.cursor()
        cursor.copy_expert("copy limit_rows from stdin with (format binary)", bytes_of_rows, 1 << 20)


def _make_limit_table(connection: Any, prepared: Prepared) -> None:
    connection.execute(text("drop table if exists limit_rows"))
    connection.execute(text(f"create table limit_rows (like scores.{prepared.config.name} including indexes)"))


def read_only(prepared: Prepared) -> None:
    """Only read the features, in batches as large as ours."""
    with pq.ParquetFile(prepared.features) as file:
        for _ in file.iter_batches(batch_size=prepared.config.spec.scoring.batch_rows):
            pass


def make_prediction(prepared: Prepared) -> Run:
    """Only scikit-learn's predict_proba, on a frame that is in memory already."""
    frame = pd.read_parquet(prepared.features)
    model = joblib.load(prepared.model)
    frame = frame[list(model.feature_names_in_)]

    def predict() -> None:
        model.predict_proba(frame)

    return predict


def measure(rounds: int, contestants: Mapping[str, Run], say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds of each part of each contestant, in turn: the median and every round."""
    seconds: dict[str, dict[str, list[float]]] = {name: {} for name in contestants}
    for number in range(rounds):
        for name, run in contestants.items():
            start = time.perf_counter()
            parts = run() or {"total": time.perf_counter() - start}
            for part, value in parts.items():
                seconds[name].setdefault(part, []).append(round(value, 3))
            say(f"round {number + 1} of {rounds}, {name}: " + ", ".join(f"{k} {v:.2f} s" for k, v in parts.items()))
    return {
        name: {part: {"median": statistics.median(values), "rounds": values} for part, values in parts.items()}
        for name, parts in seconds.items()
    }
