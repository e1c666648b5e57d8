"""Inspect quarantined rows, and validate them again after a fix.

**Action** *look* writes a table of the reasons into the log of `look`, with rows, days and examples. *replay* needs a
**Reason**: rows of another day move to that day, then every changed day is validated again, under
`pipeline.yaml` and `expectations.yaml` as they are now, and its features are built. `NAME_score` follows for each.
**First day** and **Last day** limit the days whose quarantine counts; empty, it is all of them.

A day that fails does not stop the others: `check` names it and fails. Fix it, then clear `replay`. Running a replay
again changes nothing; what one left unfinished, the next one finishes. `ml.quarantine_replays` says who did it and why.
"""

from airflow.sdk import DAG

from nightshift.config.pipeline import PipelineConfig
from nightshift.orchestration.assets import make_asset
from nightshift.orchestration.dag_defaults import describe_dag, set_trigger_params
from nightshift.orchestration.params import make_quarantine_params
from nightshift.orchestration.tasks.quarantine import check, look, replay


def make_dag(pipeline: PipelineConfig) -> DAG:
    """The DAG `NAME_quarantine`."""
    name = pipeline.name
    with DAG(
        **describe_dag(pipeline, "quarantine", __doc__),
        schedule=None,
        max_active_runs=1,
        # A triggered run of a paused DAG waits for ever.
        is_paused_upon_creation=False,
    ) as dag:
        replayed = replay.override(outlets=[make_asset(name, "features")])(name, look(name))
        check(name, replayed)
        set_trigger_params(dag, make_quarantine_params())
    return dag
