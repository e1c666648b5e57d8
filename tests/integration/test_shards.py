"""A partition in shards: the same bytes as in one piece, one commit, and a retry that redoes one shard."""

from dataclasses import replace
from typing import Any

import pytest

from nightshift.io.lake import parquet as tables
from nightshift.io.registry import PromotionRequest, promote
from nightshift.steps.score.publish import publish_scores
from nightshift.steps.score.score import score_partition
from nightshift.steps.score.shards import count_shards, join_shards, plan_shards, score_shard
from tests.integration.kit import NIGHTS, PIPELINE, ROWS, World

NIGHT, GROUP, COUNT = NIGHTS[6], 16, 3


@pytest.fixture
def sharded(champion_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A published night of many row groups, in a pipeline that cuts it into three."""
    monkeypatch.setattr(tables, "ROW_GROUP", GROUP)
    champion_world.run_night(NIGHT)
    return cut(champion_world, -(-ROWS // COUNT))


def cut(world: World, shard_rows: int) -> World:
    """The same world with shards of so many rows, fewer than a person may ask for."""
    spec = world.config.spec
    scoring = spec.scoring.model_copy(update={"shard_rows": shard_rows})
    config = world.config.model_copy(update={"spec": spec.model_copy(update={"scoring": scoring})})
    return replace(world, config=config)


def plan(world: World) -> list[dict[str, Any]]:
    outcome = plan_shards(world.config, world.resources, NIGHT)
    assert outcome.status == "done", outcome.reason
    shards: list[dict[str, Any]] = outcome.figures["shards"]
    return shards


def score(world: World, shard: dict[str, Any]) -> dict[str, Any]:
    outcome = score_shard(world.config, world.resources, NIGHT, shard)
    assert outcome.status == "done", outcome.reason
    return outcome.figures


def test_shards_together_are_the_partition_byte_for_byte(sharded: World) -> None:
    whole = score_partition(sharded.config, sharded.resources, NIGHT).figures
    shards = plan(sharded)
    scored = [score(sharded, shard) for shard in shards]
    joined = join_shards(scored)
    assert [figures["rows"] for figures in scored] == [32, 48, 40]
    assert joined["rows"] == ROWS
    assert joined["inputs_sha256"] == whole["inputs_sha256"]
    before = sharded.hash_scores()
    sharded.change(f"delete from scores.{PIPELINE}")
    assert publish_scores(sharded.config, sharded.resources, NIGHT, joined).status == "done"
    assert sharded.hash_scores() == before
    assert sharded.ask("select sha256 from ml.ledger where kind = 'scores'") == [(whole["scores"]["sha256"],)]


def test_a_shard_again_gives_the_same_bytes_in_another_object(sharded: World) -> None:
    shard = plan(sharded)[1]
    first, again = score(sharded, shard), score(sharded, shard)
    assert first["scores"]["sha256"] == again["scores"]["sha256"]
    assert first["scores"]["uri"] != again["scores"]["uri"]
    assert first["attempt_number"] == again["attempt_number"]


def test_nothing_is_visible_before_all_shards_are_published(sharded: World) -> None:
    sharded.change(f"delete from scores.{PIPELINE}")
    before = sharded.read_state()
    scored = [score(sharded, shard) for shard in plan(sharded)]
    assert sharded.read_state() == before
    published = publish_scores(sharded.config, sharded.resources, NIGHT, join_shards(scored))
    assert sharded.ask(f"select count(*), count(distinct scored_at) from scores.{PIPELINE}") == [(ROWS, 1)]
    (uri,) = sharded.ask("select object_uri from ml.ledger where kind = 'scores'")[0]
    assert uri == published.figures["object_uri"]


def test_the_model_of_the_plan_scores_all_shards_whoever_is_champion_by_then(sharded: World) -> None:
    shards = plan(sharded)
    first = score(sharded, shards[0])
    sharded.train(NIGHT, "second")
    with sharded.warehouse.begin() as connection:
        promote(connection, PIPELINE, PromotionRequest(2, 1, "tests", "a change of mind", None))
    assert {score(sharded, shard)["model_version"] for shard in shards} == {first["model_version"]} == {1}


def test_shards_that_were_overtaken_are_not_published(sharded: World) -> None:
    joined = join_shards([score(sharded, shard) for shard in plan(sharded)])
    sharded.write(NIGHT, count=ROWS + 1)
    assert [sharded.ingest(NIGHT).status, sharded.score(NIGHT).status] == ["done", "done"]
    outcome = publish_scores(sharded.config, sharded.resources, NIGHT, joined)
    assert (outcome.status, "later attempt" in outcome.reason) == ("skipped", True)
    assert sharded.ask(f"select count(*) from scores.{PIPELINE}") == [(ROWS + 1,)]


def test_more_shards_than_row_groups_leave_some_empty(sharded: World) -> None:
    world = cut(sharded, 5)
    scored = [score(world, shard) for shard in plan(world)]
    assert len(scored) == 24
    assert 0 in [figures["rows"] for figures in scored]
    joined = join_shards(scored)
    assert joined["rows"] == ROWS
    assert publish_scores(world.config, world.resources, NIGHT, joined).figures["rows"] == ROWS


@pytest.mark.parametrize(
    ("rows", "shard_rows", "count"), [(0, 10, 1), (10, 10, 1), (11, 10, 2), (100, 10, 10), (100, None, 1)]
)
def test_the_number_of_shards_follows_the_rows(rows: int, shard_rows: int | None, count: int) -> None:
    assert count_shards(rows, shard_rows) == count
