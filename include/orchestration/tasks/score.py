"""Tasks of NAME_score."""

from typing import Any

from airflow.sdk import get_current_context

from include.orchestration.assets import announce_partition
from include.orchestration.partitions import choose_partition
from include.orchestration.running import open_pipeline, step_task
from include.steps.outcome import Outcome


@step_task
def score(pipeline: str) -> Outcome:
    """Score the partition's features with the champion, or with the version or the time's champion asked for."""
    from include.steps.score import parse_as_of, score_partition

    context = get_current_context()
    config, resources = open_pipeline(pipeline)
    params = context["params"]
    partition, at = choose_partition(context["dag_run"], params), parse_as_of(config, params["as_of"])
    return score_partition(config, resources, partition, version=params["version"], at=at)


@step_task
def publish(pipeline: str, scored: dict[str, Any]) -> Outcome:
    """Replace the partition in the scored table: all rows and the ledger's row in one transaction."""
    from include.steps.publish import publish_scores

    context = get_current_context()
    partition = choose_partition(context["dag_run"], context["params"])
    outcome = publish_scores(*open_pipeline(pipeline), partition, scored)
    announce_partition(context, partition)
    return outcome


@step_task
def shadow(pipeline: str) -> Outcome:
    """Score the same rows with the challenger. Whatever becomes of it, the champion's scores are published by now."""
    from include.steps.shadow import score_shadow

    context = get_current_context()
    return score_shadow(*open_pipeline(pipeline), choose_partition(context["dag_run"], context["params"]))
