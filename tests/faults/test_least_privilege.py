"""What each role may do, tried on a real server: the analyst reads two schemas, and the tasks change no history."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest

from nightshift.io.warehouse.engine import migrate_warehouse, open_warehouse
from nightshift.local.postgres import Server
from tests.integration.conftest import copy_database, execute
from tests.integration.kit import NIGHTS, ROWS, World, make_connection, move_objects, open_world

REFUSED = psycopg2.errors.InsufficientPrivilege
WRITER, READER, ANALYST = "nightshift_writer", "nightshift_reader", "nightshift_analyst"
pytestmark = pytest.mark.guarantee(21)


@pytest.fixture(scope="module")
def night(server: Server, trained: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A published night and a training, with the rights of the tasks and no others."""
    (template, trained_in), folder = trained, tmp_path_factory.mktemp("writer")
    for part in ("data", "lake"):
        shutil.copytree(trained_in / part, folder / part)
    with copy_database(server, template) as name:
        with open_world(server, name, folder) as owner:
            # A copied database has none of the rights on the database itself.
            assert migrate_warehouse(owner.warehouse) == ""
            move_objects(owner, trained_in / "lake")
        shutil.rmtree(folder / "pipelines")
        with open_world(server, name, folder, login=WRITER) as world:
            world.run_night(NIGHTS[6])
            assert world.train(NIGHTS[6], "second").figures["version"] == 2
            yield world


