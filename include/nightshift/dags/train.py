"""Train a candidate and let it take over where it is provably no worse.

Starts by hand, by `NAME_drift`, or on `schedules.train`. The window ends with the last day whose outcomes were known on
**As of**; its last days evaluate the candidate, the champion and the naive baseline on the same rows. The gate says
`promote`, `keep` or `needs_approval`, and keeps every rule's figures; only `promote` changes the champion.

With `needs_approval`, the task `approve` waits for a person: see *Required Actions*. Reject, or no answer in time,
keeps the champion. A version without its cards is not promoted: where `cards` failed, clear it, and the run goes on.
"""

from datetime import timedelta

from airflow.sdk import DAG

from nightshift.config.pipeline import PipelineConfig
from nightshift.orchestration.assets import make_asset
from nightshift.orchestration.dag_defaults import HEAVY_POOL, describe_dag, set_trigger_params
from nightshift.orchestration.params import make_train_params
from nightshift.orchestration.tasks.alerts import notify_at_end
from nightshift.orchestration.tasks.train import (
    ask_for_approval,
    assemble,
    cards,
    check,
    evaluate,
    gate,
    promote,
    tune_and_fit,
)
from nightshift.orchestration.timetables import run_for_day_before


def make_dag(pipeline: PipelineConfig) -> DAG:
    """The DAG `NAME_train`."""
    name, schedules = pipeline.name, pipeline.spec.schedules
    with DAG(
        **describe_dag(pipeline, "train", __doc__),
        schedule=run_for_day_before(schedules.train, schedules.timezone) if schedules.train else None,
        # A retraining that drift asks for would wait for ever in a paused DAG.
        is_paused_upon_creation=False if schedules.train is None else None,
    ) as dag:
        assembled = assemble.override(pool=HEAVY_POOL)(name)
        checked = check(name, assembled)
        fitted = tune_and_fit.override(pool=HEAVY_POOL, execution_timeout=timedelta(hours=6))(name, assembled)
        evaluated = evaluate.override(pool=HEAVY_POOL)(name, assembled, fitted)
        judged = gate(name, assembled, evaluated)
        described = cards(name, assembled, evaluated)
        answer = ask_for_approval(pipeline, evaluated, judged)
        # The approval skips itself where the gate needs nobody; whether that promotes is for `promote` to say.
        promoted = promote.override(
            outlets=[make_asset(name, "champion")], trigger_rule="none_failed" if answer else "all_success"
        )(name, assembled, evaluated, judged, answer and answer.output)
        checked >> fitted
        judged >> described >> (answer or promoted)
        notify_at_end(dag, name)
        set_trigger_params(dag, make_train_params())
    return dag
