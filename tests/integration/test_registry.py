"""The registry under contention: numbers are given once, and one version is in charge."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import create_engine

from nightshift.errors import NightshiftError
from nightshift.io.registry import ChampionChanged, PromotionRequest, find_champion, find_version, promote
from nightshift.io.resources import Resources
from nightshift.io.warehouse.engine import Warehouse
from nightshift.steps.registry import promotions
from nightshift.steps.registry.promotions import promote_by_hand
from tests.integration.kit import PIPELINE, World
from tests.integration.registry_kit import do_at_once, promote_to, register

PROMOTERS, ROUNDS = 16, 100


@contextmanager
def connect_all(world: World) -> Iterator[World]:
    """The same world with a connection for each promoter, so that none waits for the pool."""
    engine = create_engine(world.warehouse.engine.url, pool_size=PROMOTERS)
    warehouse = Warehouse(engine, world.warehouse.conn_id)
    try:
        yield replace(world, resources=Resources(warehouse, world.lake, world.resources.get_connection))
    finally:
        engine.dispose()


def check_chain(world: World, promoted: int) -> None:
    """So many promotions, each from the version before it, and the champion is where the last one led."""
    history = world.ask("select version, previous_version, id from ml.promotions order by promoted_at, id")
    assert len(history) == promoted
    assert [previous for _, previous, _ in history] == [None, *(version for version, *_ in history[:-1])]
    assert [identity for *_, identity in history] == sorted(identity for *_, identity in history)
    assert world.ask("select pipeline, version, promotion_id from ml.champions") == [
        (PIPELINE, history[-1][0], history[-1][2])
    ]


@pytest.mark.guarantee(6)
def test_of_sixteen_promotions_at_once_one_wins_a_hundred_times_in_a_row(world: World) -> None:
    versions = [register(world, f"run-{number}") for number in range(PROMOTERS + 1)]
    champion = None
    with connect_all(world) as connected:
        for turn in range(ROUNDS):
            candidates = [version for version in versions if version != champion][:PROMOTERS]
            actions = [lambda v=version: promote_to(connected, v, champion) for version in candidates]  # noqa: B023
            results = do_at_once(actions)
            assert results.count(True) == 1
            champion = candidates[results.index(True)]
            assert world.ask("select version from ml.champions") == [(champion,)]
            check_chain(world, turn + 1)


@pytest.mark.guarantee(6)
def test_with_more_promoters_than_connections_still_one_wins(world: World) -> None:
    """Some wait for the pool, and find a champion when their turn comes."""
    versions = [register(world, f"run-{number}") for number in range(PROMOTERS * 2)]
    assert do_at_once([lambda v=version: promote_to(world, v, None) for version in versions]).count(True) == 1
    check_chain(world, 1)


@pytest.mark.guarantee(6)
def test_promotions_by_hand_at_once_make_a_chain(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reads the champion first: whoever was overtaken between reading and writing is told so."""
    monkeypatch.setattr(promotions, "require_servable", lambda *_: None)
    versions = [register(world, f"run-{number}") for number in range(PROMOTERS)]
    with connect_all(world) as connected:

        def choose(version: int) -> str:
            return promote_by_hand(connected.config, connected.resources, version, "ada", "a hunch").status

        results = do_at_once([lambda v=version: choose(v) for version in versions])
    assert set(results) <= {"done", "stopped"}
    assert results.count("done") >= 1
    check_chain(world, results.count("done"))


def test_promoting_by_hand_says_what_it_replaced_and_twice_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promotions, "require_servable", lambda *_: None)
    first, second = register(world, "first"), register(world, "second")
    assert promote_to(world, first, None)
    outcome = promote_by_hand(world.config, world.resources, second, "ada", "  looked at the slices ")
    assert (outcome.status, outcome.figures) == ("done", {"version": 2, "previous_version": 1, "changed": True})
    kept = "select version, previous_version, kind, promoted_by, reason, approved_by from ml.promotions order by id"
    assert world.ask(kept)[-1] == (2, 1, "manual", "ada", "looked at the slices", None)
    before = world.read_state()
    again = promote_by_hand(world.config, world.resources, second, "ada", "again")
    assert (again.status, again.figures["changed"]) == ("done", False)
    assert "already is the champion" in again.reason
    assert world.read_state() == before


@pytest.mark.parametrize("version", [3, 0, 2**40])
def test_a_version_that_does_not_exist_is_refused_with_those_that_do(world: World, version: int) -> None:
    for number in range(2):
        register(world, f"run-{number}")
    with pytest.raises(NightshiftError, match=rf"no model version {version}; there is 1 to 2"):
        promote_by_hand(world.config, world.resources, version, "ada", "a hunch")


@pytest.mark.parametrize("reason", ["", " \n", "x" * 1001])
def test_a_promotion_needs_a_reason_of_reasonable_length(world: World, reason: str) -> None:
    version = register(world, "run")
    with pytest.raises(NightshiftError, match="reason"):
        promote_by_hand(world.config, world.resources, version, "ada", reason)
    assert world.ask("select * from ml.champions") == []


@pytest.mark.guarantee(8)
def test_a_version_that_can_not_score_is_not_promoted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NightshiftError("version 1 gives other scores than when it was trained")

    monkeypatch.setattr(promotions, "require_servable", refuse)
    with pytest.raises(NightshiftError, match="other scores"):
        promote_by_hand(world.config, world.resources, register(world, "run"), "ada", "a hunch")
    assert world.ask("select * from ml.promotions") == []


def test_promoting_the_champion_again_adds_nothing(world: World) -> None:
    version = register(world, "run")
    assert promote_to(world, version, None)
    before = world.read_state()
    assert promote_to(world, version, None)
    assert world.read_state() == before


@pytest.mark.guarantee(6)
def test_a_promotion_that_expects_a_former_champion_is_refused_and_changes_nothing(world: World) -> None:
    first, second, third = (register(world, f"run-{number}") for number in range(3))
    assert promote_to(world, first, None)
    assert promote_to(world, second, first)
    before = world.read_state()
    with (
        pytest.raises(ChampionChanged, match="the champion is version 2 now, but 1 was expected"),
        world.warehouse.begin() as connection,
    ):
        promote(connection, PIPELINE, PromotionRequest(third, first, "tests", "because", None))
    assert world.read_state() == before


@pytest.mark.guarantee(2)
def test_every_run_gets_one_number_however_often_it_asks(world: World) -> None:
    runs = [f"run-{number % 4}" for number in range(12)]
    found = do_at_once([lambda r=run: register(world, r) for run in runs])
    assert sorted(set(found)) == [1, 2, 3, 4]
    assert {run: {number for name, number in zip(runs, found, strict=True) if name == run} for run in runs} == {
        run: {found[runs.index(run)]} for run in runs
    }


def test_other_pipelines_have_numbers_and_a_champion_of_their_own(world: World) -> None:
    version = register(world, "run")
    assert promote_to(world, version, None)
    with world.warehouse.begin() as connection:
        assert find_champion(connection, "others") is None
        assert find_version(connection, "others", version) is None
