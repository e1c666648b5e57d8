"""The registry under contention: numbers are given once, and one version is in charge."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from include.io.lake import ObjectRef
from include.io.registry import ChampionChanged, NewVersion, find_champion, find_version, promote, register_version
from include.steps.train import promote_candidate
from tests.integration.kit import PIPELINE, World

DAY = date(2026, 1, 5)


def register(world: World, run_id: str) -> int:
    ref = ObjectRef(f"file:///nowhere/{run_id}", "0" * 64, 0)
    new = NewVersion(
        run_id=run_id, artifact=ref, reference=ref, config_sha256="c", code_version="d", train_from=DAY, train_to=DAY,
        holdout_from=DAY, holdout_to=DAY, rows=1, estimator="logistic", parameters={}, features={}, inputs={}, seed=7,
        metrics={},
    )  # fmt: skip
    with world.warehouse.begin() as connection:
        return register_version(connection, PIPELINE, new)


def promote_to(world: World, version: int, expected: int | None) -> bool:
    """Whether it was not refused."""
    try:
        with world.warehouse.begin() as connection:
            promote(connection, PIPELINE, version, expected, "tests", "because", None)
    except ChampionChanged:
        return False
    return True


def do_at_once(actions: list[Callable[[], Any]]) -> list[Any]:
    barrier = threading.Barrier(len(actions))

    def start(action: Callable[[], Any]) -> Any:
        barrier.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(start, actions))


@pytest.mark.parametrize("has_champion", [False, True])
def test_sixteen_promotions_at_once_make_one_champion_and_one_record(world: World, has_champion: bool) -> None:
    versions = [register(world, f"run-{number}") for number in range(17)]
    expected = versions[16] if has_champion else None
    if expected:
        assert promote_to(world, expected, None)
    # Fewer connections than promoters: some wait for the pool, and find a champion when their turn comes.
    results = do_at_once([lambda v=version: promote_to(world, v, expected) for version in versions[:16]])
    assert results.count(True) == 1
    winner = versions[results.index(True)]
    assert world.ask("select pipeline, version from ml.champions") == [(PIPELINE, winner)]
    records = world.ask("select version, previous_version from ml.promotions order by id")
    assert records[-1] == (winner, expected)
    assert len(records) == 1 + has_champion


def test_promoting_the_champion_again_adds_nothing(world: World) -> None:
    version = register(world, "run")
    assert promote_to(world, version, None)
    before = world.read_state()
    assert promote_to(world, version, None)
    assert world.read_state() == before


def test_a_candidate_judged_against_a_former_champion_is_stopped(world: World) -> None:
    first, second, third = (register(world, f"run-{number}") for number in range(3))
    assert promote_to(world, first, None)
    assert promote_to(world, second, first)
    before = world.read_state()
    judged = {"decision": "promote", "champion_version": first, "gate_decision_id": None, "reason": "better"}
    outcome = promote_candidate(world.config, world.resources, third, judged, "tests", "because")
    assert outcome.status == "stopped"
    assert "the champion is version 2 now" in outcome.reason
    assert world.read_state() == before


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
