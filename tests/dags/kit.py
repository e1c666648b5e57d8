"""The DAGs as Airflow's DAG processor and scheduler have them."""

from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import BundleDagBag
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from nightshift.config.loading import load_pipelines
from tests.airflow_home import ROOT

DAGS = ROOT / "dags"
PIPELINES = {pipeline.name: pipeline for pipeline in load_pipelines().usable}


def parse_dags(path: str | Path = DAGS) -> BundleDagBag:
    """The folder, or one file of it, parsed as the DAG processor does."""
    return BundleDagBag(dag_folder=str(path), bundle_path=DAGS, bundle_name="dags")


def load_timetable(dag: DAG) -> Any:
    """The timetable as the scheduler has it: after serialization."""
    return DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
