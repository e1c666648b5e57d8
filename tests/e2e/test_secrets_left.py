"""After the other tests' nights: no component of the stack wrote a secret down, neither in a file nor in a table."""

import contextlib
import json
from pathlib import Path

import pytest

from nightshift.local.paths import Paths
from nightshift.local.postgres import Server, start_postgres
from tests.e2e.kit import House
from tests.faults.leaks import find_leaks

CANARY = "canary-7f3a%/+9 c2"
# Where they belong: readable by the owner only.
KEPT = {"secrets.json", "passwords.json"}
TABLES = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname !~ '^(pg_|information_schema)'"


def dump_database(server: Server, name: str) -> dict[str, bytes]:
    """Every table, as text."""
    with contextlib.closing(server.connect(name)) as connection, connection.cursor() as cursor:
        cursor.execute(TABLES)
        tables = [table for (table,) in cursor.fetchall()]
        found = {}
        for table in tables:
            cursor.execute(f"select t::text from {table} t")
            found[f"{name}: {table}"] = "\n".join(row for (row,) in cursor.fetchall()).encode()
    return found


def read_files(home: Path, without: Path) -> dict[str, bytes]:
    """Every file of the state folder: logs of all components and tasks, settings, the lake."""
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_relative_to(without)]
    return {str(path.relative_to(home)): path.read_bytes() for path in files if path.name not in KEPT}


@pytest.mark.e2e
@pytest.mark.guarantee(22)
def test_no_component_of_the_stack_wrote_a_secret_down(house: House) -> None:
    home = house.root.parent
    paths = Paths(house.root, home)
    connection = {
        "connection_id": "canary",
        "conn_type": "http",
        "password": CANARY,
        "extra": json.dumps({"k": CANARY}),
    }
    house.client.call("POST", "/connections", connection)
    server = start_postgres(paths)
    contents = read_files(home, paths.postgres) | dump_database(server, "airflow") | dump_database(server, "warehouse")
    assert {"logs/scheduler.log", "logs/triggerer.log", "airflow: public.connection"} <= set(contents)
    assert b"canary" in contents["airflow: public.connection"]
    secrets = {CANARY, *json.loads(paths.secrets.read_text()).values()}
    assert find_leaks(secrets, contents) == []
    # The search itself finds what is there.
    assert find_leaks(secrets, {name: (home / name).read_bytes() for name in KEPT & {"secrets.json"}}) == [
        "secrets.json"
    ]
