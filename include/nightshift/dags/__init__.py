"""The DAGs, one module per kind; a project's DAG file holds no more than `globals().update(make_dags())`."""

from importlib import import_module

from airflow.sdk import DAG, get_parsing_context

from nightshift.orchestration.pipelines import list_pipelines

# One DAG per pipeline and kind, called NAME_KIND.
PIPELINE_KINDS = ("ingest", "score", "train", "drift", "rollback", "quarantine")
# One DAG for all pipelines.
MAINTENANCE = "maintenance"


def make_dags(*kinds: str) -> dict[str, DAG]:
    """DAG id -> DAG for these kinds, or for all of them; within a task, only the DAG that the task belongs to.

    Airflow reads the file again for each task, which then imports one kind and loads one pipeline.
    """
    asked = get_parsing_context().dag_id
    wanted = [kind for kind in kinds or (*PIPELINE_KINDS, MAINTENANCE) if asked is None or asked.endswith(f"_{kind}")]
    of_pipelines = [kind for kind in wanted if kind != MAINTENANCE]
    dags = [
        import_module(f"{__name__}.{kind}").make_dag(pipeline)
        for pipeline in (list_pipelines() if of_pipelines else ())
        for kind in of_pipelines
    ]
    if MAINTENANCE in wanted:
        dags.append(import_module(f"{__name__}.{MAINTENANCE}").make_dag())
    return {dag.dag_id: dag for dag in dags}
