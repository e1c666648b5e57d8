"""Tasks of NAME_drift."""

from datetime import UTC, date, datetime
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context, get_current_context
from airflow.sdk.exceptions import AirflowSkipException

from nightshift.orchestration.as_of import read_as_of
from nightshift.orchestration.task_wrapper import open_pipeline, step_task
from nightshift.steps.handover import Compared, Decided, Measured, take
from nightshift.steps.outcome import Outcome


@step_task
def compare(pipeline: str) -> Outcome:
    """Compare the last partitions with what the champion was trained on, on a bounded sample."""
    from nightshift.steps.drift import compare_windows

    config, resources = open_pipeline(pipeline)
    as_of = read_as_of(config, resources)
    outcome = compare_windows(config, resources, as_of)
    # The tasks that follow must stand on the same day, even when a new partition arrives in between.
    return Outcome(outcome.status, outcome.reason, {**outcome.figures, "as_of": as_of.isoformat()})


@step_task
def measure(pipeline: str, compared: Compared) -> Outcome:
    """Measure the scores of the nights whose outcomes are known by now."""
    from nightshift.steps.drift import measure_performance

    return measure_performance(*open_pipeline(pipeline), date.fromisoformat(compared["as_of"]))


@step_task
def decide(pipeline: str, compared: Compared, measured: Measured) -> Outcome:
    """Decide whether to retrain, and keep the decision with its reason."""
    from nightshift.steps.drift import decide_retraining

    as_of, run_id = date.fromisoformat(compared["as_of"]), get_current_context()["dag_run"].run_id
    return decide_retraining(*open_pipeline(pipeline), as_of, compared, measured, run_id, datetime.now(UTC))


@step_task
def compare_challenger(pipeline: str, compared: Compared) -> Outcome:
    """Compare the challenger with the champion on the nights that both scored and whose outcomes are known."""
    from nightshift.steps.score.challenger import compare_challenger

    return compare_challenger(*open_pipeline(pipeline), date.fromisoformat(compared["as_of"]))


class StartTraining(TriggerDagRunOperator):
    """Starts NAME_train where the decision was to retrain. The same decision starts it once, however often it runs."""

    template_fields = (*TriggerDagRunOperator.template_fields, "compared", "decided")

    def __init__(self, *, pipeline: str, compared: Any, decided: Any, **kwargs: Any) -> None:
        # If the answer to the trigger is lost, Airflow asks again and finds the child run: no failure then.
        super().__init__(
            trigger_dag_id=f"{pipeline}_train",
            logical_date=None,
            skip_when_already_exists=True,
            doc_md=self.__doc__,
            **kwargs,
        )
        self.compared, self.decided = compared, decided

    def execute(self, context: Context) -> None:
        """Trigger, unless there is no reason to or it was done before."""
        decided = take(Decided, self.decided)
        run_id, reason = decided["run_id"], decided["reason"]
        if decided["decision"] != "retrain":
            raise AirflowSkipException(reason)
        if context["ti"].get_dr_count(self.trigger_dag_id, run_ids=[run_id]):
            self.log.info("%s already has the run %s: nothing to start.", self.trigger_dag_id, run_id)
            return
        self.trigger_run_id = run_id
        self.conf = {"reason": reason, "as_of": self.compared["as_of"]}
        super().execute(context)
