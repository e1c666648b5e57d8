"""Secrets that can be recognised, put where secrets belong: no message, file, table or log has them afterwards."""

import base64
import gzip
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.config.airflow.connections import LAKE, WAREHOUSE, ConnectionSpec
from nightshift.config.project import IMPORT_PATH, PROJECT_ROOT
from nightshift.errors import NightshiftError
from nightshift.io.lake.open import open_lake
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import migrate_warehouse, open_warehouse
from nightshift.local.paths import Paths
from nightshift.local.postgres import Server
from nightshift.orchestration.connections import to_spec
from nightshift.steps.ingest.extract import extract_partition
from nightshift.steps.runs import run_drift
from tests.faults.leaks import find_leaks, list_forms, read_database, read_folder
from tests.integration.kit import LEARNING, NIGHTS, World, draw_rows, ignore, make_config, make_connection, open_world

pytestmark = pytest.mark.guarantee(22)
# What must be quoted in a URL, in JSON and in a shell.
CANARY = "canary-7Kq/9x+Zt@:V\"3'f"
ROWS_QUERY = "select * from incoming where day >= :partition_start and day < :partition_end"


@pytest.mark.parametrize("form", sorted(list_forms(CANARY)))
def test_the_search_finds_what_was_hidden(tmp_path: Path, form: bytes) -> None:
    """In every form, in a text of its own, in gzip and in Parquet."""
    hidden = b"before " + form + b" after"
    pq.write_table(pa.table({"a": ["x", hidden.decode()]}), tmp_path / "p", compression="zstd")
    contents = {"plain": hidden, "packed": gzip.compress(hidden), "sound": b"nothing", **read_folder(tmp_path)}
    assert find_leaks({CANARY}, contents) == ["plain", "packed", str(tmp_path / "p")]
    partly = CANARY.replace("/", "%2F").replace("@", "%40").encode()
    assert find_leaks({CANARY}, {"url": b"postgresql://x:" + partly + b"@h"}) == ["url"]
    for start in range(3):
        assert find_leaks({CANARY}, {"auth": base64.b64encode(b"u" * start + CANARY.encode() + b"end")}) == ["auth"]


class Refusing(BaseHTTPRequestHandler):
    """Answers 403, and quotes all that it was sent."""

    def do_GET(self) -> None:
        body = f"{self.path}\n{self.headers}".encode()
        self.send_response(403, "Forbidden")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_PUT = do_POST = do_GET

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def make_database_connection(conn_id: str, **changes: Any) -> ConnectionSpec:
    return replace(ConnectionSpec(conn_id, "postgres", "127.0.0.1", "somebody", CANARY, 9, "warehouse"), **changes)


def make_s3_connection(url: str) -> ConnectionSpec:
    extra = {"bucket": "lake", "endpoint_url": url, "aws_session_token": CANARY}
    return ConnectionSpec(LAKE, "aws", login="key", password=CANARY, extra=extra)


def tell_error(call: Callable[[], Any]) -> bytes:
    """What a user and a task's log get to see of the error, and everything that led to it."""
    with pytest.raises(NightshiftError) as caught:
        call()
    shown = "".join(traceback.format_exception(caught.value))
    return f"{shown}\n{caught.value!r}\n{vars(caught.value)}".encode()


def test_a_connection_does_not_show_its_secrets() -> None:
    from airflow.sdk import Connection

    spec = make_s3_connection("http://127.0.0.1:9")
    airflows = Connection(conn_id="x", conn_type="http", host="h", password=CANARY, extra='{"Authorization": "x"}')
    assert find_leaks({CANARY}, {"ours": repr(spec).encode(), "read": repr(to_spec(airflows)).encode()}) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid", "/nowhere/at/all"])
def test_a_warehouse_that_can_not_be_reached(host: str) -> None:
    warehouse = open_warehouse(make_database_connection(WAREHOUSE, host=host))
    told = tell_error(lambda: migrate_warehouse(warehouse))
    assert find_leaks({CANARY}, {"error": told, "engine": repr(warehouse.engine).encode()}) == []


def test_a_warehouse_that_refuses_the_login(server: Server) -> None:
    spec = make_database_connection(WAREHOUSE, host=server.socket_folder, port=5432, login="nobody")
    assert find_leaks({CANARY}, {"error": tell_error(lambda: migrate_warehouse(open_warehouse(spec)))}) == []


def test_a_lake_that_refuses(refusing: str, tmp_path: Path) -> None:
    lake = open_lake(make_s3_connection(refusing), tmp_path)
    (tmp_path / "new").write_bytes(b"new")
    calls: dict[str, Callable[[], Any]] = {
        "put": lambda: lake.put_file("new", tmp_path / "new"),
        "get": lambda: lake.get_file("s3://lake/new", tmp_path / "got"),
        "list": lambda: list(lake.list_uris("")),
        "delete": lambda: lake.delete("s3://lake/new"),
    }
    told = {name: tell_error(call) for name, call in calls.items()}
    assert find_leaks({CANARY}, {**told, "lake": f"{lake!r} {lake.describe()}".encode()}) == []


def make_source_world(folder: Path, source: dict[str, Any], connection: ConnectionSpec) -> tuple[Any, Resources]:
    config = make_config(folder, **{"source": source})
    lake = open_lake(ConnectionSpec(LAKE, "fs", extra={"path": str(folder / "lake")}), folder)
    return config, Resources(open_warehouse(make_database_connection(WAREHOUSE)), lake, lambda _: connection)


