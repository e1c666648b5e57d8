"""Every day: fetch one day of data, check it, build its features.

Bad rows go to quarantine with the reason; a bad batch stops here, so that it never reaches the scores.
When the features are there, `NAME_score` starts for the same partition.

To run a day by hand, trigger with the date in **Partition** (or, in Advanced Options, **Partition Key**); for many
days, start a backfill. Running a day again replaces it. Where features look back at earlier days, leave a backfill's
**Max Active Runs** at 1, so that the days are built in order.
"""

from airflow.sdk import DAG

from nightshift.config.pipeline import PipelineConfig
from nightshift.orchestration.assets import make_asset
from nightshift.orchestration.dag_defaults import describe_dag, set_trigger_params
from nightshift.orchestration.deadlines import set_deadline
from nightshift.orchestration.params import make_ingest_params
from nightshift.orchestration.tasks.alerts import notify_at_end
from nightshift.orchestration.tasks.ingest import build_features, extract, validate
from nightshift.orchestration.timetables import run_for_day_before


def make_dag(pipeline: PipelineConfig) -> DAG:
    """The DAG `NAME_ingest`."""
    schedules = pipeline.spec.schedules
    with DAG(
        **describe_dag(pipeline, "ingest", __doc__),
        schedule=run_for_day_before(schedules.ingest, schedules.timezone),
        deadline=set_deadline(pipeline),
    ) as dag:
        extracted = extract(pipeline.name)
        validated = validate(pipeline.name, extracted)
        build_features.override(outlets=[make_asset(pipeline.name, "features")])(pipeline.name, validated)
        notify_at_end(dag, pipeline.name)
        set_trigger_params(dag, make_ingest_params(pipeline))
    return dag
