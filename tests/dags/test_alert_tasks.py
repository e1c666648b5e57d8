"""The task that tells, and the deadline: they speak about a run and change nothing of it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from airflow.exceptions import AirflowException
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

import nightshift.orchestration.deadlines as deadlines
import nightshift.orchestration.tasks.alerts as tasks
from nightshift.core.alerts.messages import Message
from nightshift.errors import NightshiftError, TemporarilyUnavailable
from nightshift.orchestration.notifiers import explain_failure
from nightshift.steps.outcome import Outcome
from tests.dags.kit import PIPELINES

TELLING = ("ingest", "score", "train", "drift")


@pytest.fixture(params=TELLING)
def dag(dag_bag: Any, pipeline: Any, request: pytest.FixtureRequest) -> DAG:
    return dag_bag.dags[f"{pipeline.name}_{request.param}"]


def test_the_alerts_come_last_however_the_others_ended(dag: DAG) -> None:
    tell = dag.get_task("notify")
    assert tell.get_flat_relative_ids(upstream=True) == set(dag.task_ids) - {"notify"}
    assert tell.trigger_rule == "all_done_setup_success"
    assert not any(task.is_setup for task in dag.tasks)
    assert (tell.downstream_task_ids, tell.retries, tell.outlets) == (set(), 2, [])


def test_airflow_decides_on_a_run_by_the_tasks_before_the_alerts(dag: DAG) -> None:
    """So a failed night fails although its alert was told, and a good one succeeds although nobody could be told."""
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    tell = stored.get_task("notify")
    assert tell.is_teardown and not tell.on_failure_fail_dagrun


def test_ingest_and_score_have_the_deadline_of_the_pipeline_file(dag_bag: Any, pipeline: Any) -> None:
    for kind in ("ingest", "score"):
        [deadline] = dag_bag.dags[f"{pipeline.name}_{kind}"].deadline
        assert deadline.interval == timedelta(hours=pipeline.spec.alerts.missed_after_hours)
        assert deadline.callback.path == "nightshift.orchestration.deadlines.tell_missed_partition"
        assert deadline.callback.kwargs == {"pipeline": pipeline.name}


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"run_type": "scheduled", "partition_key": "2026-01-05"}, ["2026-01-05"]),
        ({"run_type": "manual", "partition_key": "2026-01-05"}, []),
        ({"run_type": "backfill", "partition_key": "2011-01-05"}, []),
        ({"run_type": "asset_triggered", "partition_key": "2011-01-05"}, []),
        ({"run_type": "scheduled", "partition_key": None}, []),
    ],
)
def test_only_a_scheduled_run_stands_for_a_night(run: dict[str, Any], expected: list[str]) -> None:
    assert [str(day) for day in deadlines.list_expected(run)] == expected


def test_a_missed_deadline_looks_for_alerts_with_its_night(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(tasks, "update_alerts", lambda *arguments: seen.append(arguments))
    run = {"run_type": "scheduled", "partition_key": "2026-01-05"}
    asyncio.run(deadlines.tell_missed_partition("shops", context={"dag_run": run}))
    assert [(name, [str(day) for day in days]) for name, days in seen] == [("shops", ["2026-01-05"])]


def test_whoever_was_not_reached_fails_the_task_after_all_others_were_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from nightshift.steps import alerts as steps

    config = next(iter(PIPELINES.values()))
    told = Outcome("done", figures={"notified": ["title"], "problems": {"chat": "Timeout"}})
    monkeypatch.setattr(tasks, "open_pipeline", lambda name: (config, None))
    monkeypatch.setattr(steps, "reconcile_alerts", lambda *_: Outcome("done", figures={"opened": [], "recovered": []}))
    monkeypatch.setattr(steps, "notify_alerts", lambda *_: told)
    with pytest.raises(TemporarilyUnavailable, match="chat: Timeout"):
        tasks.update_alerts(config.name)


def test_why_telling_failed_is_said_without_what_may_be_secret() -> None:
    assert explain_failure(ConnectionError("host='127.0.0.1', url: /hook/canary")) == "ConnectionError"
    assert explain_failure(AirflowException("500:canary")) == "AirflowException 500"
    assert explain_failure(NightshiftError("needs to")) == "needs to"


def test_a_message_goes_to_the_notifier_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calling a notifier would render data as a template, and swallow what fails."""
    import nightshift.orchestration.notifiers as notifying
    from nightshift.extension.alert_channels import AlertChannel
    from nightshift.orchestration.channels import _notify_with

    class Failing:
        def __call__(self, context: Any) -> None:
            raise AssertionError("called")

        def notify(self, context: Any) -> None:
            raise OSError

    monkeypatch.setattr(notifying, "read_connection", lambda conn_id: None)
    channel = AlertChannel("failing", _notify_with(lambda *_: Failing()))
    monkeypatch.setattr(notifying, "find_channel", lambda connection: channel)
    with pytest.raises(OSError):
        notifying.make_sender("chat")(Message.__new__(Message))
