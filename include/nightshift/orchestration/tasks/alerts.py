"""The last task of each DAG: what happened becomes alerts, and their recipients are notified."""

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
def notify(pipeline: str) -> Outcome:
    """Open and close the pipeline's alerts, and notify their recipients. A failure leaves the run's state as it is."""
    return update_alerts(pipeline)


def notify_at_end(dag: DAG, pipeline: str) -> None:
    """Run `notify` when all tasks that the DAG has by now are through, however they ended.

    A teardown, because Airflow leaves those out when it decides whether a run failed: neither may an alert that can't
    be sent fail a good run, nor one that was sent mask a failure.
    """
    last = dag.leaves
    notify.override(retries=2)(pipeline).as_teardown() << last


def update_alerts(pipeline: str, expected: Iterable[date] = ()) -> Outcome:
    """Reconcile, then notify. Figures: opened, recovered, notified. TemporarilyUnavailable where one failed."""
    from nightshift.steps.alerts import notify_alerts, reconcile_alerts

    config, resources = open_pipeline(pipeline)
    now, base_url = datetime.now(UTC), str(conf.get("api", "base_url", fallback=""))
    changed = reconcile_alerts(config, resources, now, base_url, expected)
    outcome = notify_alerts(config, resources, make_senders(config.spec.alerts.connections), now, explain_failure)
    for title in outcome.figures["notified"]:
        log.warning("%s", title)
    if problems := outcome.figures["problems"]:
        why = "; ".join(f"{conn_id}: {problem}" for conn_id, problem in problems.items())
        raise TemporarilyUnavailable(
            f"{pipeline}: not every connection could be notified ({why}). The next run tries again."
        )
    return Outcome("done", figures={**changed.figures, "notified": outcome.figures["notified"]})
