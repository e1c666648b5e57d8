"""A warehouse and a lake for the benchmark, with a champion that went through the real training and gate."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import joblib
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import text

from benchmarks.performance.one_step import connect
from benchmarks.performance.shapes import draw_batches, draw_rows, load_shape, train_with_imputation
from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import PROJECT_ROOT
from nightshift.io.artifacts import load_model
from nightshift.io.lake.base import make_attempt_id, make_key
from nightshift.io.lake.parquet import store_tables
from nightshift.io.ledger.entries import Attempt, NewEntry, write_entry
from nightshift.io.registry import find_champion
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import migrate_warehouse
from nightshift.local.paths import Paths
from nightshift.local.postgres import start_postgres, stop_postgres
from nightshift.steps import runs

START = date(2026, 1, 1)
# The first night after the training's; each round of the comparison has one of its own.
NIGHT = date(2026, 2, 1)
TRAINING_NIGHTS, TRAINING_ROWS = 4, 10_000


@dataclass(frozen=True)
class Bench:
    """Where everything is. `exchange` is a folder that the server's user may read and write."""

    paths: Paths
    socket: str
    resources: Resources

    @property
    def exchange(self) -> Path:
        """Files that the server itself reads and writes."""
        return self.paths.home / "exchange"


@dataclass(frozen=True)
class Prepared:
    """One night of features, and the champion for whoever does not know our lake."""

    config: PipelineConfig
    night: date
    rows: int
    features: Path
    model: Path


@contextmanager
def open_bench() -> Iterator[Bench]:
    """A server and a lake in a temporary folder, gone afterwards."""
    paths = Paths(PROJECT_ROOT, Path(tempfile.mkdtemp(prefix="nightshift-bench-")))
    os.environ["NIGHTSHIFT_DATA"] = str(paths.home / "data")
    try:
        server = start_postgres(paths)
        bench = Bench(paths, server.socket_folder, connect(paths.home, server.socket_folder))
        migrate_warehouse(bench.resources.warehouse)
        bench.exchange.mkdir()
        bench.exchange.chmod(0o777)
        yield bench
        bench.resources.warehouse.engine.dispose()
    finally:
        stop_postgres(paths)
        shutil.rmtree(paths.home, ignore_errors=True)


def write_night(config: PipelineConfig, night: date, rows: int) -> Path:
    """The source's file of one night."""
    folder = Path(os.environ["NIGHTSHIFT_DATA"]) / config.name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{night}.parquet"
    tables = draw_batches(config, rows, night)
    first = next(tables)
    with pq.ParquetWriter(file, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table.cast(first.schema))
    return file


def train_champion(config: PipelineConfig, resources: Resources) -> None:
    """A few nights through ingest, then a training through the gate; RuntimeError where nothing was promoted."""
    nights = [START + timedelta(days=number) for number in range(TRAINING_NIGHTS)]
    for night in nights:
        write_night(config, night, TRAINING_ROWS)
        runs.run_ingest(config, resources, night, ignore)
    request = runs.TrainingRequest(as_of=nights[-1], run_id="bench", requested_by="bench")
    # A rehearsal goes through the same gate, but writes no cards.
    outcome = runs.run_train(config, resources, request, ignore, rehearsal=True)
    if not outcome.figures.get("promoted"):
        raise RuntimeError(f"{config.name}: no champion: {outcome}")


def ignore(step: str, outcome: Any) -> None:
    """Nobody is told."""


def prepare_shape(bench: Bench, name: str) -> PipelineConfig:
    """The shape's pipeline with its champion."""
    config = load_shape(name)
    if name == "mixed":
        with train_with_imputation():
            train_champion(config, bench.resources)
    else:
        train_champion(config, bench.resources)
    return config


def prepare_night(bench: Bench, config: PipelineConfig, rows: int, night: date) -> Prepared:
    """The night's features in the lake and the ledger, as `build_features` leaves them."""
    resources, names = bench.resources, [*config.spec.keys, *config.spec.features.names]
    schema = pa.Table.from_pandas(draw_rows(config, 1_000, night)[names], preserve_index=False).schema
    plain = schema.remove_metadata()
    tables = (table.select(names).cast(plain) for table in draw_batches(config, rows, night))
    key = make_key("features", config.name, night, make_attempt_id())
    stored = store_tables(resources.lake, key, plain, tables, compression="lz4")
    entry = NewEntry("features", Attempt("bench", 0), stored)
    with resources.warehouse.begin() as connection:
        write_entry(connection, config.name, night, entry, config.config_sha256, "bench")
    model = bench.exchange / f"{config.name}.joblib"
    dump_champion(config, resources, model)
    features = resources.lake.locate(stored.uri)
    if features is None:
        raise RuntimeError(f"{stored.uri} is no file")
    return Prepared(config, night, rows, features, model)


def dump_champion(config: PipelineConfig, resources: Resources, file: Path) -> None:
    """The model in charge, as somebody without a registry keeps it."""
    with resources.warehouse.begin() as connection:
        champion = find_champion(connection, config.name)
    if champion is None:
        raise RuntimeError(f"{config.name} has no champion")
    joblib.dump(load_model(resources.lake, champion.artifact), file)


def settle(bench: Bench) -> None:
    """Have the server clear up after the one before, as it does at times of its own: nobody pays for another."""
    with bench.resources.warehouse.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum"))
        connection.execute(text("checkpoint"))


def ask(resources: Resources, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with resources.warehouse.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]
