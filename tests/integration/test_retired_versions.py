"""A version that maintenance has retired: every way to it ends with a sentence that says so and what to do instead."""

from collections.abc import Callable
from typing import Any

import pytest

from nightshift.errors import NightshiftError
from nightshift.io.registry import PromotionRequest, promote
from nightshift.steps.registry import promotions
from nightshift.steps.registry.promotions import promote_by_hand
from nightshift.steps.registry.rollback import rescore_partitions, roll_back
from nightshift.steps.score import plan as scoring_plan
from nightshift.steps.score.score import score_partition
from tests.integration.kit import NIGHTS, PIPELINE, World, ignore
from tests.integration.registry_kit import copy_version

pytestmark = pytest.mark.guarantee(8)
NIGHT = NIGHTS[6]


@pytest.fixture
def retired(champion_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Version 2 is retired; nothing gets as far as trying a model."""
    world = champion_world
    world.run_night(NIGHT)
    assert copy_version(world, "second") == 2
    world.change("insert into ml.retired_versions (pipeline, version) values (:name, 2)", name=PIPELINE)
    for module in (promotions, scoring_plan):
        monkeypatch.setattr(module, "require_servable", lambda *_: pytest.fail("its artifact is gone"))
    return world


def promote_meanwhile(world: World) -> None:
    """Maintenance retired it after the look and before the commit."""
    with world.warehouse.begin() as connection:
        promote(connection, PIPELINE, PromotionRequest(2, 1, "ada", "why", None))


WAYS: dict[str, Callable[[World], Any]] = {
    "by hand": lambda world: promote_by_hand(world.config, world.resources, 2, "ada", "why"),
    "by rollback": lambda world: roll_back(world.config, world.resources, 2, "ada", "why"),
    "by rescore": lambda world: rescore_partitions(
        world.config, world.resources, 2, NIGHT, NIGHT, "why", ignore
    ),
    "by score": lambda world: score_partition(world.config, world.resources, NIGHT, version=2),
    "by the gate": promote_meanwhile,
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_retired_version_is_refused_with_what_to_do(retired: World, way: str) -> None:
    before = retired.read_state()
    with pytest.raises(NightshiftError, match=r"version 2 was retired by nightshift_maintenance on .*train again: bin"):
        WAYS[way](retired)
    assert retired.read_state() == before


def test_the_others_of_the_pipeline_are_as_good_as_before(retired: World) -> None:
    assert promote_by_hand(retired.config, retired.resources, 1, "ada", "why").status == "done"
    assert score_partition(retired.config, retired.resources, NIGHT, version=1).status == "done"
