"""The task that asks a person: when it asks, what it hands on, and that it never promotes by itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput
from airflow.serialization.serialized_objects import DagSerialization

import nightshift.config.loading
import nightshift.steps.train.decline
from nightshift.config.loading import LoadedPipelines, load_pipeline
from nightshift.orchestration import approval
from nightshift.orchestration.approval import ApprovePromotion, read_answer
from nightshift.steps import train as steps
from nightshift.steps.handover import Assembled
from nightshift.steps.outcome import Outcome
from nightshift.steps.train import request as requests
from nightshift.steps.train.promote import Promoter
from tests.dags.kit import DAGS, parse_dags
from tests.kits.pipelines import make_spec, write_pipeline

ADA = {"id": "ada", "name": "ada"}
NEEDED = {
    "decision": "needs_approval", "reason": "as asked for", "champion_version": 3, "rules": [], "gate_decision_id": 1,
    "challenger": False,
}  # fmt: skip
ASSEMBLED = dict.fromkeys(Assembled.__required_keys__)


def make_task(judged: dict[str, Any]) -> ApprovePromotion:
    return ApprovePromotion(task_id="approve", pipeline="churn", hours=8, evaluated={"version": 5}, judged=judged)


def answer(option: str, user: dict[str, str] | None = ADA, note: str | None = None) -> dict[str, Any]:
    """What Airflow hands over."""
    return {
        "chosen_options": [option],
        "params_input": {"note": note},
        "responded_at": datetime(2026, 11, 20, tzinfo=UTC),
        "responded_by_user": user,
        "timedout": user is None,
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The requests that Airflow was handed."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **request: found.append(request))
    monkeypatch.setattr(approval, "open_pipeline", lambda name: (name, None))

    def write(config: Any, resources: Any, version: int, judged: Any, closing: list[str]) -> requests.Request:
        return requests.Request(
            f"{config}: version {version}?", f"{judged['reason']}\n" + "\n".join(closing), "again" in judged
        )

    monkeypatch.setattr(requests, "write_request", write)
    return found


CONTEXT: Any = {
    "task_instance": SimpleNamespace(id="ti"),
    "dag_run": SimpleNamespace(run_id="manual__2026-11-20T01:02:03+00:00"),
    "ti": SimpleNamespace(try_number=1),
}


def test_a_person_is_asked_with_the_evidence_and_for_so_long(asked: list[dict[str, Any]]) -> None:
    with pytest.raises(TaskAwaitingInput) as parked:
        make_task(NEEDED).execute(CONTEXT)
    (request,) = asked
    assert request["subject"] == "churn: version 5?"
    assert "as asked for" in request["body"]
    assert "/nightshift/cards/churn/5/model" in request["body"]
    assert "/dags/churn_train/runs/manual__2026-11-20T01%3A02%3A03%2B00%3A00" in request["body"]
    assert (request["options"], request["defaults"]) == (["Approve", "Reject"], ["Reject"])
    assert list(request["params"]) == ["note"]
    assert parked.value.timeout == timedelta(hours=8)


@pytest.mark.parametrize(("try_number", "again"), [(1, True), (2, False)])
def test_a_retry_asks_again(asked: list[dict[str, Any]], try_number: int, again: bool) -> None:
    judged = {**NEEDED, "again": True} if again else NEEDED
    with pytest.raises(TaskAwaitingInput):
        make_task(judged).execute({**CONTEXT, "ti": SimpleNamespace(try_number=try_number)})
    assert len(asked) == 1


def test_nobody_is_asked_on_the_figures_of_an_earlier_judgement(asked: list[dict[str, Any]]) -> None:
    """Airflow 3.3 goes on showing the first request of a task that is cleared together with the gate."""
    with pytest.raises(AirflowFailException, match="evaluated again"):
        make_task({**NEEDED, "again": True}).execute({**CONTEXT, "ti": SimpleNamespace(try_number=2)})
    assert asked == []


@pytest.mark.parametrize("decision", ["promote", "keep"])
def test_nobody_is_asked_where_the_gate_has_decided(asked: list[dict[str, Any]], decision: str) -> None:
    with pytest.raises(AirflowSkipException, match=decision):
        make_task({**NEEDED, "decision": decision}).execute(CONTEXT)
    assert asked == []


def test_the_answer_is_handed_on_and_nothing_is_skipped() -> None:
    """On Reject, Airflow's own operator would skip what follows; `promote` has to say why the champion stays."""
    task = make_task(NEEDED)
    task.skip = lambda **_: pytest.fail("skipped promote")  # type: ignore[method-assign]
    assert task.execute_complete(CONTEXT, answer("Approve", note="looks  good\n")) == {
        "approved": True,
        "by": "ada",
        "note": "looks good",
        "reason": "approved by ada: looks good",
    }
    task.downstream_task_ids.add("promote")
    assert task.execute_complete(CONTEXT, answer("Reject")) == {
        "approved": False,
        "by": "ada",
        "note": "",
        "reason": "rejected by ada",
    }


def test_no_answer_is_a_no() -> None:
    found = make_task(NEEDED).execute_complete(CONTEXT, answer("Reject", user=None))
    assert (found["approved"], found["by"], found["reason"]) == (False, None, "no one answered within 8 hours")


def test_an_approval_that_nobody_gave_is_none() -> None:
    assert read_answer(answer("Approve", user=None), 8)["approved"] is False


def test_a_user_whose_name_is_not_the_id_is_named_by_both() -> None:
    found = read_answer(answer("Approve", user={"id": "3", "name": "Ada Lovelace"}), 8)
    assert found["by"] == "Ada Lovelace (3)"


