"""When features are new: score the same partition and publish the scores.

The champion scores, unless **Model version** names another or **As of** asks for the champion of that time. Without a
champion there is nothing to do yet, and the run says so. Readers see the partition's old scores or its new ones, never
half and never both. Where a challenger is kept, `shadow` scores the same rows with it afterwards, for `NAME_drift` to
compare; nothing else reads those.

A day of 100,000 rows or more whose model scores by tables is scored by `publish`, while it copies the rows; `score`
then only says which model that is. With `scoring.shard_rows`, `plan` cuts a large partition into shards, which as
many `score` tasks work on at once; `publish` joins them, so readers see all shards or none.

To score a day again by hand, trigger with the date in **Partition** (or, in Advanced Options, **Partition Key**).
"""

from airflow.sdk import DAG

from nightshift.config.pipeline import PipelineConfig
from nightshift.orchestration.assets import make_asset
from nightshift.orchestration.dag_defaults import describe_dag, set_trigger_params
from nightshift.orchestration.deadlines import set_deadline
from nightshift.orchestration.params import make_score_params
from nightshift.orchestration.tasks.alerts import notify_at_end
from nightshift.orchestration.tasks.score import plan, publish, publish_shards, score, score_shard, shadow
from nightshift.orchestration.timetables import run_after


def make_dag(pipeline: PipelineConfig) -> DAG:
    """The DAG `NAME_score`."""
    with DAG(
        **describe_dag(pipeline, "score", __doc__),
        schedule=run_after(make_asset(pipeline.name, "features")),
        deadline=set_deadline(pipeline),
        # Asset events for a paused DAG are lost, so a new pipeline would ingest and never score.
        is_paused_upon_creation=False,
    ) as dag:
        scores = make_asset(pipeline.name, "scores")
        if pipeline.spec.scoring.shard_rows:
            shards = (
                score_shard.override(task_id="score").partial(pipeline=pipeline.name).expand(shard=plan(pipeline.name))
            )
            published = publish_shards.override(task_id="publish", outlets=[scores])(pipeline.name, shards)
        else:
            published = publish.override(outlets=[scores])(pipeline.name, score(pipeline.name))
        if pipeline.spec.gate.keep_challenger:
            published >> shadow.override(retries=1)(pipeline.name)
        notify_at_end(dag, pipeline.name)
        set_trigger_params(dag, make_score_params())
    return dag
