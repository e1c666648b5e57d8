"""A warehouse that release 0.1 filled, migrated: every row is still there, and the registry tells the same of it."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nightshift.config.loading import load_named_pipeline
from nightshift.errors import NightshiftError
from nightshift.io.lake.folder import FolderLake
from nightshift.io.registry import find_champion, list_versions
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import MIGRATIONS, Warehouse, migrate_warehouse, open_warehouse
from nightshift.local.postgres import Server
from nightshift.steps.registry.models import list_models
from tests.integration.conftest import copy_database
from tests.integration.kit import make_connection
from tests.tools.state_values import RENAMED_COLUMNS, RENAMED_TABLES, RENAMED_VALUES, Release

STORED = Path(__file__).parents[1] / "upgrade/stored/warehouse.json.gz"
# The last migration of 0.1.
OLD_REVISION = "0005"
FILLED: dict[str, Any] = json.loads(gzip.decompress(STORED.read_bytes()))
ROWS: dict[str, list[dict[str, Any]]] = FILLED["tables"]
NOON = "2026-03-15T12:00:00+00:00"
# The demo leaves these tables or values empty, and later releases have renamed something in them.
ROWS["monitoring.alerts"].append(
    {
        "id": 90,
        "pipeline": "churn",
        "kind": "missed_night",
        "subject": "2026-03-15",
        "what": "a",
        "why": "b",
        "todo": "c",
        "link": "d",
    }
    | {"opened_at": NOON, "told_at": NOON, "told_to": ["chat", "mail"], "recovered_at": NOON, "recovery": "e"}
    | {"recovery_told_at": NOON, "recovery_told_to": ["chat"], "problem": "f"}
)
ROWS["monitoring.upkeep"].append(
    {
        "id": 90,
        "run_id": "weekly",
        "pipeline": "churn",
        "kind": "orphans",
        "dry_run": True,
        "objects": 2,
        "rows": 3,
        "bytes": 4,
    }
    | {"detail": [{"uri": "file:///lake/raw"}], "done_at": NOON}
)
ROWS["monitoring.shadow_comparisons"].append(
    {
        "pipeline": "churn",
        "window_from": "2026-03-09",
        "window_to": "2026-03-12",
        "model_version": 2,
        "champion_version": 1,
    }
    | {
        "metric": "roc_auc",
        "rows": 900,
        "challenger": 0.75,
        "champion": 0.5,
        "gain": 0.25,
        "gain_low": 0.2,
        "gain_high": 0.3,
    }
    | {"verdict": "better", "compared_at": NOON}
)
# Tables that are found under their names of 0.1, with columns and values of then, for one release.
DEPRECATED = {*RENAMED_TABLES, *RENAMED_COLUMNS, *(table for table, _ in RENAMED_VALUES)}


@pytest.fixture(scope="module")
def old_warehouse(server: Server) -> Iterator[Warehouse]:
    """0.1's schema with 0.1's rows, then brought up to date as `nightshift migrate` does it."""
    with copy_database(server, "template0") as name:
        warehouse = open_warehouse(make_connection(server, name))
        migrate_to(warehouse, OLD_REVISION)
        with warehouse.begin() as connection:
            # Rows as they are, without the triggers that would write history of them.
            connection.execute(text("set local session_replication_role = replica"))
            for table, rows in ROWS.items():
                fill = f"insert into {table} overriding system value select * from jsonb_populate_recordset"
                connection.execute(text(f"{fill}(null::{table}, cast(:rows as jsonb))"), {"rows": json.dumps(rows)})
        migrate_warehouse(warehouse)
        yield warehouse
        warehouse.engine.dispose()


def migrate_to(warehouse: Warehouse, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with warehouse.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def write_canonically(row: Any) -> str:
    return json.dumps(row, sort_keys=True)


def keep_columns(table: str, rows: list[Any]) -> list[Any]:
    """The rows in a fixed order, with the columns that 0.1 had."""
    kept = [{name: row[name] for name in ROWS[table][0]} for row in rows] if ROWS[table] else rows
    return sorted(kept, key=write_canonically)


def ask(warehouse: Warehouse, statement: str) -> list[Any]:
    with warehouse.begin() as connection:
        return list(connection.execute(text(statement)).scalars())


@pytest.mark.parametrize("table", ROWS)
def test_every_row_is_there_with_the_values_of_then(table: str, old_warehouse: Warehouse) -> None:
    """A column that a migration added may be there as well."""
    today = Release("today")
    found = ask(old_warehouse, f"select to_jsonb(t) from {today.find_table(table)} t")
    assert keep_columns(table, [today.restore_names(table, row) for row in found]) == keep_columns(table, ROWS[table])


@pytest.mark.parametrize("table", sorted(DEPRECATED))
def test_queries_of_then_find_the_rows_of_then(table: str, old_warehouse: Warehouse) -> None:
    """With the deprecated schema first in the path, every name of 0.1 means what it meant."""
    name = table.partition(".")[2]
    with old_warehouse.begin() as connection:
        connection.execute(text("set local search_path = monitoring_0_1, monitoring"))
        found = list(connection.execute(text(f"select to_jsonb(t) from {name} t")).scalars())
    assert ROWS[table]
    assert sorted(found, key=write_canonically) == sorted(ROWS[table], key=write_canonically)


def test_the_models_are_told_as_then(old_warehouse: Warehouse, tmp_path: Path) -> None:
    config = load_named_pipeline("churn")
    resources = Resources(old_warehouse, FolderLake(tmp_path), pytest.fail)
    assert Release("today").restore_fields(list_models(config, resources)) == FILLED["models"]


def test_the_champion_is_the_one_of_then_and_its_artifact_has_the_recorded_hash(old_warehouse: Warehouse) -> None:
    with old_warehouse.begin() as connection:
        champion = find_champion(connection, "churn")
        versions = list_versions(connection, "churn")
    assert champion is not None
    assert [champion.version] == [row["version"] for row in ROWS["ml.champions"]]
    recorded = {row["version"]: row["artifact_sha256"] for row in ROWS["ml.model_versions"]}
    assert {version.version: version.artifact.sha256 for version in versions} == recorded


def test_history_stays_append_only(old_warehouse: Warehouse) -> None:
    with pytest.raises(NightshiftError, match=r"ml\.promotions is history"), old_warehouse.begin() as connection:
        connection.execute(text("delete from ml.promotions"))


def test_migrating_again_changes_nothing(old_warehouse: Warehouse) -> None:
    before = ask(old_warehouse, "select to_jsonb(t) from ml.ledger t order by 1")
    migrate_warehouse(old_warehouse)
    assert ask(old_warehouse, "select to_jsonb(t) from ml.ledger t order by 1") == before
