"""A small pipeline with files of its own, on a real warehouse and a real lake, and what tests look up in them."""

import functools
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import yaml
from sqlalchemy import text

from nightshift.config.airflow.connections import LAKE, WAREHOUSE, ConnectionSpec
from nightshift.config.loading import load_pipeline
from nightshift.config.pipeline import PipelineConfig
from nightshift.io.lake.folder import FolderLake
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import Warehouse, open_warehouse
from nightshift.local.postgres import PORT, Server
from nightshift.local.postgres_files import SUPERUSER
from nightshift.steps import runs
from nightshift.steps.outcome import Outcome
from nightshift.steps.score.score import score_partition
from tests.kits.pipelines import make_spec, write_pipeline

PIPELINE = "shops"
NIGHTS = tuple(date(2026, 1, 1) + timedelta(days=offset) for offset in range(14))
# What the trained world has seen.
LEARNING = NIGHTS[:6]
ROWS = 120
SUITE = {
    "max_quarantined_share": 0.1,
    "rows": [
        {"expect_column_values_to_not_be_null": {"column": "shop"}},
        {"expect_column_values_to_be_between": {"column": "spent", "min_value": 0, "max_value": 1000}},
    ],
    "batch": [{"expect_table_row_count_to_be_between": {"min_value": 10}}],
}
SETTINGS = {
    "gate.min_rows": 50,
    "gate.floor": 0.55,
    "training.trials": 1,
    "training.folds": 2,
    "drift": {"window_days": 2, "min_rows": 50},
    "retrain": {"min_drifted_runs": 1, "recent_runs": 1, "cooldown_days": 3, "min_new_labels": 1},
}


def draw_rows(night: date, count: int = ROWS, shift: float = 0.0, weak: bool = False) -> pd.DataFrame:
    """The night's visits. Who spends much returns; in a weak world only the shop tells a little."""
    generator = np.random.default_rng([1, night.toordinal()])
    shop, spent = generator.choice(["north", "south"], count), generator.gamma(4.0, 10.0, count) + shift
    chance = 1 / (1 + np.exp(-(0.0 if weak else 0.15) * (spent - 40) - (shop == "north")))
    hours = generator.integers(8, 20, count)
    return pd.DataFrame(
        {
            "shop": shop,
            "visit": np.arange(count),
            "seen_at": [f"{night} {hour:02d}:30:00" for hour in hours],
            "spent": spent.round(2),
            "rained": generator.choice(["yes", "no"], count),
            "late": generator.random(count).round(3),
            "returned": (generator.random(count) < chance).astype(int),
        }
    )


@dataclass(frozen=True)
class World:
    """One pipeline, its files, its warehouse and its lake."""

    config: PipelineConfig
    resources: Resources
    folder: Path

    @property
    def warehouse(self) -> Warehouse:
        return self.resources.warehouse

    @property
    def lake(self) -> FolderLake:
        assert isinstance(self.resources.lake, FolderLake)
        return self.resources.lake

    def write(self, night: date, rows: pd.DataFrame | None = None, **drawn: Any) -> pd.DataFrame:
        """The night's file."""
        rows = draw_rows(night, **drawn) if rows is None else rows
        rows.to_csv(self.folder / f"{night}.csv", index=False)
        return rows

    def ingest(self, night: date, **params: Any) -> Outcome:
        return runs.run_ingest(self.config, self.resources, night, ignore, params or None)

    def score(self, night: date) -> Outcome:
        return runs.run_score(self.config, self.resources, night, ignore)

    def run_night(self, night: date, rows: pd.DataFrame | None = None, **drawn: Any) -> None:
        """Write, ingest, score, publish; all of it must work."""
        self.write(night, rows, **drawn)
        assert [self.ingest(night).status, self.score(night).status] == ["done", "done"]

    def train(self, as_of: date, run_id: str = "run", **window: Any) -> Outcome:
        request = runs.TrainingRequest(as_of=as_of, run_id=run_id, requested_by="tests", **window)
        return runs.run_train(self.config, self.resources, request, ignore)

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of the warehouse."""
        with self.warehouse.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def change(self, statement: str, **values: Any) -> None:
        """Change the warehouse behind Nightshift's back."""
        with self.warehouse.begin() as connection:
            connection.execute(text(statement), values)

    def change_history(self, table: str, statement: str, **values: Any) -> None:
        """Change what refuses to be changed: only the table's owner can."""
        with self.warehouse.begin() as connection:
            connection.execute(text(f"alter table {table} disable trigger user"))
            connection.execute(text(statement), values)
            connection.execute(text(f"alter table {table} enable trigger user"))

    def find_file(self, uri: str) -> Path:
        """The file of an object of the folder lake."""
        return Path(uri.removeprefix("file://"))

    def hash_scores(self) -> str | None:
        """Every value of every row, in order; None while there is no table."""
        if not self.ask("select 1 where to_regclass('scores.shops') is not null"):
            return None
        query = "select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from scores.shops t"
        return str(self.ask(query)[0][0])

    def read_state(self, without: date | None = None) -> dict[str, Any]:
        """What a failure must leave as it was; raw files and quarantine of the failing night may come in."""
        ledger = "select * from ml.ledger where partition_date <> :night or kind not in ('raw', 'quarantine')"
        return {
            "scores": self.hash_scores(),
            "ledger": sorted(map(str, self.ask(ledger, night=without or date(1, 1, 1)))),
            "versions": self.ask("select version, artifact_sha256 from ml.model_versions order by version"),
            "champions": self.ask("select * from ml.champions"),
            "promotions": self.ask("select * from ml.promotions"),
        }


