"""The last task of each DAG: what happened becomes alerts, and whoever is to know is told."""

import logging
from collections.abc import Iterable
from datetime import UTC, date, datetime

from airflow.sdk import DAG
from airflow.sdk.configuration import conf

from nightshift.errors import TemporarilyUnavailable
from nightshift.orchestration.notifiers import explain_failure, make_senders
from nightshift.orchestration.task_wrapper import open_pipeline, step_task
from nightshift.steps.outcome import Outcome

log = logging.getLogger(__name__)


@step_task
def tell(pipeline: str) -> Outcome:
    """Open and close the pipeline's alerts, and tell who is to know. Its failure changes nothing of the run's state."""
    return update_alerts(pipeline)


def tell_at_end(dag: DAG, pipeline: str) -> None:
    """Run `tell` when all tasks that the DAG has by now are through, however they ended.

    A teardown, because Airflow leaves those out when it decides whether a run failed: neither may an alert that can't
    be told spoil a good night, nor one that was told whitewash a bad one.
    """
    last = dag.leaves
    tell.override(retries=2)(pipeline).as_teardown() << last


def update_alerts(pipeline: str, expected: Iterable[date] = ()) -> Outcome:
    """Reconcile, then tell. Figures: opened, recovered, told. TemporarilyUnavailable where someone was not reached."""
    from nightshift.steps.alerts import reconcile_alerts, tell_alerts

    config, resources = open_pipeline(pipeline)
    now, base_url = datetime.now(UTC), str(conf.get("api", "base_url", fallback=""))
    changed = reconcile_alerts(config, resources, now, base_url, expected)
    outcome = tell_alerts(config, resources, make_senders(config.spec.alerts.connections), now, explain_failure)
    for title in outcome.figures["told"]:
        log.warning("%s", title)
    if problems := outcome.figures["problems"]:
        why = "; ".join(f"{conn_id}: {problem}" for conn_id, problem in problems.items())
        raise TemporarilyUnavailable(f"{pipeline}: not everybody could be told ({why}). The next run tries again.")
    return Outcome("done", figures={**changed.figures, "told": outcome.figures["told"]})
