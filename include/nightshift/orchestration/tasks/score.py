"""Tasks of NAME_score."""

from collections.abc import Callable, Sequence

from airflow.sdk import get_current_context

from nightshift.orchestration.assets import announce_partition
from nightshift.orchestration.partitions import choose_partition
from nightshift.orchestration.task_wrapper import mapped_source_task, open_pipeline, step_task
from nightshift.steps.handover import Scored, Shard
from nightshift.steps.outcome import Outcome


@step_task
def score(pipeline: str) -> Outcome:
    """Score the partition's features with the champion, or with the version or the time's champion asked for.

    Many rows that tables score are left to `publish`.
    """
    from nightshift.steps.score.score import score_partition

    return _score_as_asked(pipeline, score_partition)


@mapped_source_task("shards")
def plan(pipeline: str) -> Outcome:
    """Choose the model as without shards, and cut the partition into as many shards as its rows need."""
    from nightshift.steps.score.shards import plan_shards

    return _score_as_asked(pipeline, plan_shards)


def _score_as_asked(pipeline: str, step: Callable[..., Outcome]) -> Outcome:
    from nightshift.steps.score.score import parse_as_of

    context = get_current_context()
    config, resources = open_pipeline(pipeline)
    params = context["params"]
    partition, at = choose_partition(context["dag_run"], params), parse_as_of(config, params["as_of"])
    return step(config, resources, partition, version=params["version"], at=at)


@step_task
def score_shard(pipeline: str, shard: Shard) -> Outcome:
    """Score one shard with the model that was chosen for all; a retry redoes this shard alone."""
    from nightshift.steps.score import shards

    context = get_current_context()
    return shards.score_shard(*open_pipeline(pipeline), choose_partition(context["dag_run"], context["params"]), shard)


@step_task
def publish(pipeline: str, scored: Scored) -> Outcome:
    """Replace the partition in the scored table: all rows and the ledger's row in one transaction.

    Rows that `score` left to it are scored while they are copied.
    """
    return _publish(pipeline, scored)


@step_task
def publish_shards(pipeline: str, scored: Sequence[Scored]) -> Outcome:
    """Replace the partition in the scored table by all shards: their rows and one ledger row in one transaction."""
    from nightshift.steps.score.shards import join_shards

    return _publish(pipeline, join_shards(list(scored)))


def _publish(pipeline: str, scored: Scored) -> Outcome:
    from nightshift.steps.score.publish import publish_scores

    context = get_current_context()
    partition = choose_partition(context["dag_run"], context["params"])
    config, resources = open_pipeline(pipeline)
    outcome = publish_scores(config, resources, partition, scored)
    announce_partition(context, partition)
    return outcome


@step_task
def shadow(pipeline: str) -> Outcome:
    """Score the same rows with the challenger. Whatever becomes of it, the champion's scores are published by now."""
    from nightshift.steps.score.challenger import score_shadow

    context = get_current_context()
    return score_shadow(*open_pipeline(pipeline), choose_partition(context["dag_run"], context["params"]))
