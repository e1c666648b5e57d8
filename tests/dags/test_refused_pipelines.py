"""One broken pipeline: the others load, and Airflow shows what is wrong with it. In both layouts."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.airflow_home import ROOT, SETTINGS

PARSE = """
import json, sys
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag

dags = Path(sys.argv[1])
bag = BundleDagBag(dag_folder=str(dags), bundle_path=dags, bundle_name="dags")
import nightshift
print(json.dumps([sorted(bag.dags), bag.import_errors, nightshift.__file__]))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the project with two pipelines, of which one is broken."""
    ignored = shutil.ignore_patterns("__pycache__", "pipelines")
    for name in ("dags", "include"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("sound", "broken"):
        shutil.copytree(ROOT / "include/pipelines/churn", tmp_path / "include/pipelines" / name)
    broken = tmp_path / "include/pipelines/broken/pipeline.yaml"
    broken.write_text(broken.read_text().replace("task: classification", "task: clasification\ntreshold: 2"))
    return tmp_path


def parse(home: Path, layout: str) -> tuple[list[str], dict[str, str], Path]:
    """What a DAG processor finds there: DAG ids, import errors, and which `nightshift` it imported."""
    # Astro's images have the project on PYTHONPATH; plain Airflow has only dags/ on sys.path.
    path: dict[str, Any] = {"PYTHONPATH": str(home)} if layout == "astro" else {}
    done = subprocess.run(
        [sys.executable, "-P", "-c", PARSE, str(home / "dags")],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=home.parent,
        env={"PATH": "/usr/bin:/bin", **SETTINGS, "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"), **path},
    )
    dags, errors, include = json.loads(done.stdout.splitlines()[-1])
    return dags, errors, Path(include)


@pytest.mark.parametrize("layout", ["plain", "astro"])
def test_a_broken_pipeline_is_an_import_error_and_the_others_load(home: Path, layout: str) -> None:
    dags, errors, include = parse(home, layout)
    assert include == home / "include/nightshift/__init__.py"
    kinds = ("drift", "ingest", "quarantine", "rollback", "score", "train")
    assert dags == ["nightshift_maintenance", *(f"sound_{kind}" for kind in kinds)]
    assert set(errors) == {"refused_pipelines.py"}
    message = errors["refused_pipelines.py"]
    assert "include/pipelines/broken/pipeline.yaml" in message
    assert "did you mean 'binary_classification'?" in message
    assert "treshold: is not a known key" in message
    assert "bin/nightshift check broken" in message


def test_without_a_broken_pipeline_there_is_no_import_error(home: Path) -> None:
    shutil.rmtree(home / "include/pipelines/broken")
    assert parse(home, "plain")[1] == {}
