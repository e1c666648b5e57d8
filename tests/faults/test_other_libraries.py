"""An artifact that another version of scikit-learn wrote: in charge only where its golden scores are still the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nightshift.errors import NightshiftError
from nightshift.io.lake.base import store_file
from nightshift.io.registry import ModelVersion, find_version
from nightshift.steps.serving.check import check_serving, require_servable
from tests.integration.kit import PIPELINE, World
from tests.integration.registry_kit import copy_version
from tests.integration.test_hostile_artifacts import read_champion
from tests.kits import forging
from tests.kits.forging import Node

OTHER = "1.5.0"


def claim_other_version(schema: Node, arrays: dict[str, bytes]) -> None:
    """Every estimator says that the other version wrote it."""
    for found in forging.walk(schema):
        content = found.get("content")
        if isinstance(content, dict) and "_sklearn_version" in content:
            content["_sklearn_version"] = forging.value(OTHER)


def register_foreign(world: World, path: Path, bend: Callable[[Any], None], **changes: Any) -> ModelVersion:
    """The champion as another version of scikit-learn might have written it."""
    model = read_champion(world)
    bend(model)
    forging.forge(model, path, claim_other_version)
    ref = store_file(world.lake, f"models/{PIPELINE}/foreign/{path.name}", path, 0)
    number = copy_version(world, "foreign", artifact=ref, **changes)
    with world.warehouse.begin() as connection:
        version = find_version(connection, PIPELINE, number)
    assert version
    return version


def read_otherwise(model: Any) -> None:
    """What a number means has changed in between."""
    model[-1].intercept_ += 0.1


def lack_attribute(model: Any) -> None:
    """The other version did not know it yet."""
    del model[-1].coef_


def keep(model: Any) -> None:
    """Nothing that matters has changed."""


@pytest.mark.guarantee(8)
@pytest.mark.parametrize(
    ("bend", "changes", "reason"),
    [
        (read_otherwise, {}, "differ from the recorded ones by up to"),
        (lack_attribute, {}, "can't predict the golden rows"),
        (keep, {"golden": None}, "no recorded scores show"),
    ],
)
def test_a_model_of_another_version_that_does_not_give_its_golden_scores_is_refused_by_name(
    bend: Callable[[Any], None], changes: dict[str, Any], reason: str, champion_world: World, tmp_path: Path
) -> None:
    world = champion_world
    version = register_foreign(world, tmp_path / "model.skops", bend, **changes)
    problem = check_serving(world.config, world.resources, version, fresh=False).problem
    assert reason in problem
    assert f"written by scikit-learn {OTHER}" in problem


@pytest.mark.guarantee(8)
def test_a_model_of_another_version_that_scores_otherwise_can_not_be_put_in_charge(
    champion_world: World, tmp_path: Path
) -> None:
    world = champion_world
    version, before = register_foreign(world, tmp_path / "model.skops", read_otherwise), world.read_state()
    with pytest.raises(NightshiftError, match=rf"can't be promoted.*written by scikit-learn {OTHER}"):
        require_servable(world.config, world.resources, version)
    assert world.read_state() == before


@pytest.mark.guarantee(8)
def test_a_model_of_another_version_that_gives_its_golden_scores_can_be_put_in_charge(
    champion_world: World, tmp_path: Path
) -> None:
    world = champion_world
    version = register_foreign(world, tmp_path / "model.skops", keep)
    report = check_serving(world.config, world.resources, version, fresh=False)
    assert (report.problem, report.difference) == ("", 0.0)
