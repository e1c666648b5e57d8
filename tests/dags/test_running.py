"""How a step's outcome, or what it raises, becomes the state of an Airflow task."""

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.definitions._internal.contextmanager import _CURRENT_CONTEXT
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from nightshift.errors import DataUnavailable, NightshiftError, TemporarilyUnavailable
from nightshift.orchestration.params import check_conf
from nightshift.orchestration.task_wrapper import step_task
from nightshift.orchestration.tasks.train import get_promoter
from nightshift.steps.outcome import Outcome


@pytest.fixture
def pushed() -> Any:
    """What tasks push to XCom, inside the context of a run."""
    found: dict[str, Any] = {}
    context = {
        "dag_run": SimpleNamespace(conf={}),
        "dag": SimpleNamespace(params={"partition": None}),
        "ti": SimpleNamespace(xcom_push=found.__setitem__),
    }
    _CURRENT_CONTEXT.append(context)
    yield SimpleNamespace(values=found, context=context)
    _CURRENT_CONTEXT.pop()


def run_step(result: Outcome | Exception) -> Any:
    """Run a task whose step returns or raises `result`."""

    def step() -> Outcome:
        """What the task does."""
        if isinstance(result, Exception):
            raise result
        return result

    return step_task(step).function()


def test_a_step_that_is_done_gives_its_figures(pushed: Any) -> None:
    assert run_step(Outcome("done", figures={"rows": 3})) == {"rows": 3}
    assert pushed.values == {}


def test_a_stopped_step_fails_without_a_retry_and_leaves_its_figures(pushed: Any) -> None:
    with pytest.raises(AirflowFailException, match="too many rows"):
        run_step(Outcome("stopped", "too many rows failed", {"quarantined": 9}))
    assert pushed.values["outcome"] == {"status": "stopped", "reason": "too many rows failed", "quarantined": 9}


def test_a_skipped_step_skips_with_the_reason(pushed: Any) -> None:
    with pytest.raises(AirflowSkipException, match="no champion yet"):
        run_step(Outcome("skipped", "no champion yet"))


@pytest.mark.parametrize("error", [NightshiftError("mend x"), DataUnavailable("no file x")])
def test_misconfiguration_fails_at_once_with_just_its_message(pushed: Any, error: Exception) -> None:
    with pytest.raises(AirflowFailException) as caught:
        run_step(error)
    assert str(caught.value) == str(error)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("error", [TemporarilyUnavailable("the warehouse does not answer"), OSError("disk full")])
def test_what_may_pass_is_left_to_airflow_to_retry(pushed: Any, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        run_step(error)
    assert caught.value is error


def test_a_key_that_the_form_does_not_know_is_refused(pushed: Any) -> None:
    pushed.context["dag_run"].conf = {"partitoin": "2026-11-20"}
    with pytest.raises(AirflowFailException, match=r"'partitoin'.*did you mean 'partition'"):
        run_step(Outcome("done"))


def test_what_airflow_adds_to_a_conf_is_no_mistake() -> None:
    check_conf({"openlineage": {}}, {"reason"})
    check_conf(None, set())


@pytest.mark.parametrize(
    ("run_type", "user", "name"),
    [
        ("manual", "ada", "ada"),
        ("scheduled", None, "schedule"),
        ("operator_triggered", "ada", "drift policy"),
        ("manual", None, "unknown"),
    ],
)
def test_the_promotion_names_who_is_behind_the_run(run_type: str, user: str | None, name: str) -> None:
    from airflow.sdk.api.datamodels._generated import DagRunType

    run = SimpleNamespace(run_type=DagRunType(run_type), triggering_user_name=user)
    assert get_promoter(run) == name
