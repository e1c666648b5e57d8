"""Tasks that fail with secrets in every connection: nothing that Airflow keeps of them, or shows, has one."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

import tests.airflow_home  # noqa: F401  # before anything of Airflow
from nightshift.config.loading import load_pipelines
from nightshift.local.postgres import PORT, Server
from nightshift.local.postgres_files import SUPERUSER
from nightshift.orchestration import task_wrapper as running
from tests.dags.kit import parse_dags
from tests.faults.leaks import find_leaks
from tests.faults.recorded_tasks import LOG, run_recorded
from tests.faults.test_canary_secrets import CANARY, ROWS_QUERY, refusing
from tests.integration.kit import NIGHTS, World, bend

__all__ = ["refusing"]
pytestmark = pytest.mark.guarantee(22)
NAME = load_pipelines().usable[0].name
SECRET = quote(CANARY, safe="")
FORM = {"partition": str(NIGHTS[6]), "dry_run": False, "action": "replay", "reason": "mended"}
REF = {"uri": "file:///nowhere", "sha256": "0" * 64, "rows": 1}
# What the tasks before left, whichever they are.
BEFORE = {
    **dict.fromkeys(("raw", "valid", "scores", "features", "model"), REF),
    **{"version": 1, "decision": "promote", "champion_version": None, "reason": "", "gate_decision_id": 1},
    **{"partitions": {}, "failed": {}, "stopped": {"2026-01-07": "bad"}, "rows": 1, "accepted": 1},
}
FIRST = {
    f"{NAME}_ingest": "extract",
    f"{NAME}_score": "score",
    f"{NAME}_train": "assemble",
    f"{NAME}_quarantine": "look",
    "nightshift_maintenance": "survey",
}
DRIFTED = (
    "insert into monitoring.drift (pipeline, window_from, window_to, model_version, drifted, share, reason,"
    " reference_rows, current_rows, columns)"
    " values ('shops', '2026-01-06', '2026-01-06', 1, true, 0.5, 'moved', 9, 9, '{}')"
)
KINDS = ("ingest", "score", "train", "quarantine")
Run = Callable[..., str]


@pytest.fixture(scope="module")
def dags() -> dict[str, Any]:
    """The project's DAGs."""
    return dict(parse_dags().dags)


@pytest.fixture
def connections(refusing: str) -> dict[str, dict[str, Any]]:
    """Every login wrong, every secret the canary; a test changes what it wants to."""
    extra = {"bucket": "lake", "endpoint_url": refusing, "aws_session_token": CANARY}
    made = {
        "nightshift_warehouse": {"conn_type": "postgres", "host": "127.0.0.1", "port": 9, "login": "x"},
        "nightshift_lake": {"conn_type": "aws", "login": "key", "extra": extra},
        "db": {"conn_type": "postgres", "host": "127.0.0.1", "port": 9, "login": "x", "schema": "rows"},
        "web": {"conn_type": "http", "login": "me", "extra": {"Authorization": CANARY}},
        "s3": {"conn_type": "aws", "login": "key", "extra": extra},
        "hook": {"conn_type": "http", "host": f"{refusing}/hook/{SECRET}"},
    }
    return {name: {**one, "password": CANARY} for name, one in made.items()}


