"""The views under the names of 0.1 answer what the tables answered before the columns had other names."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from nightshift.io.warehouse.engine import MIGRATIONS, Warehouse, migrate_warehouse, open_warehouse
from nightshift.local.postgres import Server
from tests.integration.conftest import copy_database
from tests.integration.kit import make_connection

BEFORE = "0005"
ROWS = (
    "insert into monitoring.alerts (pipeline, kind, subject, what, why, todo, link, told_at, told_to, recovered_at,"
    " recovery, recovery_told_at, recovery_told_to, problem) values"
    " ('shops', 'missed_night', '2026-01-07', 'a', 'b', 'c', 'd', now(), '{chat}', now(), 'e', now(),"
    " '{chat,mail}', 'f'),"
    " ('shops', 'drift', 'version 2', 'a', 'b', 'c', 'd', null, '{}', null, null, null, '{}', null)",
    "insert into monitoring.retrain_requests (pipeline, run_id, as_of, reason, requested_on, closed_at, outcome, paid)"
    " values ('shops', 'r1', '2026-01-05', 'drift', '2026-01-06', now(), 'kept', false),"
    " ('shops', 'r2', '2026-01-09', 'drift', '2026-01-10', null, null, null)",
    "insert into monitoring.shadow_comparisons (pipeline, window_from, window_to, model_version, champion_version,"
    " metric, rows, challenger, champion, gain, gain_low, gain_high, verdict)"
    " values ('shops', '2026-01-01', '2026-01-03', 2, 1, 'r2', 9, 0.5, 0.4, 0.1, 0.05, 0.2, 'better')",
    "insert into monitoring.upkeep (run_id, pipeline, kind, dry_run, objects, rows, bytes, detail)"
    " values ('m1', 'shops', 'orphan raw', true, 3, 0, 99, '[1]')",
)
TABLES = ("alerts", "retrain_requests", "shadow_comparisons", "upkeep")


def read_table(warehouse: Warehouse, name: str) -> list[dict[str, Any]]:
    """All rows, each with its columns in order."""
    with warehouse.begin() as connection:
        return [dict(row) for row in connection.exec_driver_sql(f"select * from {name} order by 1, 2, 3").mappings()]


def migrate_to(warehouse: Warehouse, revision: str) -> None:
    """As a release did whose newest migration was this one."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with warehouse.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture
def old(server: Server) -> Iterator[Warehouse]:
    """A warehouse of 0.1 with a row in every table that has another name now, or other columns."""
    with copy_database(server, "template0") as name:
        warehouse = open_warehouse(make_connection(server, name))
        migrate_to(warehouse, BEFORE)
        with warehouse.begin() as connection:
            for statement in ROWS:
                connection.exec_driver_sql(statement)
        yield warehouse
        warehouse.engine.dispose()


def test_every_view_of_0_1_answers_what_0_1_did(old: Warehouse) -> None:
    before = {name: read_table(old, f"monitoring.{name}") for name in TABLES}
    assert all(before.values())
    assert migrate_warehouse(old) == ""
    for name, rows in before.items():
        found = read_table(old, f"monitoring_0_1.{name}")
        assert found == rows
        assert [list(row) for row in found] == [list(row) for row in rows]  # in the same order, as COPY and * give them
    assert read_table(old, "monitoring.upkeep") == before["upkeep"]


def test_the_tables_have_the_new_names_and_the_old_rows(old: Warehouse) -> None:
    migrate_warehouse(old)
    alerts = {row["kind"]: row for row in read_table(old, "monitoring.alerts")}
    assert (alerts["missed_partition"]["recipients"], alerts["drift"]["notified_at"]) == (["chat"], None)
    assert alerts["missed_partition"]["recovery_recipients"] == ["chat", "mail"]
    assert [row["improved"] for row in read_table(old, "monitoring.retrain_requests")] == [False, None]
    assert [row["result"] for row in read_table(old, "monitoring.shadow_comparisons")] == ["better"]
    assert [row["objects"] for row in read_table(old, "monitoring.maintenance")] == [3]


def test_there_is_a_view_for_each_and_no_other(old: Warehouse) -> None:
    migrate_warehouse(old)
    query = (
        "select table_name, table_type from information_schema.tables where table_schema = 'monitoring_0_1' order by 1"
    )
    with old.begin() as connection:
        assert connection.exec_driver_sql(query).all() == [(name, "VIEW") for name in TABLES]
