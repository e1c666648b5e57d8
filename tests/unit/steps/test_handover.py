"""What steps hand over: complete, or one sentence that names the task to clear."""

import pytest

from nightshift.errors import NightshiftError
from nightshift.orchestration.task_wrapper import check_handovers, find_handovers
from nightshift.orchestration.tasks import drift, ingest, score, train
from nightshift.steps import handover
from nightshift.steps.handover import HANDED_OVER_BY, Evaluated, Scored, take

SCORED = {
    "model_version": 1, "rows": 2, "inputs_sha256": "a", "scored_at": "2026-01-01T00:00:00+00:00", "attempt": "b",
    "attempt_number": 3,
}  # fmt: skip


def test_what_is_complete_is_taken_as_it_is() -> None:
    assert take(Scored, SCORED | {"plan": {}}) == SCORED | {"plan": {}}


@pytest.mark.parametrize("lost", sorted(SCORED))
def test_what_is_missing_is_named_with_the_task_to_clear(lost: str) -> None:
    with pytest.raises(NightshiftError) as caught:
        take(Scored, {name: value for name, value in SCORED.items() if name != lost})
    assert f"the task `score` handed over no {lost}: " in str(caught.value)
    assert str(caught.value).endswith("clear the run from `score` on")


@pytest.mark.parametrize("given", [None, [], "text"])
def test_no_handover_at_all_is_told_as_well(given: object) -> None:
    with pytest.raises(NightshiftError, match="`evaluate` handed over no metrics, version"):
        take(Evaluated, given)


def test_every_kind_names_its_task() -> None:
    kinds = {kind for kind in vars(handover).values() if hasattr(kind, "__required_keys__")}
    assert kinds - {handover.AttemptRecord} == set(HANDED_OVER_BY)


def test_tasks_say_what_they_are_handed() -> None:
    tasks = [
        (score.publish, {"scored": Scored}),
        (score.publish_shards, {"scored": Scored}),
        (score.score_shard, {"shard": handover.Shard}),
        (ingest.validate, {"extracted": handover.Extracted}),
        (ingest.build_features, {"validated": handover.Validated}),
        (train.evaluate, {"assembled": handover.Assembled, "fitted": handover.Fitted}),
        (drift.decide, {"compared": handover.Compared, "measured": handover.Measured}),
    ]
    for task, kinds in tasks:
        assert find_handovers(task.function.__wrapped__) == kinds


def test_each_of_several_is_checked() -> None:
    check_handovers({"scored": Scored}, {"pipeline": "shops", "scored": [SCORED, SCORED]})
    with pytest.raises(NightshiftError, match="handed over no attempt_number, "):
        check_handovers({"scored": Scored}, {"scored": [SCORED, {"attempt": "b"}]})
