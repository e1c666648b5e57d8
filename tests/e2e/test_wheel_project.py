"""Someone else's project: the wheel in a fresh environment, and this repository out of reach."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from nightshift.local.rest import AirflowClient
from tests.e2e.kit import PATIENCE, choose_port
from tests.e2e.wheel_kit import PIPELINE, ROOT, Installed, install_wheel, read_summary

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
NIGHT, NEXT = date(2026, 3, 4), date(2026, 3, 5)


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    """The environment and a new project with a pipeline of its own; gone afterwards, with what was started there."""
    # PostgreSQL may run as another user, who must be able to enter.
    home = Path(tempfile.mkdtemp(prefix="nightshift-wheel-"))
    home.chmod(0o755)
    try:
        installed = install_wheel(home, choose_port())
        installed.run("nightshift", "init", "project", cwd=home)
        installed.add_pipeline()
        yield installed
        installed.run("nightshift", "stop")
    finally:
        shutil.rmtree(home)


def test_the_engine_is_the_installed_one_and_names_its_command(installed: Installed) -> None:
    script = "import nightshift, nightshift.config.project as p; print(nightshift.__file__, p.PROJECT_ROOT, p.COMMAND)"
    engine, root, command = installed.run("python", "-c", script, cwd=installed.project / "include").split()
    assert Path(engine).is_relative_to(installed.home / "venv")
    assert (Path(root), command) == (installed.project, "nightshift")
    said = installed.run("nightshift", "--help")
    assert "\n  nightshift init my-project" in said
    assert "bin/nightshift" not in said


def test_nothing_in_the_project_names_this_repository_or_its_command(installed: Installed) -> None:
    texts = {path: path.read_text() for path in installed.project.rglob("*") if path.is_file()}
    own = {path: text for path, text in texts.items() if not {".nightshift", PIPELINE} & set(path.parts)}
    assert [path for path, text in own.items() if "bin/nightshift" in text or str(ROOT) in text] == []


def test_check_passes_both_pipelines_and_their_schemas_are_where_the_files_say(installed: Installed) -> None:
    said = installed.run("nightshift", "check").splitlines()
    assert [line.partition(":")[::2] for line in said] == [
        ("churn", " ok (Subscribers who will leave (simulated))"),
        (PIPELINE, " ok (Subscribers who will leave (simulated))"),
    ]
    folder = installed.project / "include" / "pipelines" / "churn"
    for name in ("pipeline", "expectations"):
        marked, path = (folder / f"{name}.yaml").read_text().splitlines()[0].split("=")
        assert marked == "# yaml-language-server: $schema"
        schema = (folder / path).resolve()
        assert schema == installed.project / "include" / "schemas" / f"{name}.json"
        assert installed.run("nightshift", "schema", name) == schema.read_text()


def test_the_projects_own_test_passes_and_refuses_a_broken_pipeline(installed: Installed) -> None:
    assert "2 passed" in installed.run("python", "-m", "pytest", "-q")
    broken = shutil.copytree(installed.project / "include/pipelines/churn", installed.project / "include/pipelines/odd")
    (broken / "pipeline.yaml").write_text("title: odd\ntsk: regression\n")
    try:
        with pytest.raises(AssertionError, match="2 failed"):
            installed.run("python", "-m", "pytest", "-q")
    finally:
        shutil.rmtree(broken)


def test_a_night_by_command_line(installed: Installed) -> None:
    first = ("nightshift", "run", PIPELINE)
    assert read_summary(installed.run(*first, "ingest", "--from", "2026-03-01", "--to", str(NIGHT)))["status"] == "done"
    trained = read_summary(installed.run(*first, "train", "--set", "train_to=2026-03-03"))
    assert (trained["version"], trained["promoted"]) == (1, True)
    scored = read_summary(installed.run(*first, "score", "--partition", str(NIGHT)))
    assert (scored["status"], scored["model_version"]) == ("done", 1)


def test_a_night_through_the_scheduler(installed: Installed) -> None:
    client = installed.start_stack()
    client.wait_dag(f"{PIPELINE}_ingest")
    client.unpause(f"{PIPELINE}_ingest")
    run_id = client.trigger_run(f"{PIPELINE}_ingest", str(NEXT))["dag_run_id"]
    assert client.wait_run(f"{PIPELINE}_ingest", run_id, PATIENCE, interval=0.3)["state"] == "success"
    query = f"select model_version, count(*) > 1000 from scores.{PIPELINE} where partition_date = '{NEXT}' group by 1"
    scoring = wait_chained(client, f"{PIPELINE}_score", NEXT)
    assert client.wait_run(f"{PIPELINE}_score", scoring, PATIENCE, interval=0.3)["state"] == "success"
    assert installed.run("nightshift", "sql", query).splitlines()[1:] == ["1,t"]
    for name in ("churn", PIPELINE):
        for kind in ("ingest", "score", "train", "drift", "rollback", "quarantine"):
            assert client.wait_dag(f"{name}_{kind}")["fileloc"] == str(installed.project / "dags/nightshift_dags.py")
    page = client.call("GET", f"/dags/{PIPELINE}_score/details")["doc_md"]
    assert "Subscribers who will leave" in page
    assert f"`{PIPELINE}_drift`" in page
    assert client.list_import_errors() == []
    overview = client._session.get(f"{client.url}/nightshift/", timeout=30)
    assert (overview.status_code, PIPELINE in overview.text) == (200, True)


def wait_chained(client: AirflowClient, dag_id: str, partition: date) -> str:
    """The run that the partition's asset starts."""
    deadline = time.monotonic() + PATIENCE
    while not (found := client.list_runs(dag_id, str(partition))):
        assert time.monotonic() < deadline, f"nothing started {dag_id} for {partition}"
        time.sleep(0.3)
    (run,) = found
    return str(run["dag_run_id"])