def score_later(config: PipelineConfig, resources: Resources, partition: date) -> Outcome:
    """What `score_partition` says of many rows that tables score: `publish` is to score them."""
    with patch("nightshift.steps.score.score.scores_by_tables", return_value=True):
        return score_partition(config, resources, partition)


def ignore(step: str, outcome: Outcome) -> None:
    """Tests look at the warehouse, not at progress."""


def make_config(folder: Path, name: str = PIPELINE, **changes: Any) -> PipelineConfig:
    """The pipeline, with files in `folder`/data."""
    settings = {**SETTINGS, "source.path": f"{folder}/data/{{partition}}.csv", **changes}
    (folder / "data").mkdir(exist_ok=True)
    return load_pipeline(write_pipeline(folder / "pipelines", make_spec(**settings), SUITE, name))


def bend(world: World, **changes: Any) -> World:
    """The same world under another pipeline.yaml."""
    shutil.rmtree(world.config.folder)
    return replace(world, config=make_config(world.config.folder.parents[1], **changes))


def let_be_empty(world: World, column: str) -> World:
    """The same world, whose suite takes batches in which the column has no value."""
    path = world.config.folder / "expectations.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "may_be_empty": [column]}))
    return replace(world, config=load_pipeline(world.config.folder))


@contextmanager
def open_world(
    server: Server, database: str, folder: Path, lake: Any = None, login: str = SUPERUSER
) -> Iterator[World]:
    """A world on an existing database; its connections are closed at the end."""
    warehouse = open_warehouse(make_connection(server, database, login))
    config = make_config(folder)
    resources = Resources(warehouse, lake or FolderLake(folder / "lake"), refuse_connection)
    try:
        yield World(config, resources, folder / "data")
    finally:
        warehouse.engine.dispose()


def make_connection(server: Server, database: str, login: str = SUPERUSER) -> ConnectionSpec:
    """The warehouse's connection to one database of the embedded server."""
    host = server.socket_folder
    return ConnectionSpec(WAREHOUSE, "postgres", host=host, port=PORT, login=login, schema=database)


def refuse_connection(conn_id: str) -> ConnectionSpec:
    raise AssertionError(f"a file source has no use for the connection {conn_id}")


def move_objects(world: World, old: Path) -> None:
    """Let the records of a copied lake point to the copy."""
    pair = {"old": old.as_uri(), "new": world.lake.root.as_uri()}
    world.change("update ml.ledger set object_uri = replace(object_uri, :old, :new)", **pair)
    world.change("update ml.cards set object_uri = replace(object_uri, :old, :new)", **pair)
    uris = ("artifact_uri", "reference_uri", "golden_uri")
    moved = ", ".join(f"{name} = replace({name}, :old, :new)" for name in uris)
    world.change_history("ml.model_versions", f"update ml.model_versions set {moved}", **pair)


def flip_byte(path: Path) -> None:
    """One bit rot in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    """A copy that broke off."""
    path.write_bytes(path.read_bytes()[:-7])


DAMAGES: Sequence[Callable[[Path], None]] = (flip_byte, truncate)
lake_connection = functools.partial(ConnectionSpec, LAKE, "fs")
