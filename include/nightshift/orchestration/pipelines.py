"""The pipelines that a DAG file makes DAGs of."""

import contextlib

from airflow.sdk import get_parsing_context

from nightshift.config import loading
from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import NightshiftError


def list_pipelines() -> tuple[PipelineConfig, ...]:
    """All that can be used; in a task, for which Airflow reads the file again, the one that its DAG `NAME_kind` is of.

    A task of one pipeline among hundreds would spend seconds on the others.
    """
    dag_id = get_parsing_context().dag_id
    if dag_id is None:
        return loading.load_pipelines().usable
    # A pipeline that is refused or gone by now has no DAG, and Airflow says so.
    with contextlib.suppress(NightshiftError):
        return (loading.load_named_pipeline(dag_id.rpartition("_")[0]),)
    return ()
