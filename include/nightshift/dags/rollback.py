"""Go back to an earlier champion.

Trigger it with a **Reason**. **Version** names where to; empty, it is the previous champion, and
each further rollback goes one further back. The version must show in a process of its own that it can score; then it
is the champion, and `ml.promotions` says who did it and why.

**Rescore from** and **Rescore to**: the days from first to last that have features are scored with that version and
published, each in a commit of its own. If one of them fails, the others are done anyway: fix it, then clear the
task `rescore`. Running `roll_back` of the same run again changes nothing.
"""

from datetime import timedelta

from airflow.sdk import DAG

from nightshift.config.pipeline import PipelineConfig
from nightshift.orchestration.assets import make_asset
from nightshift.orchestration.dag_defaults import describe_dag, set_trigger_params
from nightshift.orchestration.params import make_rollback_params
from nightshift.orchestration.tasks.rollback import rescore, roll_back


def make_dag(pipeline: PipelineConfig) -> DAG:
    """The DAG `NAME_rollback`."""
    name = pipeline.name
    with DAG(
        **describe_dag(pipeline, "rollback", __doc__),
        schedule=None,
        max_active_runs=1,
        # Whoever needs it is in a hurry, and a triggered run of a paused DAG waits for ever.
        is_paused_upon_creation=False,
    ) as dag:
        rolled_back = roll_back.override(outlets=[make_asset(name, "champion")])(name)
        rescore.override(outlets=[make_asset(name, "scores")], execution_timeout=timedelta(hours=6))(name, rolled_back)
        set_trigger_params(dag, make_rollback_params())
    return dag
