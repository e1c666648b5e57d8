"""Airflow parses every DAG file again and again: it must be cheap, and must not load what only tasks need."""

import json
import subprocess
import sys

import pytest
from airflow.sdk.definitions.context import _AIRFLOW_PARSING_CONTEXT_DAG_ID

from nightshift.config import loading
from tests.airflow_home import ROOT, SETTINGS
from tests.dags.kit import DAGS, parse_dags

MAX_CPU_SECONDS = 1.0
FORBIDDEN = {"pandas", "numpy", "pyarrow", "sklearn", "scipy", "great_expectations", "evidently", "boto3", "skops"}
DAG_FILES = sorted(path.name for path in (ROOT / "dags").glob("*.py") if path.name != "nightshift_path.py")
# The one file of a project that `nightshift init` wrote; here it makes the DAGs of this repository's pipelines.
PROJECT_FILE = str(ROOT / "include/nightshift/project_files/dags/nightshift_dags.py")

Parsed = tuple[float, list[str], dict[str, str], set[str]]

# As Airflow's DAG processor does: a process that holds Airflow alone forks for each file.
MEASURE = """
import json, os, sys, time
from pathlib import Path
import airflow.sdk
from airflow.dag_processing.dagbag import BundleDagBag

dags = Path(sys.argv[1])
for name in sys.argv[2:]:
    sys.stdout.flush()
    if os.fork() == 0:
        before = time.process_time()
        bag = BundleDagBag(dag_folder=str(dags / name), bundle_path=dags, bundle_name="dags")
        seconds = time.process_time() - before
        top = sorted({module.partition(".")[0] for module in sys.modules})
        print(json.dumps([name, seconds, sorted(bag.dags), bag.import_errors, top]), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def parsed() -> dict[str, Parsed]:
    """File: seconds of CPU, DAG ids, import errors, top-level modules in memory afterwards."""
    # A project's file relies on the installed engine.
    return measure(*DAG_FILES) | measure(PROJECT_FILE, PYTHONPATH=str(ROOT / "include"))


def measure(*files: str, **environ: str) -> dict[str, Parsed]:
    """Parse the files, each in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", MEASURE, str(ROOT / "dags"), *files],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", **SETTINGS, **environ},
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {name: (seconds, dags, errors, set(modules)) for name, seconds, dags, errors, modules in found}


@pytest.mark.parametrize("name", [*DAG_FILES, PROJECT_FILE])
def test_a_dag_file_parses_within_its_budget(parsed: dict[str, Parsed], name: str) -> None:
    seconds, dags, errors, _ = parsed[name]
    assert errors == {}
    assert bool(dags) == (name != "refused_pipelines.py")
    assert seconds < MAX_CPU_SECONDS


def enter_task(monkeypatch: pytest.MonkeyPatch, dag_id: str) -> None:
    """What Airflow's task runner tells whoever reads a DAG file; its own context manager never takes it back."""
    monkeypatch.setenv(_AIRFLOW_PARSING_CONTEXT_DAG_ID, dag_id)


@pytest.mark.parametrize("file", ["{kind}.py", PROJECT_FILE])
@pytest.mark.parametrize("kind", ["ingest", "score", "train", "drift", "rollback", "quarantine"])
def test_a_task_reads_its_own_pipeline_and_no_other(monkeypatch: pytest.MonkeyPatch, kind: str, file: str) -> None:
    read = []
    load = loading.load_pipeline
    monkeypatch.setattr(loading, "load_pipeline", lambda folder: read.append(folder.name) or load(folder))
    loading.load_named_pipeline.cache_clear()
    enter_task(monkeypatch, f"churn_{kind}")
    bag = parse_dags(DAGS / file.format(kind=kind))
    assert (list(bag.dags), bag.import_errors, read) == ([f"churn_{kind}"], {}, ["churn"])


def test_the_task_of_all_pipelines_reads_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "load_pipeline", lambda folder: pytest.fail(f"read {folder}"))
    enter_task(monkeypatch, "nightshift_maintenance")
    bag = parse_dags(PROJECT_FILE)
    assert (list(bag.dags), bag.import_errors) == (["nightshift_maintenance"], {})


@pytest.mark.parametrize("dag_id", ["gone_ingest", "nightshift_maintenance", "odd"])
def test_a_task_of_a_pipeline_that_is_gone_finds_no_dag(monkeypatch: pytest.MonkeyPatch, dag_id: str) -> None:
    enter_task(monkeypatch, dag_id)
    bag = parse_dags(DAGS / "ingest.py")
    assert (bag.dags, bag.import_errors) == ({}, {})


@pytest.mark.parametrize("name", [*DAG_FILES, PROJECT_FILE])
def test_parsing_a_dag_file_loads_no_library_that_only_tasks_need(parsed: dict[str, Parsed], name: str) -> None:
    assert parsed[name][3] & FORBIDDEN == set()