def ask(server: Server, world: World, login: str, *statements: str) -> list[tuple[object, ...]]:
    """What the last statement answers."""
    with closing(server.connect(str(world.warehouse.engine.url.database), login)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


def test_a_whole_night_runs_with_the_rights_of_the_tasks(server: Server, night: World) -> None:
    assert ask(server, night, WRITER, "select current_user, count(*) from scores.shops") == [(WRITER, ROWS)]
    assert night.ask("select usesuper from pg_user where usename = current_user") == [(False,)]


@pytest.mark.parametrize("login", [ANALYST, READER])
def test_analysts_read_scores_and_monitoring(server: Server, night: World, login: str) -> None:
    tables = ask(
        server, night, "postgres", "select table_schema || '.' || table_name from information_schema.tables"
        " where table_schema in ('scores', 'monitoring', 'monitoring_0_1')",
    )  # fmt: skip
    assert {("scores.shops_latest",), ("monitoring.estimate_check",), ("monitoring_0_1.alerts",)} <= {*tables}
    for (name,) in tables:
        ask(server, night, login, f"select * from {name}")
    assert ask(server, night, login, "select count(*) from scores.shops_latest") == [(ROWS,)]


@pytest.mark.parametrize("maker", ["postgres", WRITER])
def test_a_table_made_at_night_can_be_read_at_once(server: Server, migrated: str, tmp_path: Path, maker: str) -> None:
    """Whoever published it: the tasks, or a replay or a test as superuser."""
    from nightshift.io.scores.table import Stamp, ensure_scores_table

    with copy_database(server, migrated) as name, open_world(server, name, tmp_path, login=maker) as world:
        for month in (NIGHTS[0], NIGHTS[0].replace(month=2)):
            with world.warehouse.begin() as connection:
                ensure_scores_table(connection, world.config, Stamp(month, 1, datetime(2026, 3, 1, tzinfo=UTC)), ROWS)
                assert connection.exec_driver_sql("select current_user").scalar() == maker
        assert ask(server, world, ANALYST, "select count(*) from scores.shops") == [(0,)]
        owners = "select distinct tableowner from pg_tables where schemaname like 'scores%'"
        assert ask(server, world, "postgres", owners) == [(WRITER,)]


NO_READER = (
    "insert into scores.shops select * from scores.shops limit 1",
    "update scores.shops set score = 0",
    "delete from scores.shops",
    "truncate scores.shops",
    "truncate monitoring.alerts",
    "insert into monitoring.maintenance (run_id, kind, dry_run, objects, bytes) values ('', '', true, 0, 0)",
    "update monitoring.performance set value = 1",
    "delete from monitoring.drift",
    "create table scores.mine (a integer)",
    "create table public.mine (a integer)",
    "create table monitoring.mine (a integer)",
    "create temp table mine (a integer)",
    "create schema mine",
    "create view scores.mine as select 1",
    "create or replace view scores.shops_latest as select 1",
    "create function scores.mine() returns integer language sql as 'select 1'",
    "create database mine",
    "create role mine",
    "alter table scores.shops add column mine integer",
    "alter table scores.shops owner to current_user",
    "alter role current_user superuser",
    "alter role nightshift_writer password 'mine'",
    "drop table scores.shops",
    "drop view scores.shops_latest",
    "drop schema scores cascade",
    "grant nightshift_writer to current_user",
    "set role nightshift_writer",
    "set role postgres",
    "set session authorization postgres",
    "select set_config('role', 'nightshift_admin', false)",
    "copy scores.shops from stdin",
    "copy (select 1) to program 'id'",
    "copy (select 1) to '/tmp/nightshift-mine'",
    "create unlogged table scores.mine (a text)",
    "select pg_read_file('postgresql.conf')",
    "select pg_read_binary_file('PG_VERSION')",
    "select pg_ls_dir('.')",
    "select lo_import('/etc/passwd')",
    "select lo_create(0)",
    "select lo_from_bytea(0, 'mine')",
    "select pg_advisory_lock(1)",
    "select pg_advisory_xact_lock(1)",
    "select pg_reload_conf()",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
    "alter system set work_mem = '1GB'",
    "begin; lock table scores.shops; commit",
    "select * from scores.shops for update",
    "select * from scores_parts.shops_2026_01",
    "select * from pg_authid",
    "set session_replication_role = replica",
)


@pytest.mark.parametrize("statement", NO_READER)
def test_analysts_change_nothing(server: Server, night: World, statement: str) -> None:
    for login in (ANALYST, READER):
        with pytest.raises(REFUSED):
            ask(server, night, login, statement)


def test_analysts_read_neither_ml_nor_airflows_database(server: Server, night: World) -> None:
    for name in ("ml.ledger", "ml.model_versions", "nightshift_version"):
        with pytest.raises(REFUSED):
            ask(server, night, ANALYST, f"select * from {name}")
    with pytest.raises(REFUSED):
        ask(server, night, ANALYST, "select ml.champion_at('shops', now())")
    # Nor do they see what is in there.
    assert ask(server, night, ANALYST, "select has_schema_privilege('ml', 'usage')") == [(False,)]
    for login in (ANALYST, READER, WRITER):
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
            server.connect("airflow", login)


HISTORY = ("model_versions", "gate_decisions", "promotions", "trials", "ledger_history")
NO_WRITER = (
    *(f"update ml.{table} set pipeline = 'x'" for table in HISTORY),
    *(f"delete from ml.{table}" for table in HISTORY),
    *(f"truncate ml.{table} cascade" for table in (*HISTORY, "champions", "ledger")),
    *(f"alter table ml.{table} disable trigger user" for table in (*HISTORY, "champions")),
    "delete from ml.champions",
    "drop trigger append_only on ml.promotions",
    "drop trigger check_promotion on ml.champions",
    "drop trigger remember on ml.ledger",
    "drop table ml.ledger_history",
    "create or replace function ml.refuse_change() returns trigger language plpgsql as 'begin return new; end'",
    "alter function ml.refuse_change() rename to mine",
    "set session_replication_role = replica",
    "create table ml.mine (a integer)",
    "create table monitoring.mine (a integer)",
    "create schema mine",
    "create role mine",
    "set role nightshift_admin",
    "grant nightshift_admin to current_user",
    "drop schema scores cascade",
    "copy (select 1) to program 'id'",
    "select pg_read_file('postgresql.conf')",
    "delete from nightshift_version",
)


@pytest.mark.parametrize("statement", NO_WRITER)
def test_tasks_change_no_history(server: Server, night: World, statement: str) -> None:
    with pytest.raises(REFUSED):
        ask(server, night, WRITER, statement)


@pytest.mark.parametrize("table", HISTORY)
def test_tasks_have_no_right_to_what_the_triggers_refuse(server: Server, night: World, table: str) -> None:
    """The same error comes from either, so the rights are looked up."""
    for right, held in {"insert": True, "update": False, "delete": False, "truncate": False, "trigger": False}.items():
        assert ask(server, night, WRITER, f"select has_table_privilege('ml.{table}', '{right}')") == [(held,)]


def test_what_an_earlier_version_made_as_superuser_gets_its_owners(server: Server, tmp_path: Path) -> None:
    """Schema and scores as they were before there were roles; then one migration."""
    with copy_database(server, "template0") as name:
        warehouse = open_warehouse(make_connection(server, name))
        migrate_warehouse(warehouse)
        with warehouse.begin() as connection:
            for statement in (
                "create table scores.old (partition_date date not null) partition by range (partition_date)",
                "create table scores_parts.old_1 partition of scores.old default",
                "alter table ml.ledger owner to postgres",
                "comment on table nightshift_version is null",
            ):
                connection.exec_driver_sql(statement)
        assert migrate_warehouse(warehouse) == ""
        warehouse.engine.dispose()
        with open_world(server, name, tmp_path, login=WRITER) as world:
            assert ask(server, world, ANALYST, "select count(*) from scores.old") == [(0,)]
            ask(server, world, WRITER, "alter table scores.old add column more integer")
            with pytest.raises(REFUSED):
                ask(server, world, WRITER, "alter table ml.ledger add column more integer")


def test_a_login_that_may_make_no_roles_migrates_all_the_same_and_says_what_is_missing(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on a managed server, before its administrator made the roles."""
    from nightshift.io.warehouse import roles

    renamed = tmp_path / "sql" / "roles.sql"
    renamed.parent.mkdir()
    renamed.write_text(roles.ROLES.read_text().replace("nightshift_", "other_"))
    monkeypatch.setattr(roles, "FOLDER", renamed.parent)
    monkeypatch.setattr(roles, "ROLES", renamed)
    execute(server, "create role plain login")
    try:
        with copy_database(server, "template0") as name:
            execute(server, f"alter database {name} owner to plain")
            warehouse = open_warehouse(make_connection(server, name, "plain"))
            problem = migrate_warehouse(warehouse)
            assert "sql/roles.sql DATABASE" in problem and "bin/nightshift migrate" in problem
            with warehouse.begin() as connection:
                assert connection.exec_driver_sql("select count(*) from ml.ledger").scalar() == 0
            warehouse.engine.dispose()
    finally:
        execute(server, "drop role plain")


def test_a_plain_owner_that_is_a_member_of_the_roles_hands_everything_over(server: Server) -> None:
    """As in docker-compose.yaml: a superuser made roles and database, and another login migrates."""
    execute(server, "create role owner login in role nightshift_admin, nightshift_writer")
    try:
        with copy_database(server, "template0") as name:
            execute(server, f"alter database {name} owner to owner")
            warehouse = open_warehouse(make_connection(server, name, "owner"))
            assert [migrate_warehouse(warehouse), migrate_warehouse(warehouse)] == ["", ""]
            owners = "select distinct tableowner from pg_tables where schemaname in ('ml', 'monitoring')"
            with warehouse.begin() as connection:
                assert connection.exec_driver_sql(owners).scalars().all() == ["nightshift_admin"]
            warehouse.engine.dispose()
    finally:
        execute(server, "drop role owner")
