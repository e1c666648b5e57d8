"""Who competes: Nightshift, what one finds when one looks for an example, and what no code could beat here.

Each takes the same night's features. A night is new to all of them; those named `again` then replace it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import joblib
import pandas as pd
import pyarrow.parquet as pq
from sqlalchemy import text

from benchmarks.performance.house import Bench, Prepared
from nightshift.steps.handover import Scored, take
from nightshift.steps.score.publish import publish_scores
from nightshift.steps.score.score import score_partition

# Seconds of each part: `total`, or what a contestant tells apart.
Seconds = dict[str, float]
Run = Callable[[Prepared], Seconds]


def list_contestants(bench: Bench, slow: bool) -> dict[str, Run]:
    """In the order in which they take turns. The limits' bytes are those that Nightshift has published."""
    runs: dict[str, Run] = {"nightshift": partial(run_nightshift, bench)}
    if slow:
        runs["template"] = partial(run_template, bench)
    return runs | {
        "copy_by_server": partial(copy_by_server, bench),
        "copy_and_index_by_server": partial(copy_and_index_by_server, bench),
        "copy_by_client": partial(copy_by_client, bench),
        "predict": predict_only,
        "read": read_only,
        "nightshift_again": partial(run_nightshift, bench),
        "copy_by_server_again": partial(replace_by_server, bench),
    }


def run_nightshift(bench: Bench, prepared: Prepared) -> Seconds:
    """Our two tasks: score into the lake, publish with one commit."""
    start = time.perf_counter()
    scored = score_partition(prepared.config, bench.resources, prepared.night)
    middle = time.perf_counter()
    published = publish_scores(prepared.config, bench.resources, prepared.night, take(Scored, scored.figures))
    end = time.perf_counter()
    if published.figures.get("rows") != prepared.rows:
        raise RuntimeError(f"Nightshift published {published}")
    return {"total": end - start, "score": middle - start, "publish": end - middle}


def run_template(bench: Bench, prepared: Prepared) -> Seconds:
    """The usual template: all in memory, predict_proba, to_sql. No lake, no ledger, no check, no other night."""
    with take_time() as seconds:
        frame = pd.read_parquet(prepared.features)
        model = joblib.load(prepared.model)
        score = model.predict_proba(frame[list(model.feature_names_in_)])[:, 1]
        scored = frame[["id"]].assign(partition_date=prepared.night, score=score, decision=score >= 0.5)
        scored = scored.assign(model_version=1, scored_at=pd.Timestamp.now("UTC"))
        engine, table = bench.resources.warehouse.engine, f"template_{prepared.config.name}"
        scored.to_sql(table, engine, if_exists="replace", index=False, chunksize=10_000)
    return seconds


def copy_by_server(bench: Bench, prepared: Prepared) -> Seconds:
    """The server alone: prepared bytes from a local file, into a new table that nothing slows down."""
    file, table = export_rows(bench, prepared), _make_limit_table(bench, prepared, "copied")
    with take_time() as seconds, bench.resources.warehouse.begin() as connection:
        connection.execute(text(f"copy {table} from '{file}' with (format binary)"))
    return seconds


def copy_and_index_by_server(bench: Bench, prepared: Prepared) -> Seconds:
    """The same, and then the unique index that a night of ours has."""
    file, table = export_rows(bench, prepared), _make_limit_table(bench, prepared, "indexed")
    with take_time() as seconds, bench.resources.warehouse.begin() as connection:
        connection.execute(text(f"copy {table} from '{file}' with (format binary)"))
        connection.execute(text(f"create unique index on {table} (partition_date, id)"))
    return seconds


def replace_by_server(bench: Bench, prepared: Prepared) -> Seconds:
    """That night again: its rows are deleted, and copied, in one transaction."""
    file, table = export_rows(bench, prepared), _name_limit_table(prepared, "indexed")
    with take_time() as seconds, bench.resources.warehouse.begin() as connection:
        connection.execute(text(f"delete from {table}"))
        connection.execute(text(f"copy {table} from '{file}' with (format binary)"))
    return seconds


def copy_by_client(bench: Bench, prepared: Prepared) -> Seconds:
    """The same bytes through a connection, as a client sends them, into a table without an index."""
    file, table = export_rows(bench, prepared), _make_limit_table(bench, prepared, "sent")
    with take_time() as seconds, bench.resources.warehouse.begin() as connection, file.open("rb") as prepared_bytes:
        cursor = connection.connection.cursor()
        cursor.copy_expert(f"copy {table} from stdin with (format binary)", prepared_bytes, 1 << 20)
    return seconds


def predict_only(prepared: Prepared) -> Seconds:
    """Only scikit-learn's predict_proba, on a frame that is in memory already."""
    frame = pd.read_parquet(prepared.features)
    model = joblib.load(prepared.model)
    frame = frame[list(model.feature_names_in_)]
    with take_time() as seconds:
        model.predict_proba(frame)
    return seconds


def read_only(prepared: Prepared) -> Seconds:
    """Only read the features, in batches as large as ours."""
    with take_time() as seconds, pq.ParquetFile(prepared.features) as file:
        for _ in file.iter_batches(batch_size=prepared.config.spec.scoring.batch_rows):
            pass
    return seconds


@contextmanager
def take_time() -> Iterator[Seconds]:
    """A dictionary that has the block's seconds as `total` afterwards."""
    seconds: Seconds = {}
    start = time.perf_counter()
    yield seconds
    seconds["total"] = time.perf_counter() - start


def export_rows(bench: Bench, prepared: Prepared) -> Path:
    """The published rows in PostgreSQL's own binary format, in a file that the server may read."""
    name = prepared.config.name
    file = bench.exchange / f"{name}_{prepared.night}.pgcopy"
    query = f"select * from scores.{name} where partition_date = '{prepared.night}'"
    if not file.exists():
        with bench.resources.warehouse.begin() as connection:
            connection.execute(text(f"copy ({query}) to '{file}' with (format binary)"))
    return file


def _make_limit_table(bench: Bench, prepared: Prepared, what: str) -> str:
    """An empty table with the columns of ours, in place of that of the night before."""
    table = _name_limit_table(prepared, what)
    with bench.resources.warehouse.begin() as connection:
        connection.execute(text(f"drop table if exists {table}"))
        connection.execute(text(f"create table {table} (like scores.{prepared.config.name})"))
    return table


def _name_limit_table(prepared: Prepared, what: str) -> str:
    return f"limit_{what}_{prepared.config.name}"