@pytest.fixture
def run(
    dags: dict[str, Any],
    connections: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """Run a task and look for the canary in what became of it; its log before Airflow masks it, unless `masked`."""
    from airflow.sdk._shared.secrets_masker import redact

    caplog.set_level("INFO")

    def start(dag_id: str, task_id: str, masked: bool = False) -> str:
        for name, connection in connections.items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
        caplog.clear()
        dag = dags[dag_id]
        conf = {name: value for name, value in FORM.items() if name in dag.params}
        told = run_recorded(dag, task_id, conf, dict.fromkeys(dag.task_ids, BEFORE), monkeypatch)
        captured = capfd.readouterr()
        logs = {LOG: told.pop(LOG).decode(), "log": caplog.text, "stdout": captured.out, "stderr": captured.err}
        told |= {name: (str(redact(text)) if masked else text).encode() for name, text in logs.items()}
        assert find_leaks({CANARY}, told) == []
        return "\n".join(content.decode() for content in told.values())

    return start


def list_tasks() -> Iterator[Any]:
    """Every task of the DAGs that write, in the order of its DAG."""
    for dag_id, dag in sorted(parse_dags().dags.items()):
        if dag_id == "nightshift_maintenance" or dag_id in [f"{NAME}_{kind}" for kind in KINDS]:
            for task in dag.topological_sort():
                marks = () if FIRST[dag_id] == task.task_id else pytest.mark.thorough
                yield pytest.param(dag_id, task.task_id, marks=marks)


@pytest.mark.parametrize(("dag_id", "task_id"), list_tasks())
def test_a_task_without_its_warehouse(run: Run, dag_id: str, task_id: str) -> None:
    told = run(dag_id, task_id)
    assert '"state":"failed"' in told
    # The later ones may stumble over the lake, or over what the tasks before left.
    assert FIRST[dag_id] != task_id or "The warehouse does not answer" in told


def test_the_dags_themselves_hold_no_secret(run: Run) -> None:
    """Documentation, forms and templates, parsed where the connections can be seen, as Airflow's database has them."""
    from airflow.serialization.serialized_objects import DagSerialization

    run(f"{NAME}_ingest", "extract")
    shown = {name: json.dumps(DagSerialization.to_dict(dag)).encode() for name, dag in parse_dags().dags.items()}
    assert any(b"doc_md" in content for content in shown.values())
    assert find_leaks({CANARY}, shown) == []


@pytest.fixture
def shops(
    server: Server,
    champion_world: World,
    connections: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """A warehouse and a lake that answer; the tasks of NAME work for its pipeline."""
    world = champion_world
    name = str(world.warehouse.engine.url.database)
    known = {"host": server.socket_folder, "port": PORT, "login": SUPERUSER, "schema": name}
    connections["nightshift_warehouse"] |= known
    connections["nightshift_lake"] |= {"conn_type": "fs", "extra": {"path": str(world.lake.root)}}
    monkeypatch.setattr(running, "load_named_pipeline", lambda _: world.config)
    return world


def use(world: World, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let the tasks see another pipeline.yaml."""
    config = bend(world, **changes).config
    monkeypatch.setattr(running, "load_named_pipeline", lambda _: config)


SQL = {"kind": "sql", "query": ROWS_QUERY, "connection": "db"}
SOURCES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "unreachable": (SQL, {}, "can't answer"),
    "login": (SQL, {"host": "SOCKET", "port": PORT}, "does not exist"),
    "table": (SQL, {"host": "SOCKET", "port": PORT, "login": SUPERUSER, "schema": "postgres"}, "does not exist"),
    "driver": (SQL, {"conn_type": "oracle"}, "oracle"),
    "403": ({"kind": "files", "path": "URL/{partition}.csv", "connection": "web"}, {}, "403 Forbidden"),
    "closed": ({"kind": "files", "path": "http://127.0.0.1:9/{partition}.csv", "connection": "web"}, {}, "downloaded"),
    "s3": ({"kind": "files", "path": "s3://rows/{partition}.csv", "connection": "s3"}, {}, "Forbidden|403"),
}


@pytest.mark.parametrize("wrong", SOURCES)
def test_a_source_that_can_not_be_read(
    run: Run,
    shops: World,
    server: Server,
    refusing: str,
    connections: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
) -> None:
    source, changes, said = SOURCES[wrong]
    texts = {"URL": refusing, "SOCKET": server.socket_folder}
    use(shops, monkeypatch, source=fill(source, texts))
    connections["db"] |= fill(changes, texts)
    assert re.search(said, run(f"{NAME}_ingest", "extract"))


def fill(values: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """The values with what is known only when the test runs."""
    filled = dict(values)
    for short, text in texts.items():
        filled = {
            name: value.replace(short, text) if name in ("path", "host") else value for name, value in filled.items()
        }
    return filled


def test_a_lake_that_refuses_what_came_in(
    run: Run, shops: World, refusing: str, connections: dict[str, dict[str, Any]]
) -> None:
    shops.write(NIGHTS[6])
    extra = {"bucket": "lake", "endpoint_url": refusing, "aws_session_token": CANARY}
    connections["nightshift_lake"] |= {"conn_type": "aws", "login": "key", "extra": extra}
    assert re.search("403|Forbidden", run(f"{NAME}_ingest", "extract"))


@pytest.mark.parametrize("wrong", ["refuses", "unreachable", "slack"])
def test_a_webhook_that_fails_with_its_address_in_the_error(
    run: Run, shops: World, connections: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    use(shops, monkeypatch, alerts={"connections": ["hook"]})
    if wrong == "unreachable":
        connections["hook"]["host"] = f"http://127.0.0.1:9/hook/{SECRET}"
    if wrong == "slack":
        url = connections["hook"]["host"]
        connections["hook"] = {"conn_type": "slackwebhook", "password": url}
    shops.change(DRIFTED)
    # The provider's hook logs the address; Airflow masks what is registered as a secret.
    assert "not every connection could be notified (hook: " in run(f"{NAME}_score", "notify", masked=True)
