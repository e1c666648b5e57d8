"""What a state folder says: every stored row, model, prediction, card and explanation as a hash, by name.

Run with the code of either release, so it imports by name and nothing else of the repository:
`python state_values.py 0.1 FILE`, then `python state_values.py today OTHER_FILE FILE`: today's code is asked for the
tables that the first run has found. The state is the one that NIGHTSHIFT_HOME names.
"""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

# What is needed -> where it is, in release 0.1 and today.
PLACES: Mapping[str, Mapping[str, str]] = {
    "0.1": {
        "open_resources": "include.local.house:open_house",
        "load_pipeline": "include.config.loading:load_named_pipeline",
        "explain_row": "include.steps.explain:explain_row",
        "list_models": "include.steps.models:list_models",
        "list_versions": "include.io.registry:list_versions",
        "find_cards": "include.io.cards:find_cards",
        "fetch_card": "include.io.cards:fetch_card",
        "fetch_table": "include.io.tables:fetch_table",
        "ObjectRef": "include.io.lake:ObjectRef",
        "load_model": "include.io.artifacts:load_model",
        "load_predictor": "include.steps.predictors:load_predictor",
    },
    "today": {
        "open_resources": "nightshift.local.resources:open_local_resources",
        "load_pipeline": "nightshift.config.loading:load_named_pipeline",
        "explain_row": "nightshift.steps.registry.explain:explain_row",
        "list_models": "nightshift.steps.registry.models:list_models",
        "list_versions": "nightshift.io.registry:list_versions",
        "find_cards": "nightshift.io.registry.cards:find_cards",
        "fetch_card": "nightshift.io.registry.cards:fetch_card",
        "fetch_table": "nightshift.io.lake.parquet:fetch_table",
        "ObjectRef": "nightshift.io.lake.base:ObjectRef",
        "load_model": "nightshift.io.artifacts:load_model",
        "load_predictor": "nightshift.steps.serving.predictors:load_predictor",
    },
}
# What migrations have renamed since: 0.1's table -> today's; by 0.1's table, its column -> today's; by 0.1's table and
# column, its value -> today's.
RENAMED_TABLES: Mapping[str, str] = {"monitoring.upkeep": "monitoring.maintenance"}
RENAMED_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "monitoring.alerts": {
        "told_at": "notified_at",
        "told_to": "recipients",
        "recovery_told_at": "recovery_notified_at",
        "recovery_told_to": "recovery_recipients",
    },
    "monitoring.retrain_requests": {"paid": "improved"},
    "monitoring.shadow_comparisons": {"verdict": "result"},
}
RENAMED_VALUES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("monitoring.alerts", "kind"): {"missed_night": "missed_partition"},
}
# Fields that records call something else today: 0.1's name -> today's.
RENAMED_FIELDS: Mapping[str, str] = {"in_charge": "was_champion"}

SCHEMAS = ("ml", "monitoring", "scores")
EXPLAINED_ROWS = 3
# Enough for the tables to score, whatever the features' rows; and too few.
MANY, FEW = 10**9, 1
Values = Iterator[tuple[str, Any]]


class Release:
    """The functions of one release by name, and how what it has renamed since 0.1 is given its old name back."""

    def __init__(self, name: str) -> None:
        self.is_old = name == "0.1"
        for wanted, place in PLACES[name].items():
            module, _, attribute = place.partition(":")
            setattr(self, wanted, getattr(import_module(module), attribute))

    def find_table(self, table: str) -> str:
        """What the release calls the table that has this name in 0.1."""
        return table if self.is_old else RENAMED_TABLES.get(table, table)

    def restore_names(self, table: str, row: dict[str, Any]) -> dict[str, Any]:
        """The row with 0.1's column names and values; `table` by its name in 0.1."""
        if self.is_old:
            return row
        columns = {new: name for name, new in RENAMED_COLUMNS.get(table, {}).items()}
        restored = {columns.get(name, name): value for name, value in row.items()}
        for (owner, column), renamed in RENAMED_VALUES.items():
            if owner == table:
                values = {new: value for value, new in renamed.items()}
                restored[column] = values.get(restored[column], restored[column])
        return restored

    def restore_fields(self, record: Any) -> Any:
        """The record under 0.1's field names, at every depth."""
        if isinstance(record, list):
            return [self.restore_fields(item) for item in record]
        if not isinstance(record, dict):
            return record
        old = {} if self.is_old else {new: name for name, new in RENAMED_FIELDS.items()}
        return {old.get(name, name): self.restore_fields(value) for name, value in record.items()}


def hash_value(value: Any) -> str:
    """Of bytes, an array, or anything that JSON holds (dates and times as text)."""
    if isinstance(value, np.ndarray):
        value = np.ascontiguousarray(value, dtype="<f8").tobytes()
    if not isinstance(value, bytes):
        value = json.dumps(value, sort_keys=True, default=str).encode()
    return hashlib.sha256(value).hexdigest()


def collect_values(release: Any) -> Values:
    """Everything, one pipeline after the other."""
    resources = release.open_resources(migrate=False)
    yield from collect_objects(resources)
    yield from collect_rows(release, resources)
    for name in list_pipelines(resources):
        config = release.load_pipeline(name)
        yield from collect_models(release, resources, config)
        yield from collect_cards(release, resources, config)
        yield from collect_explanations(release, resources, config)


