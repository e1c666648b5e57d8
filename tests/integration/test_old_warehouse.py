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
from tests.tools.state_values import RENAMED_TABLES, Release

STORED = Path(__file__).parents[1] / "upgrade/stored/warehouse.json.gz"
# The last migration of 0.1.
OLD_REVISION = "0005"
FILLED: dict[str, Any] = json.loads(gzip.decompress(STORED.read_bytes()))


@pytest.fixture(scope="module")
def old_warehouse(server: Server) -> Iterator[Warehouse]:
    """0.1's schema with 0.1's rows, then brought up to date as `nightshift migrate` does it."""
    with copy_database(server, "template0") as name:
        warehouse = open_warehouse(make_connection(server, name))
        migrate_to(warehouse, OLD_REVISION)
        with warehouse.begin() as connection:
            # Rows as they are, without the triggers that would write history of them.
            connection.execute(text("set local session_replication_role = replica"))
            for table, rows in FILLED["tables"].items():
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


def ask(warehouse: Warehouse, statement: str) -> list[Any]:
    with warehouse.begin() as connection:
        return list(connection.execute(text(statement)).scalars())


@pytest.mark.parametrize("table", FILLED["tables"])
def test_every_row_is_there_with_the_values_of_then(table: str, old_warehouse: Warehouse) -> None:
    """A column that a migration added may be there as well."""
    rows = FILLED["tables"][table]
    found = ask(old_warehouse, f"select to_jsonb(t) from {RENAMED_TABLES.get(table, table)} t")
    known = [Release("today").restore_names(table, row) for row in found]
    kept = [{name: row[name] for name in rows[0]} for row in known] if rows else known
    assert sorted(kept, key=write_canonically) == sorted(rows, key=write_canonically)


def test_the_models_are_told_as_then(old_warehouse: Warehouse, tmp_path: Path) -> None:
    config = load_named_pipeline("churn")
    resources = Resources(old_warehouse, FolderLake(tmp_path), pytest.fail)
    assert Release("today").restore_fields(list_models(config, resources)) == FILLED["models"]


def test_the_champion_is_the_one_of_then_and_its_artifact_has_the_recorded_hash(old_warehouse: Warehouse) -> None:
    with old_warehouse.begin() as connection:
        champion = find_champion(connection, "churn")
        versions = list_versions(connection, "churn")
    assert champion is not None
    assert [champion.version] == [row["version"] for row in FILLED["tables"]["ml.champions"]]
    recorded = {row["version"]: row["artifact_sha256"] for row in FILLED["tables"]["ml.model_versions"]}
    assert {version.version: version.artifact.sha256 for version in versions} == recorded


def test_history_stays_append_only(old_warehouse: Warehouse) -> None:
    with pytest.raises(NightshiftError, match=r"ml\.promotions is history"), old_warehouse.begin() as connection:
        connection.execute(text("delete from ml.promotions"))


def test_migrating_again_changes_nothing(old_warehouse: Warehouse) -> None:
    before = ask(old_warehouse, "select to_jsonb(t) from ml.ledger t order by 1")
    migrate_warehouse(old_warehouse)
    assert ask(old_warehouse, "select to_jsonb(t) from ml.ledger t order by 1") == before
