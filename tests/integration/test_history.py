"""Who was in charge when, and a history that only grows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from nightshift.errors import NightshiftError
from nightshift.io.registry import find_champion_at, list_promotions
from tests.integration.kit import PIPELINE, World
from tests.integration.registry_kit import promote_to, register

TICK = timedelta(microseconds=1)
HISTORY = ("ml.promotions", "ml.gate_decisions", "ml.model_versions", "ml.trials", "ml.ledger_history")


def find_at(world: World, at: datetime, pipeline: str = PIPELINE) -> int | None:
    """The champion of that time, asked through SQL and through the registry."""
    ((asked,),) = world.ask("select ml.champion_at(:pipeline, :at)", pipeline=pipeline, at=at)
    with world.warehouse.begin() as connection:
        found = find_champion_at(connection, pipeline, at)
    assert asked == (found.version if found else None)
    return found.version if found else None


def promote_all(world: World, *steps: tuple[int, Any]) -> list[datetime]:
    """Promote one after the other; when each took over."""
    champion = None
    for version, kind in steps:
        assert promote_to(world, version, champion, kind)
        champion = version
    with world.warehouse.begin() as connection:
        return [promotion.promoted_at for promotion in list_promotions(connection, PIPELINE)]


def test_the_champion_of_a_time_is_the_last_one_promoted_until_then(world: World) -> None:
    for number in range(3):
        register(world, f"run-{number}")
    times = promote_all(world, (1, "gate"), (2, "manual"), (3, "gate"), (2, "rollback"))
    assert find_at(world, times[0] - TICK) is None
    for moment, version in zip(times, (1, 2, 3, 2), strict=True):
        assert find_at(world, moment) == version
    for moment, version in zip(times[1:], (1, 2, 3), strict=True):
        assert find_at(world, moment - TICK) == version
    assert find_at(world, datetime.now(UTC) + timedelta(days=999)) == 2


def test_two_promotions_of_the_same_second_are_told_apart(world: World) -> None:
    for number in range(2):
        register(world, f"run-{number}")
    world.ask("select pg_sleep(1.0 - extract(microsecond from clock_timestamp())::int % 1000000 / 1000000.0)")
    times = promote_all(world, (1, "gate"), (2, "gate"))
    assert times[0].replace(microsecond=0) == times[1].replace(microsecond=0)
    assert [find_at(world, times[1] - TICK), find_at(world, times[1])] == [1, 2]


def test_of_two_promotions_at_the_very_same_time_the_later_row_counts(world: World) -> None:
    for number in range(2):
        register(world, f"run-{number}")
    times = promote_all(world, (1, "gate"), (2, "gate"))
    world.change_history("ml.promotions", "update ml.promotions set promoted_at = :at", at=times[0])
    assert find_at(world, times[0]) == 2


def test_a_pipeline_that_never_had_a_champion_has_none_at_any_time(world: World) -> None:
    register(world, "run")
    promote_all(world, (1, "gate"))
    assert find_at(world, datetime.now(UTC), "others") is None
    assert find_at(world, datetime.now(UTC), "it's; drop table ml.promotions") is None


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize("change", ["update {} set pipeline = 'x'", "delete from {}", "truncate {} cascade"])
def test_history_refuses_to_be_changed(world: World, table: str, change: str) -> None:
    register(world, "run")
    promote_all(world, (1, "gate"))
    before = world.read_state()
    with pytest.raises(NightshiftError, match="is history: rows are added, never changed or removed"):
        world.change(change.format(table))
    assert world.read_state() == before


def test_the_champion_can_not_be_changed_without_its_promotion(world: World) -> None:
    for number in range(2):
        register(world, f"run-{number}")
    with pytest.raises(DBAPIError, match="changes only together with its row"):
        world.change("insert into ml.champions (pipeline, version) values (:name, 1)", name=PIPELINE)
    promote_all(world, (1, "gate"))
    before = world.read_state()
    for change in ("version = 2", "version = 2, since = now()", "promotion_id = null", "pipeline = 'others'"):
        with pytest.raises(DBAPIError, match="changes only together with its row"):
            world.change(f"update ml.champions set {change}")
    for change in ("delete from ml.champions", "truncate ml.champions"):
        with pytest.raises(NightshiftError, match="is history"):
            world.change(change)
    assert world.read_state() == before


def test_an_older_promotion_can_not_be_used_a_second_time(world: World) -> None:
    """Going back is a promotion of its own, so that the history says so."""
    for number in range(2):
        register(world, f"run-{number}")
    promote_all(world, (1, "gate"), (2, "gate"), (1, "rollback"))
    older = "select version, id from ml.promotions where id = :id"
    for identity in (1, 2):
        with pytest.raises(DBAPIError, match="changes only together with"):
            world.change(f"update ml.champions set (version, promotion_id) = ({older})", id=identity)
