"""Who began earlier can't overwrite who began later, whatever their clocks say: the step says so and writes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import nightshift.steps.ingest.build_features
import nightshift.steps.ingest.extract
import nightshift.steps.ingest.validate
import nightshift.steps.score.publish
from nightshift.io.lake.base import ObjectRef, make_attempt_id
from nightshift.steps.ingest.build_features import build_partition_features
from nightshift.steps.ingest.extract import extract_partition
from nightshift.steps.ingest.validate import validate_partition
from nightshift.steps.outcome import Outcome
from nightshift.steps.score.publish import publish_scores
from nightshift.steps.score.score import score_partition
from tests.integration.kit import NIGHTS, ROWS, World

NIGHT = NIGHTS[6]
NEW_ROWS = 90
MODULES = {
    "raw": nightshift.steps.ingest.extract,
    "valid": nightshift.steps.ingest.validate,
    "features": nightshift.steps.ingest.build_features,
    "scores": nightshift.steps.score.publish,
}
pytestmark = pytest.mark.guarantee(13)


def read_ref(world: World, kind: str) -> ObjectRef:
    query = "select object_uri, sha256, rows from ml.ledger where kind = :kind and partition_date = :night"
    return ObjectRef(*world.ask(query, kind=kind, night=NIGHT)[0])


def run_step(world: World, kind: str) -> Outcome:
    """The step that writes this kind, once more."""
    where = (world.config, world.resources, NIGHT)
    if kind == "raw":
        return extract_partition(*where)
    if kind == "valid":
        return validate_partition(*where, read_ref(world, "raw"))
    if kind == "features":
        return build_partition_features(*where, read_ref(world, "valid"))
    return publish_scores(*where, score_partition(*where).figures)


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], Any]], None]:
    """Lets something else happen once, right before the step commits."""

    def patch(kind: str, meanwhile: Callable[[], Any]) -> None:
        module: Any = MODULES[kind]
        claim = module.claim_partition

        def wait_and_claim(*arguments: Any) -> None:
            monkeypatch.setattr(module, "claim_partition", claim)
            meanwhile()
            claim(*arguments)

        monkeypatch.setattr(module, "claim_partition", wait_and_claim)

    return patch


@pytest.mark.parametrize("kind", MODULES)
def test_an_attempt_that_was_overtaken_writes_nothing(champion_world: World, pause: Any, kind: str) -> None:
    """The later attempt of the same step has committed when the earlier one wakes up."""
    world = champion_world
    world.run_night(NIGHT)
    seen: list[dict[str, Any]] = []

    def overtake() -> None:
        world.write(NIGHT, count=NEW_ROWS)
        world.ingest(NIGHT)
        assert run_step(world, kind).status == "done"
        seen.append(world.read_state())

    pause(kind, overtake)
    outcome = run_step(world, kind)
    assert outcome.status == "skipped"
    assert "shops 2026-01-07" in outcome.reason and "later attempt" in outcome.reason
    assert world.read_state() == seen[0]


@pytest.mark.parametrize(("kind", "made_from"), [("valid", "raw"), ("features", "valid")])
def test_what_was_made_from_replaced_rows_is_not_written(champion_world: World, kind: str, made_from: str) -> None:
    """As when somebody clears one task of an old run: nothing newer of this step need exist."""
    world = champion_world
    world.run_night(NIGHT)
    old = read_ref(world, made_from)
    world.write(NIGHT, count=NEW_ROWS)
    for step in ("raw", "valid")[: ("raw", "valid").index(made_from) + 1]:
        assert run_step(world, step).status == "done"
    before = world.read_state()
    call = validate_partition if kind == "valid" else build_partition_features
    outcome = call(world.config, world.resources, NIGHT, old)
    assert outcome.status == "skipped"
    assert f"replaced the {made_from} rows" in outcome.reason
    assert world.read_state() == before


def test_the_same_rows_fetched_again_meanwhile_stop_nobody(champion_world: World, pause: Any) -> None:
    world = champion_world
    world.run_night(NIGHT)
    pause("valid", lambda: run_step(world, "raw"))
    assert run_step(world, "valid").status == "done"


def test_scores_too_old_to_be_kept_are_not_published(champion_world: World) -> None:
    """Maintenance may be sweeping them at this moment."""
    world = champion_world
    world.run_night(NIGHT)
    where = (world.config, world.resources, NIGHT)
    old = make_attempt_id(datetime.now(UTC) - timedelta(days=3))
    outcome = publish_scores(*where, {**score_partition(*where).figures, "attempt": old})
    assert outcome.status == "stopped"
    assert "Clear the run from its first task on" in outcome.reason
    assert world.ask("select count(*) from scores.shops") == [(ROWS,)]


def test_what_is_published_can_be_published_again_at_any_age(champion_world: World) -> None:
    """As when its reply was lost, and the run is cleared days later."""
    world = champion_world
    world.run_night(NIGHT)
    where = (world.config, world.resources, NIGHT)
    scored = {**score_partition(*where).figures}
    assert publish_scores(*where, scored).status == "done"
    old = make_attempt_id(datetime.now(UTC) - timedelta(days=3))
    world.change("update ml.ledger set attempt = :old where kind = 'scores'", old=old)
    assert publish_scores(*where, {**scored, "attempt": old}).status == "done"
