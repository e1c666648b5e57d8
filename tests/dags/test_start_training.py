"""The last task of the drift DAG: one decision starts one training, however often it runs."""

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException, DagRunTriggerException

from nightshift.orchestration.tasks.drift import StartTraining

RETRAIN = {"decision": "retrain", "reason": "half of the columns drifted", "run_id": "drift__2026-11-20__v1"}


def execute(decided: dict[str, Any], existing: list[str]) -> None:
    """Run the task where the training DAG already has the runs `existing`."""
    task = StartTraining(task_id="x", pipeline="churn", compared={"as_of": "2026-11-20"}, decided=decided)

    def count(dag_id: str, run_ids: list[str]) -> int:
        assert dag_id == "churn_train"
        return len(set(existing) & set(run_ids))

    task.execute({"ti": SimpleNamespace(get_dr_count=count, xcom_push=lambda **_: None)})


def test_a_decision_to_retrain_triggers_the_training_with_day_and_reason() -> None:
    with pytest.raises(DagRunTriggerException) as caught:
        execute(RETRAIN, existing=[])
    asked = caught.value
    assert (asked.trigger_dag_id, asked.dag_run_id) == ("churn_train", "drift__2026-11-20__v1")
    assert asked.conf == {"as_of": "2026-11-20", "reason": "half of the columns drifted"}
    assert asked.logical_date is None
    assert asked.wait_for_completion is False


@pytest.mark.guarantee(12)
def test_a_lost_answer_to_the_trigger_is_no_failure() -> None:
    """Airflow 3.3 asks again and finds the child run (apache/airflow#66905)."""
    with pytest.raises(DagRunTriggerException) as caught:
        execute(RETRAIN, existing=[])
    assert caught.value.skip_when_already_exists is True


@pytest.mark.guarantee(12)
def test_the_same_decision_again_succeeds_and_starts_nothing() -> None:
    execute(RETRAIN, existing=["drift__2026-11-20__v1"])


@pytest.mark.guarantee(12)
def test_a_decision_to_wait_skips_with_the_reason() -> None:
    with pytest.raises(AirflowSkipException, match="cooling down"):
        execute({"decision": "wait", "reason": "cooling down", "run_id": None}, existing=[])
