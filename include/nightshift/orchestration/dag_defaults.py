"""What all DAGs of a pipeline have in common: owner, tags, documentation, retries."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param
from airflow.sdk.definitions.param import ParamsDict

from nightshift.config.pipeline import PipelineConfig

HEAVY_POOL = "nightshift_heavy"


def describe_dag(pipeline: PipelineConfig, kind: str, doc: str) -> dict[str, Any]:
    """Keyword arguments for the DAG `NAME_kind`; `doc` is the docstring of its file."""
    spec = pipeline.spec
    return {
        "dag_id": f"{pipeline.name}_{kind}",
        "description": f"{spec.title}. {doc.strip().splitlines()[0]}",
        "doc_md": write_doc(pipeline, doc),
        "tags": ["nightshift", pipeline.name, kind, "simulated" if spec.simulated else "real data"],
        "catchup": False,
        "default_args": make_default_args(spec.owner),
    }


def make_default_args(owner: str) -> dict[str, Any]:
    """What every task is given: its owner, retries, and an end."""
    return {
        "owner": owner,
        # 5 to 10 seconds, then 4 times as long each: a killed task is back at once, and the last try comes up to a
        # quarter of an hour after the first, for what takes a while to come back.
        "retries": 4,
        "retry_delay": timedelta(seconds=5),
        "retry_exponential_backoff": 4.0,
        "execution_timeout": timedelta(hours=1),
    }


def set_trigger_params(dag: DAG, params: Mapping[str, Param]) -> None:
    """Give the DAG the form that Airflow shows when it is triggered by hand; call it when all tasks are there.

    Given to the DAG at once, it would be copied into every task, and each copy checked several times whenever Airflow
    reads the file. And not by the attribute's setter: that checks the schema of every field for each DAG, while our
    forms are the same for all of them, and a run's values are checked when it is triggered. With 200 pipelines that is
    a quarter of the time.
    """
    vars(dag)["params"] = ParamsDict(params)


def write_doc(pipeline: PipelineConfig, doc: str) -> str:
    """The page behind the DAG's Docs button; NAME stands for the pipeline's name in `doc`."""
    spec, about = pipeline.spec, doc.strip().replace("NAME_", f"{pipeline.name}_")
    data = "simulated: made up by a function of this pipeline" if spec.simulated else "real"
    facts = f"Owner: {spec.owner}. Data: {data}."
    return f"## {spec.title}\n\n{spec.description.strip()}\n\n{facts}\n\n---\n\n{about}\n"
