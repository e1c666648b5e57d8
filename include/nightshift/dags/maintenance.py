"""Every week: remove what is no longer needed.

`survey` says what would be removed, by pipeline and kind, in its log, its XCom and `monitoring.maintenance`. Then
`collect_garbage` removes objects of the lake that nothing refers to, such as those of a task that was killed before its
commit; `apply_retention` removes what has outlived the days that `retention` in a pipeline.yaml gives it; and
`clean_airflow` removes Airflow's own runs and task logs after 90 days. What the ledger or a model version refers to
is always kept.

**A run that you trigger is a dry run** and removes nothing, unless you turn **Dry run** off. The weekly run is none: it
removes what is past the grace, and applies the retentions that are configured. Nothing happens while this DAG is
paused.
"""

from airflow.sdk import DAG, CronTriggerTimetable

from nightshift.orchestration.dag_defaults import make_default_args
from nightshift.orchestration.params import make_maintenance_params
from nightshift.orchestration.tasks.maintenance import apply_retention, clean_airflow, collect_garbage, survey


def make_dag() -> DAG:
    """The DAG `nightshift_maintenance`, for all pipelines."""
    with DAG(
        dag_id="nightshift_maintenance",
        description="All pipelines. Every week: remove what is no longer needed.",
        doc_md=__doc__,
        tags=["nightshift", "maintenance"],
        # Sunday morning, after the nightly runs.
        schedule=CronTriggerTimetable("0 9 * * 0", timezone="UTC"),
        catchup=False,
        max_active_runs=1,
        params=make_maintenance_params(),
        default_args=make_default_args("nightshift"),
    ) as dag:
        # A dry run leaves out what is in between, and still says what Airflow's own tables hold.
        survey() >> collect_garbage() >> apply_retention() >> clean_airflow.override(trigger_rule="none_failed")()
    return dag
