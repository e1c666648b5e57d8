"""Tasks of NAME_score."""

from typing import Any

from airflow.sdk import get_current_context

from include.orchestration.assets import announce_partition
from include.orchestration.partitions import choose_partition
from include.orchestration.running import open_pipeline, step_task
from include.steps.outcome import Outcome


@step_task
def score(pipeline: str) -> Outcome:
    """Score the partition's features with the champion, or with the version that was asked for."""
    from include.steps.score import score_partition

    context = get_current_context()
    partition = choose_partition(context["dag_run"], context["params"])
    return score_partition(*open_pipeline(pipeline), partition, version=context["params"]["version"])


@step_task
def publish(pipeline: str, scored: dict[str, Any]) -> Outcome:
    """Replace the partition in the scored table: all rows and the ledger's row in one transaction."""
    from include.steps.publish import publish_scores

    context = get_current_context()
    partition = choose_partition(context["dag_run"], context["params"])
    outcome = publish_scores(*open_pipeline(pipeline), partition, scored)
    announce_partition(context, partition)
    return outcome