def read_in_vain(folder: Path, source: dict[str, Any], connection: ConnectionSpec) -> bytes:
    """What is told of a source that can't be read."""
    from nightshift.io.sources import open_source

    config, resources = make_source_world(folder, source, connection)
    return tell_error(lambda: open_source(config, resources.get_connection).read([NIGHTS[0]]))


def test_a_web_server_that_refuses_and_quotes_the_request(refusing: str, tmp_path: Path) -> None:
    connection = ConnectionSpec("web", "http", login="me", password=CANARY, extra={"Authorization": CANARY})
    source = {"kind": "files", "path": f"{refusing}/{{partition}}.csv", "connection": "web"}
    assert find_leaks({CANARY}, {"error": read_in_vain(tmp_path, source, connection)}) == []


@pytest.mark.parametrize("changes", [{}, {"host": "nowhere.invalid"}, {"conn_type": "mysql"}, {"conn_type": "oracle"}])
def test_a_database_of_a_source_that_can_not_be_reached(tmp_path: Path, changes: dict[str, Any]) -> None:
    source = {"kind": "sql", "query": ROWS_QUERY, "connection": "db"}
    told = read_in_vain(tmp_path, source, make_database_connection("db", **changes))
    assert find_leaks({CANARY}, {"error": told}) == []


COMMANDS = (
    ("run", "churn", "ingest", "--partition", "2026-03-01"), ("alerts",), ("sql", "select 1"), ("migrate",), ("check",),
)  # fmt: skip


@pytest.mark.parametrize(
    "command", [("status",), *(pytest.param(name, marks=pytest.mark.thorough) for name in COMMANDS)]
)
def test_the_command_line_without_a_warehouse(tmp_path: Path, command: tuple[str, ...]) -> None:
    from urllib.parse import quote

    secret = quote(CANARY, safe="")
    environ = {
        **os.environ,
        "NIGHTSHIFT_HOME": str(tmp_path),
        "AIRFLOW_CONN_NIGHTSHIFT_WAREHOUSE": f"postgres://somebody:{secret}@127.0.0.1:9/warehouse",
        "AIRFLOW_CONN_DUTY_HOOK": f"http://{secret}:{secret}@127.0.0.1:9/{secret}",
        "PYTHONPATH": str(IMPORT_PATH),
    }
    arguments = [sys.executable, "-m", "nightshift.cli", *command]
    done = subprocess.run(arguments, env=environ, cwd=PROJECT_ROOT, capture_output=True, check=False)
    assert command == ("check",) or b"does not answer" in done.stderr
    assert find_leaks({CANARY}, {"stdout": done.stdout, "stderr": done.stderr, **read_folder(tmp_path)}) == []


@pytest.mark.parametrize("wrong", ["port", "json", "scheme"])
def test_a_connection_that_is_written_wrong(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from nightshift.config.airflow.settings import Settings, override_from_environment

    texts = {"port": f"postgres://u:p@h:{CANARY}/d", "json": f'{{"conn_type": "{CANARY}', "scheme": CANARY}
    told = tell_error(lambda: override_from_environment(Settings({}), {"AIRFLOW_CONN_DB": texts[wrong]}))
    assert find_leaks({CANARY}, {"error": told}) == []


@pytest.mark.thorough
def test_nights_with_secrets_everywhere_leave_none_of_them_behind(
    server: Server,
    migrated: str,
    house_paths: Paths,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Ingest, training with cards, scores, a drift report, then a source that fails: all files, tables and logs."""
    from tests.integration.conftest import copy_database

    caplog.set_level("INFO")
    with copy_database(server, migrated) as name, open_world(server, name, tmp_path) as made:
        spec = replace(make_connection(server, name, "nightshift_writer"), password=CANARY)
        with made.warehouse.begin() as connection:
            for night in NIGHTS[:10]:
                draw_rows(night).assign(day=str(night)).to_sql("incoming", connection, if_exists="append", index=False)
            connection.exec_driver_sql("alter table incoming alter column day type date using day::date")
            connection.exec_driver_sql("grant select on incoming to nightshift_writer")
        world = make_secret_world(made, spec)
        for night in LEARNING:
            assert world.ingest(night).status == "done"
        assert world.train(LEARNING[-1]).figures["promoted"]
        for night in NIGHTS[6:10]:
            assert [world.ingest(night).status, world.score(night).status] == ["done", "done"]
        told = [run_drift(world.config, world.resources, NIGHTS[9], ignore, "canary", datetime.now(UTC))]
        told.append(extract_partition(world.config, world.resources, NIGHTS[9] + timedelta(days=1)))
        captured = capfd.readouterr()
        left = {
            **read_folder(tmp_path / "lake"),
            **read_database(made.warehouse),
            "log": caplog.text.encode(),
            "told": repr(told).encode(),
            "stdout": captured.out.encode(),
            "stderr": captured.err.encode(),
            "postgres": (house_paths.logs / "postgres.log").read_bytes(),
        }
        assert any(name.endswith(".html") for name in left) and "table ml.ledger" in left
        assert find_leaks({CANARY}, left) == []
        world.warehouse.engine.dispose()


def make_secret_world(made: World, spec: ConnectionSpec) -> World:
    """The same world, whose rows come from a database and whose logins carry the canary."""
    import shutil

    shutil.rmtree(made.config.folder)
    source = {"kind": "sql", "query": ROWS_QUERY, "connection": "db"}
    config = make_config(made.config.folder.parents[1], **{"source": source})
    resources = Resources(open_warehouse(spec), made.resources.lake, lambda conn_id: replace(spec, conn_id=conn_id))
    return World(config, resources, made.folder)
