"""Measure drift and performance, and retrain where that helps.

Compares the last days with what the champion was trained on, measures the scores whose outcomes are known by now,
and decides. `retrain` starts `NAME_train` with the reason; otherwise the run stops with the reason. Both are kept in
`monitoring.drift` and `monitoring.retrain_decisions`. Where a challenger is kept, `compare_challenger` evaluates
whether it is better than the champion (`monitoring.shadow_comparisons`); promoting it is left to a person.
"""

from airflow.sdk import DAG

from nightshift.config.pipeline import PipelineConfig
from nightshift.orchestration.dag_defaults import HEAVY_POOL, describe_dag, set_trigger_params
from nightshift.orchestration.params import make_drift_params
from nightshift.orchestration.tasks.alerts import notify_at_end
from nightshift.orchestration.tasks.drift import StartTraining, compare, compare_challenger, decide, measure
from nightshift.orchestration.timetables import run_for_day_before


def make_dag(pipeline: PipelineConfig) -> DAG:
    """The DAG `NAME_drift`."""
    name, schedules = pipeline.name, pipeline.spec.schedules
    with DAG(
        **describe_dag(pipeline, "drift", __doc__),
        schedule=run_for_day_before(schedules.drift, schedules.timezone),
    ) as dag:
        compared = compare.override(pool=HEAVY_POOL)(name)
        measured = measure.override(task_id="measure_performance")(name, compared)
        decided = decide(name, compared, measured)
        StartTraining(task_id="start_training", pipeline=name, compared=compared, decided=decided)
        if pipeline.spec.gate.keep_challenger:
            measured >> compare_challenger(name, compared)
        notify_at_end(dag, name)
        set_trigger_params(dag, make_drift_params())
    return dag
