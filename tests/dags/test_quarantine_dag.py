"""NAME_quarantine: the form, what it asks of the steps, and what it announces."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, ParamValidationError

from nightshift.core.batch.quarantine import ReasonGroup
from nightshift.orchestration.params import make_quarantine_params
from nightshift.orchestration.tasks import quarantine
from nightshift.steps.outcome import Outcome
from nightshift.steps.quarantine.look import Quarantine
from tests.dags.triggered import enter_triggered_run

FEATURES = Asset("churn/features")
DAY = date(2026, 3, 1)
LOOKED = {"partitions": {"2026-03-01": 2}}
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def dag(dag_bag: Any, pipeline: Any) -> DAG:
    return dag_bag.dags[f"{pipeline.name}_quarantine"]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the tasks ask of the steps, which do nothing here."""
    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr(quarantine, "open_pipeline", lambda name: (name, "resources"))

    def look(*arguments: Any) -> Quarantine:
        made.append(arguments)
        example = {"partition": str(DAY), "plan": HOSTILE}
        return Quarantine({DAY: 2}, [ReasonGroup(f"plan: {HOSTILE}", 2, {DAY: 2}, [example])], 2)

    def replay(*arguments: Any) -> Outcome:
        made.append(arguments[:-1])
        return Outcome("done", figures={"partitions": ["2026-02-27", "2026-03-01"], "rows": 2, "accepted": 2})

    monkeypatch.setattr("nightshift.steps.quarantine.look.look_at_quarantine", look)
    monkeypatch.setattr("nightshift.steps.quarantine.replay.replay_quarantine", replay)
    return made


@pytest.fixture
def context() -> Iterator[dict[str, Any]]:
    """The context of a run that ada triggered."""
    filled = {"action": "replay", "first_day": "2026-03-01", "last_day": None, "reason": "limits were too low"}
    with enter_triggered_run(make_quarantine_params(), FEATURES, filled) as found:
        yield found


def test_it_starts_by_hand_only_one_at_a_time_is_never_paused_and_looks_unless_told_otherwise(dag: DAG) -> None:
    assert dag.timetable.can_be_scheduled is False
    assert dag.max_active_runs == 1
    assert dag.is_paused_upon_creation is False
    assert set(dag.params) == {"action", "first_day", "last_day", "reason"}
    assert dag.params["action"] == "look"


@pytest.mark.parametrize(
    ("name", "value"), [("action", "delete"), ("action", None), ("first_day", "yesterday"), ("reason", "x" * 1001)]
)
def test_what_the_form_does_not_offer_can_not_be_triggered(name: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        make_quarantine_params()[name].resolve(value)


def test_looking_tells_the_reasons_escaped(calls: list[Any], context: dict[str, Any]) -> None:
    figures = quarantine.look.function("churn")
    assert calls == [("churn", "resources", DAY, None)]
    assert figures["partitions"] == {"2026-03-01": 2}
    assert figures["reasons"] == {"plan: &lt;img src=x onerror=alert(1)&gt;": 2}
    assert HOSTILE not in str(figures)


def test_a_run_that_only_looks_replays_nothing(calls: list[Any], context: dict[str, Any]) -> None:
    context["params"] |= {"action": "look", "reason": None}
    with pytest.raises(AirflowSkipException, match="only looked at"):
        quarantine.replay.function("churn", LOOKED)
    assert calls == []


@pytest.mark.guarantee(11)
def test_the_step_learns_who_why_and_which_days_and_every_day_it_touched_is_announced(
    calls: list[Any], context: dict[str, Any]
) -> None:
    quarantine.replay.function("churn", LOOKED)
    ((config, resources, request),) = calls
    assert (config, resources) == ("churn", "resources")
    assert (request.run_id, request.replayed_by, request.reason) == ("manual__1", "ada", "limits were too low")
    assert (request.first, request.last) == (DAY, None)
    assert context["outlet_events"][FEATURES].partition_keys == {"2026-02-27", "2026-03-01"}


def test_days_in_the_wrong_order_are_refused_before_anything_changes(calls: list[Any], context: dict[str, Any]) -> None:
    context["params"]["last_day"] = "2026-02-01"
    for task, arguments in ((quarantine.look, ()), (quarantine.replay, (LOOKED,))):
        with pytest.raises(AirflowFailException, match="is after the last one"):
            task.function("churn", *arguments)
    assert calls == []


def test_days_that_are_not_through_fail_the_last_task_and_are_named(context: dict[str, Any]) -> None:
    figures = {"accepted": 1, "rows": 3, "failed": {"2026-03-01": "features can't be built"}, "stopped": {}}
    with pytest.raises(AirflowFailException, match=r"1 partitions are not through.*features can't be built"):
        quarantine.check.function("churn", figures)
    assert quarantine.check.function("churn", figures | {"failed": {}}) == {"accepted": 1, "of": 3}
