"""What all DAGs of a pipeline have in common: owner, tags, documentation, retries."""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.definitions.param import ParamsDict

from include.config.pipeline import PipelineConfig

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


def keep_params_once(dag: DAG) -> None:
    """Leave the form's params to the DAG alone; call it when all tasks are there.

    Airflow gives every task a copy, merges both again when the task runs, and checks each copy several times against
    its schema whenever it reads the file: with 200 pipelines most of the time of a parse.
    """
    for task in dag.tasks:
        if isinstance(task, BaseOperator) and isinstance(task.params, ParamsDict):
            task.params = ParamsDict.filter_params_by_source(task.params, source="task")


def write_doc(pipeline: PipelineConfig, doc: str) -> str:
    """The page behind the DAG's Docs button; NAME stands for the pipeline's name in `doc`."""
    spec, about = pipeline.spec, doc.strip().replace("NAME_", f"{pipeline.name}_")
    data = "simulated: made up by a function of this pipeline" if spec.simulated else "real"
    facts = f"Owner: {spec.owner}. Data: {data}."
    return f"## {spec.title}\n\n{spec.description.strip()}\n\n{facts}\n\n---\n\n{about}\n"