def collect_objects(resources: Any) -> Values:
    """The bytes of every object of the lake."""
    for uri in resources.lake.list_uris(""):
        yield f"object {uri}", resources.lake.locate(uri).read_bytes()


def collect_rows(release: Any, resources: Any) -> Values:
    """Every row of every table and view that 0.1 made; scores by partition."""
    for table in select(resources, _TABLES, schemas=list(SCHEMAS)) if release.is_old else _read_known_tables():
        rows = select(resources, f"select to_jsonb(t) from {release.find_table(table)} t")
        rows = [release.restore_names(table, row) for row in rows]
        texts = sorted(json.dumps(row, sort_keys=True) for row in rows)
        yield f"table {table}", texts
        if table.startswith("scores."):
            for day in sorted({row["partition_date"] for row in rows}):
                yield f"scores {table} {day}", [text for text in texts if json.loads(text)["partition_date"] == day]
        else:
            yield from ((f"row {table} {at}", text) for at, text in enumerate(texts))


_TABLES = (
    "select table_schema || '.' || table_name from information_schema.tables "
    "where table_schema = any(:schemas) order by 1"
)


def _read_known_tables() -> list[str]:
    """0.1's tables, as the hashes of the run of its code name them."""
    names = json.loads(Path(sys.argv[3]).read_text())
    return [name.removeprefix("table ") for name in names if name.startswith("table ")]


def list_pipelines(resources: Any) -> list[str]:
    """Those with a model."""
    return select(resources, "select distinct pipeline from ml.model_versions order by 1")


def collect_models(release: Any, resources: Any, config: Any) -> Values:
    """The versions' records, and what each predicts of the features of each day: by itself and by its tables."""
    name = config.name
    yield f"models {name}", release.restore_fields(release.list_models(config, resources))
    with resources.warehouse.begin() as connection:
        versions = release.list_versions(connection, name)
    statement = "select jsonb_build_array(partition_date, object_uri, sha256, rows) from ml.ledger where "
    features = select(
        resources, statement + "pipeline = :name and kind = 'features' order by partition_date", name=name
    )
    for version in versions:
        label = f"{name} version {version.version}"
        yield f"version {label}", release.restore_fields(json.loads(json.dumps(asdict(version), default=str)))
        model = release.load_model(resources.lake, version.artifact)
        for day, uri, digest, rows in features:
            table = release.fetch_table(resources.lake, release.ObjectRef(uri, digest, rows))
            frame = table.select(list(version.feature_names)).to_pandas()
            yield f"predict {label} {day}", predict_plainly(model, frame)
            batch = table.combine_chunks().to_batches()[0]
            for ways, assumed in (("few rows", FEW), ("many rows", MANY)):
                predictor = release.load_predictor(config, resources, version, assumed)
                yield f"score {label} {day} {ways} {predictor.kind} {predictor.sha256}", predictor.predict(batch)


def predict_plainly(model: Any, frame: Any) -> np.ndarray:
    """By scikit-learn's interface alone."""
    return model.predict_proba(frame) if hasattr(model, "predict_proba") else model.predict(frame)


def collect_cards(release: Any, resources: Any, config: Any) -> Values:
    """The bytes of every card, found and checked as the pages do it."""
    with resources.warehouse.begin() as connection:
        for version in release.list_versions(connection, config.name):
            for (kind, form), ref in release.find_cards(connection, config.name, version.version).items():
                label = f"{config.name} version {version.version} {kind} {form}"
                yield f"card {label}", release.fetch_card(resources.lake, ref)


def collect_explanations(release: Any, resources: Any, config: Any) -> Values:
    """Some rows of each scored partition, explained."""
    keys = config.spec.keys
    columns = ", ".join(f'"{key}"::text' for key in keys)
    days = select(resources, f"select distinct partition_date::text from scores.{config.name} order by 1")
    for day in days:
        found = select(
            resources,
            f"select jsonb_build_array({columns}) from scores.{config.name} where partition_date = cast(:day as date) "
            f"order by 1 limit {EXPLAINED_ROWS}",
            day=day,
        )
        for values in found:
            key = ",".join(values)
            explained = release.explain_row(config, resources, key, date.fromisoformat(day))
            record = json.loads(json.dumps(explained, default=str, sort_keys=True))
            yield f"explain {config.name} {day} {key}", release.restore_fields(record)


def select(resources: Any, statement: str, **values: Any) -> list[Any]:
    """The first column of a query."""
    from sqlalchemy import text

    with resources.warehouse.begin() as connection:
        return list(connection.execute(text(statement), values).scalars())


def main() -> None:
    """Write the hashes as one JSON object."""
    hashes: dict[str, str] = {}
    for name, value in collect_values(Release(sys.argv[1])):
        if name in hashes:
            raise SystemExit(f"two values are called {name}")
        hashes[name] = hash_value(value)
    Path(sys.argv[2]).write_text(json.dumps(hashes, indent=1))


if __name__ == "__main__":
    main()
