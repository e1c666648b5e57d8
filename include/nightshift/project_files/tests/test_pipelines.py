"""Every pipeline loads, and Airflow finds its DAGs."""

import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Before anything of Airflow or Nightshift, which read these only once.
os.environ.update(
    NIGHTSHIFT_PROJECT=str(ROOT), AIRFLOW_HOME=tempfile.mkdtemp(prefix="airflow-"), AIRFLOW__CORE__LOAD_EXAMPLES="False"
)

from airflow.dag_processing.dagbag import BundleDagBag  # noqa: E402

from nightshift.config.loading import load_pipelines  # noqa: E402
from nightshift.dags import PIPELINE_KINDS  # noqa: E402


def test_nothing_is_refused() -> None:
    assert [str(problem) for problem in load_pipelines().refused] == []


def test_every_pipeline_has_its_dags() -> None:
    bag = BundleDagBag(dag_folder=str(ROOT / "dags"), bundle_path=ROOT / "dags", bundle_name="dags")
    assert bag.import_errors == {}
    expected = {f"{pipeline.name}_{kind}" for pipeline in load_pipelines().usable for kind in PIPELINE_KINDS}
    assert expected <= set(bag.dags)