@pytest.fixture
def promoted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """How the steps behind `promote` were called."""
    found: dict[str, Any] = {}

    def promote(*arguments: Any) -> Outcome:
        found["promoted"] = arguments
        return Outcome("done")

    def decline(*arguments: Any) -> Outcome:
        found["declined"] = arguments
        return Outcome("skipped", "as said")

    monkeypatch.setattr(steps, "promote_candidate", promote)
    monkeypatch.setattr(nightshift.steps.train.decline, "decline_candidate", decline)
    return found


def run_promote(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any] | None, reason: str | None = None) -> Any:
    from airflow.sdk.definitions._internal.contextmanager import _CURRENT_CONTEXT

    from nightshift.orchestration.tasks import train

    monkeypatch.setattr(train, "open_pipeline", lambda name: (name, None))
    run = SimpleNamespace(conf={}, run_type="manual", triggering_user_name="grace")
    context = {"dag_run": run, "dag": SimpleNamespace(params={}), "params": {"reason": reason}}
    context["ti"] = SimpleNamespace(xcom_push=lambda *_: None)
    _CURRENT_CONTEXT.append(context)  # type: ignore[arg-type]
    try:
        return train.promote.function("churn", ASSEMBLED, {"version": 5, "metrics": {}}, NEEDED, given)
    finally:
        _CURRENT_CONTEXT.pop()


def test_who_approved_and_the_note_go_into_the_promotion(
    monkeypatch: pytest.MonkeyPatch, promoted: dict[str, Any]
) -> None:
    run_promote(monkeypatch, read_answer(answer("Approve", note="go"), 8), reason="weekly")
    assert promoted["promoted"][2:] == (ASSEMBLED, 5, NEEDED, Promoter("grace", "weekly; go", "ada"))


def test_without_a_question_nobody_approved(monkeypatch: pytest.MonkeyPatch, promoted: dict[str, Any]) -> None:
    run_promote(monkeypatch, None)
    assert promoted["promoted"][2:] == (ASSEMBLED, 5, NEEDED, Promoter("grace", "", None))


def test_a_no_is_no_failure_and_promotes_nothing(monkeypatch: pytest.MonkeyPatch, promoted: dict[str, Any]) -> None:
    with pytest.raises(AirflowSkipException) as skipped:
        run_promote(monkeypatch, read_answer(answer("Reject", note="not on a Friday"), 8))
    assert not isinstance(skipped.value, AirflowFailException)
    assert list(promoted) == ["declined"]
    assert promoted["declined"][2:] == (5, NEEDED, "rejected by ada: not on a Friday")


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Parse one DAG of a pipeline with these settings of the gate."""

    def run(kind: str, **gate: Any) -> Any:
        changes = {f"gate.{name}": value for name, value in gate.items()}
        pipeline = load_pipeline(write_pipeline(tmp_path / "p", make_spec(**changes)))
        loaded = LoadedPipelines((pipeline,), ())
        monkeypatch.setattr(nightshift.config.loading, "load_pipelines", lambda *places: loaded)
        bag = parse_dags(DAGS / f"{kind}.py")
        assert bag.import_errors == {}
        return bag.dags[f"{pipeline.name}_{kind}"]

    return run


@pytest.mark.parametrize("policy", ["required", "on_unclear"])
def test_the_question_stands_between_the_cards_and_the_promotion(parse: Any, policy: str) -> None:
    dag = parse("train", approval=policy, approval_hours=2)
    approve, promote = dag.get_task("approve"), dag.get_task("promote")
    path = {"assemble", "check", "tune_and_fit", "evaluate", "gate", "cards"}
    assert approve.get_flat_relative_ids(upstream=True) == path
    assert promote.get_flat_relative_ids(upstream=True) == path | {"approve"}
    assert approve.response_timeout == timedelta(hours=2)
    # The question is skipped where the gate promotes; a failure before it must stop the promotion all the same.
    assert (approve.trigger_rule, promote.trigger_rule) == ("all_success", "none_failed")
    assert approve.doc_md
    DagSerialization.from_dict(DagSerialization.to_dict(dag))


def test_without_a_need_for_approval_there_is_no_question(parse: Any) -> None:
    dag = parse("train", approval="never")
    assert "approve" not in dag.task_ids
    assert dag.get_task("promote").trigger_rule == "all_success"
    assert "cards" in dag.get_task("promote").upstream_task_ids


def test_a_challenger_is_scored_after_publishing_and_announces_nothing(parse: Any) -> None:
    dag = parse("score", keep_challenger=True)
    shadow = dag.get_task("shadow")
    assert shadow.upstream_task_ids == {"publish"}
    assert shadow.downstream_task_ids == {"notify"}
    assert (shadow.outlets, shadow.retries, shadow.trigger_rule) == ([], 1, "all_success")


def test_comparing_the_challenger_does_not_hold_up_the_decision(parse: Any) -> None:
    dag = parse("drift", keep_challenger=True)
    assert dag.get_task("compare_challenger").get_flat_relative_ids(upstream=True) == {"compare", "measure_performance"}
    assert dag.get_task("compare_challenger").downstream_task_ids == {"notify"}


@pytest.mark.parametrize(("kind", "task"), [("score", "shadow"), ("drift", "compare_challenger")])
def test_where_no_challenger_is_kept_there_is_no_task_for_it(parse: Any, kind: str, task: str) -> None:
    assert task not in parse(kind, keep_challenger=False).task_ids
