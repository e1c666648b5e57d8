"""NAME_rollback: the form, what it asks of the steps, and what it announces."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, ParamValidationError

from nightshift.orchestration.params import make_rollback_params
from nightshift.orchestration.tasks import rollback
from nightshift.steps.outcome import Outcome
from tests.dags.triggered import enter_triggered_run

SCORES = Asset("churn/scores")
WINDOW = {"rescore_from": "2026-03-01", "rescore_to": "2026-03-03"}


@pytest.fixture
def dag(dag_bag: Any, pipeline: Any) -> DAG:
    return dag_bag.dags[f"{pipeline.name}_rollback"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the tasks ask of the steps, which do nothing here."""
    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr(rollback, "open_pipeline", lambda name: (name, "resources"))

    def roll_back(*arguments: Any) -> Outcome:
        made.append(arguments)
        return Outcome("done", figures={"version": 2, "previous_version": 3, "changed": True})

    def rescore(*arguments: Any) -> Outcome:
        made.append(arguments[:-1])
        return Outcome("done", figures={"partitions": ["2026-03-01", "2026-03-03"], "rows": 9})

    monkeypatch.setattr("nightshift.steps.registry.rollback.roll_back", roll_back)
    monkeypatch.setattr("nightshift.steps.registry.rollback.rescore_partitions", rescore)
    return made


@pytest.fixture
def context() -> Iterator[dict[str, Any]]:
    """The context of a run that ada triggered."""
    filled = {"version": None, "reason": "late shares look wrong", "rescore_from": None, "rescore_to": None}
    with enter_triggered_run(make_rollback_params(), SCORES, filled) as found:
        yield found


def test_it_starts_by_hand_only_one_at_a_time_and_is_never_paused(dag: DAG) -> None:
    assert dag.timetable.can_be_scheduled is False
    assert dag.max_active_runs == 1
    assert dag.is_paused_upon_creation is False


def test_the_form_insists_on_a_reason_and_on_nothing_else(dag: DAG) -> None:
    assert set(dag.params) == {"version", "reason", "rescore_from", "rescore_to"}
    assert {name for name in dag.params if "null" not in dag.params.get_param(name).schema["type"]} == {"reason"}


@pytest.mark.parametrize("reason", [None, "", " ", "x" * 1001, 7])
def test_a_run_without_a_proper_reason_can_not_be_triggered(reason: Any) -> None:
    with pytest.raises(ParamValidationError):
        make_rollback_params()["reason"].resolve(reason)


@pytest.mark.parametrize("version", [0, -1, "two", 1.5])
def test_a_version_is_a_number_from_one_on(version: Any) -> None:
    with pytest.raises(ParamValidationError):
        make_rollback_params()["version"].resolve(version)


def test_a_reason_that_was_not_given_is_missed() -> None:
    with pytest.raises(ParamValidationError):
        make_rollback_params()["reason"].resolve()


def test_the_step_learns_where_to_who_why_and_for_which_run(calls: list[Any], context: dict[str, Any]) -> None:
    assert rollback.roll_back.function("churn") == {"version": 2, "previous_version": 3, "changed": True}
    assert calls == [("churn", "resources", None, "ada", "late shares look wrong", "manual__1")]


@pytest.mark.parametrize(
    "window",
    [
        {"rescore_from": "2026-03-01", "rescore_to": None},
        {"rescore_from": None, "rescore_to": "2026-03-01"},
        {"rescore_from": "2026-03-02", "rescore_to": "2026-03-01"},
        {"rescore_from": "1026-03-02", "rescore_to": "2026-03-01"},
    ],
)
def test_a_window_that_makes_no_sense_is_refused_before_anything_changes(
    calls: list[Any], context: dict[str, Any], window: dict[str, Any]
) -> None:
    context["params"] |= window
    with pytest.raises(AirflowFailException):
        rollback.roll_back.function("churn")
    assert calls == []


def test_without_a_window_nothing_is_scored_again(calls: list[Any], context: dict[str, Any]) -> None:
    with pytest.raises(AirflowSkipException, match="no day was asked for"):
        rollback.rescore.function("churn", {"version": 2})
    assert calls == []


def test_every_day_scored_again_is_announced_with_its_own_partition_key(
    calls: list[Any], context: dict[str, Any]
) -> None:
    context["params"] |= WINDOW
    rollback.rescore.function("churn", {"version": 2})
    assert calls == [("churn", "resources", 2, date(2026, 3, 1), date(2026, 3, 3), "late shares look wrong")]
    assert context["outlet_events"][SCORES].partition_keys == {"2026-03-01", "2026-03-03"}


def test_days_that_failed_fail_the_task_and_announce_nothing(
    calls: list[Any], context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    context["params"] |= WINDOW
    stopped = Outcome("stopped", "1 of 2 failed", {"partitions": ["2026-03-01"], "rows": 4})
    monkeypatch.setattr("nightshift.steps.registry.rollback.rescore_partitions", lambda *_: stopped)
    with pytest.raises(AirflowFailException, match="1 of 2 failed"):
        rollback.rescore.function("churn", {"version": 2})
    assert context["outlet_events"][SCORES].partition_keys == set()
