"""nightshift_maintenance: the form, the order, and who decides whether anything is removed."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions._internal.contextmanager import _CURRENT_CONTEXT
from airflow.sdk.exceptions import AirflowSkipException, ParamValidationError

from nightshift.orchestration.params import make_maintenance_params
from nightshift.orchestration.tasks import maintenance
from nightshift.steps.outcome import Outcome
from tests.dags.kit import load_timetable

DONE = Outcome("done", figures={"lines": [], "table": "Nothing needs to be removed."})


@pytest.fixture
def dag(dag_bag: Any) -> DAG:
    return dag_bag.dags["nightshift_maintenance"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that the tasks run, which do nothing here."""
    made: list[str] = []
    monkeypatch.setattr(maintenance, "_open_resources", lambda: ("resources", [], "upkeep"))
    monkeypatch.setattr(maintenance, "_find_database", lambda: None)
    for name in ("survey", "collect_garbage", "apply_retention", "clean_airflow"):
        monkeypatch.setattr(f"nightshift.steps.maintenance.{name}", lambda *_, name=name: made.append(name) or DONE)
    return made


@pytest.fixture
def context() -> Iterator[dict[str, Any]]:
    """The context of a run that ada triggered without a look at the form."""
    found: dict[str, Any] = {
        "dag_run": SimpleNamespace(conf={}, run_id="manual__1", run_type="manual"),
        "dag": SimpleNamespace(params=make_maintenance_params()),
        "params": {"dry_run": True, "pipeline": None, "grace": 7},
        "ti": SimpleNamespace(xcom_push=lambda *_, **__: None),
    }
    _CURRENT_CONTEXT.append(found)
    yield found
    _CURRENT_CONTEXT.pop()


def run_all() -> None:
    for task in (
        maintenance.survey,
        maintenance.collect_garbage,
        maintenance.apply_retention,
        maintenance.clean_airflow,
    ):
        try:
            task.function()
        except AirflowSkipException as reason:
            assert "Dry run: nothing was removed" in str(reason)


def test_it_looks_first_and_one_run_comes_after_the_other(dag: DAG) -> None:
    order = ["survey", "collect_garbage", "apply_retention", "clean_airflow"]
    assert list(dag.task_ids) == order
    for position, name in enumerate(order):
        assert dag.get_task(name).get_flat_relative_ids(upstream=True) == set(order[:position])
        assert dag.get_task(name).doc_md
    assert dag.max_active_runs == 1


def test_it_runs_weekly_and_catches_nothing_up(dag: DAG) -> None:
    timetable = load_timetable(dag)
    assert timetable.can_be_scheduled
    assert timetable.summary == "0 9 * * 0"
    assert dag.catchup is False


def test_a_dry_run_still_counts_what_airflow_keeps(dag: DAG) -> None:
    rules = {task.task_id: task.trigger_rule for task in dag.tasks}
    assert rules.pop("clean_airflow") == "none_failed"
    assert set(rules.values()) == {"all_success"}


def test_a_run_by_hand_is_a_dry_run_unless_it_says_otherwise(calls: list[str], context: dict[str, Any]) -> None:
    run_all()
    assert calls == ["survey", "clean_airflow"]
    assert maintenance.is_dry_run(context)
    context["params"]["dry_run"] = False
    calls.clear()
    run_all()
    assert calls == ["survey", "collect_garbage", "apply_retention", "clean_airflow"]
    assert not maintenance.is_dry_run(context)


@pytest.mark.parametrize("run_type", ["manual", "backfill", "asset_triggered", "operator_triggered"])
def test_only_the_schedule_removes_without_being_told_to(context: dict[str, Any], run_type: str) -> None:
    context["dag_run"].run_type = run_type
    assert maintenance.is_dry_run(context)
    context["dag_run"].run_type = "scheduled"
    assert not maintenance.is_dry_run(context)


@pytest.mark.parametrize(("name", "value"), [("grace", 2), ("grace", "x"), ("grace", None), ("dry_run", "no")])
def test_what_makes_no_sense_can_not_be_triggered(name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        make_maintenance_params()[name].resolve(value)


def test_the_form_says_what_a_dry_run_is(dag: DAG) -> None:
    assert dag.params.get_param("dry_run").value is True
    assert "nothing is removed" in dag.params.get_param("dry_run").description
    assert "A run that you trigger is a dry run" in dag.doc_md
