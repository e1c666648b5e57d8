"""Features in Parquet to visible rows in PostgreSQL: Nightshift, a usual template, and the server's own binary COPY.

All three on the same rows, the same model and the same server, in one run: `make bench`. Quote the ratios, not the
seconds: those belong to the machine.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import text

from include.config.connections import WAREHOUSE, ConnectionSpec
from include.config.loading import load_pipeline
from include.config.pipeline import PipelineConfig
from include.config.project import PROJECT_ROOT
from include.core.estimators import make_model
from include.io.artifacts import load_model, store_model
from include.io.lake import ObjectRef, make_attempt_id
from include.io.lake_folder import FolderLake
from include.io.ledger import Attempt, NewEntry, write_entry
from include.io.registry import NewVersion, promote, register_version
from include.io.resources import Resources
from include.io.tables import fetch_table, store_table
from include.io.warehouse import migrate_warehouse, open_warehouse
from include.local.paths import Paths
from include.local.postgres import PORT, start_postgres, stop_postgres
from include.local.postgres_files import SUPERUSER
from include.steps.publish import publish_scores
from include.steps.score import score_partition

NIGHT = date(2026, 1, 1)


def draw_features(config: PipelineConfig, rows: int) -> pd.DataFrame:
    """Made-up features of the pipeline `churn`."""
    generator = np.random.default_rng(7)
    frame = pd.DataFrame({"subscriber_id": np.arange(rows)})
    for name in config.spec.features.numeric:
        frame[name] = generator.gamma(2.0, 10.0, rows)
    for name in config.spec.features.categorical:
        frame[name] = generator.choice(["a", "b", "c"], rows).astype(object)
    return frame


def prepare(config: PipelineConfig, resources: Resources, rows: int) -> tuple[ObjectRef, ObjectRef]:
    """A champion and a partition of features; their objects."""
    frame = draw_features(config, rows)
    features = config.spec.features
    few, target = frame.head(20_000), (frame["tenure_months"].head(20_000) > 20).astype(float)
    model = make_model("hist_gradient_boosting", "classification", features.numeric, features.categorical, {}, 7)
    artifact = store_model(resources.lake, config.name, model.fit(few[list(features.names)], target), make_attempt_id())
    stored = store_table(
        resources.lake, "features/churn/bench.parquet", pa.Table.from_pandas(frame, preserve_index=False)
    )
    version: dict[str, Any] = dict.fromkeys(("train_from", "train_to", "holdout_from", "holdout_to"), NIGHT)
    names = {"numeric": list(features.numeric), "categorical": list(features.categorical)}
    version |= {"parameters": {}, "inputs": {}, "metrics": {}, "features": names, "rows": rows, "seed": 7}
    version |= {"run_id": "bench", "artifact": artifact, "reference": stored, "estimator": "hist_gradient_boosting"}
    with resources.warehouse.begin() as connection:
        number = register_version(
            connection, config.name, NewVersion(config_sha256="bench", code_version="bench", **version)
        )
        promote(connection, config.name, number, None, "bench", "bench", None)
        write_entry(connection, config.name, NIGHT, NewEntry("features", Attempt("bench", 0), stored), "bench", "bench")
    return stored, artifact


def run_nightshift(config: PipelineConfig, resources: Resources) -> None:
    """Our two tasks: score into the lake, publish with one commit."""
    publish_scores(config, resources, NIGHT, score_partition(config, resources, NIGHT).figures)


def run_template(resources: Resources, features: ObjectRef, artifact: ObjectRef) -> None:
    """What one finds when one looks for an example: all in memory, predict_proba, to_sql. No lake, no ledger."""
    frame = fetch_table(resources.lake, features).to_pandas()
    model = load_model(resources.lake, artifact)
    scored = frame[["subscriber_id"]].assign(
        partition_date=NIGHT, score=model.predict_proba(frame[list(model.feature_names_in_)])[:, 1], model_version=1
    )
    scored = scored.assign(decision=scored["score"] >= 0.5, scored_at=pd.Timestamp.now("UTC"))
    scored.to_sql("template", resources.warehouse.engine, if_exists="replace", index=False, chunksize=10_000)


def run_limit(resources: Resources, file: Path) -> None:
    """The server alone: the same rows from a local file in its own binary format, into a table like ours."""
    with resources.warehouse.begin() as connection:
        connection.execute(text("drop table if exists bench_limit"))
        connection.execute(text("create table bench_limit (like scores.churn including indexes)"))
        connection.execute(text(f"copy bench_limit from '{file}' with (format binary)"))


def measure(runs: int, **contestants: Callable[[], None]) -> dict[str, float]:
    """Median seconds of each, in turn, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(runs + 1):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    """Prints one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    config = load_pipeline(PROJECT_ROOT / "include" / "pipelines" / "churn")
    paths = Paths(PROJECT_ROOT, Path(tempfile.mkdtemp(prefix="nightshift-bench-")))
    server = start_postgres(paths)
    try:
        spec = ConnectionSpec(WAREHOUSE, "postgres", server.socket_folder, SUPERUSER, port=PORT, schema="warehouse")
        resources = Resources(open_warehouse(spec), FolderLake(paths.home / "lake"), lambda conn_id: spec)
        migrate_warehouse(resources.warehouse)
        features, artifact = prepare(config, resources, arguments.rows)
        run_nightshift(config, resources)
        exchange = paths.home / "exchange"
        exchange.mkdir(mode=0o777)
        exchange.chmod(0o777)
        with resources.warehouse.begin() as connection:
            connection.execute(text(f"copy (select * from scores.churn) to '{exchange}/rows' with (format binary)"))
        found = measure(
            arguments.runs,
            nightshift=lambda: run_nightshift(config, resources),
            template=lambda: run_template(resources, features, artifact),
            limit=lambda: run_limit(resources, exchange / "rows"),
        )
        resources.warehouse.engine.dispose()
    finally:
        stop_postgres(paths)
        shutil.rmtree(paths.home)
    rates = {f"{name}_rows_per_second": round(arguments.rows / seconds) for name, seconds in found.items()}
    times_template, of_limit = found["template"] / found["nightshift"], found["limit"] / found["nightshift"]
    print(
        json.dumps(
            {
                "rows": arguments.rows,
                **rates,
                "times_template": round(times_template, 2),
                "of_limit": round(of_limit, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
