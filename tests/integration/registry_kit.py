"""Versions without a model behind them, for tests that look at the registry alone."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import date
from typing import Any

from nightshift.io.lake.base import ObjectRef
from nightshift.io.registry import (
    ChampionChanged,
    NewVersion,
    PromotionKind,
    PromotionRequest,
    find_version,
    promote,
    register_version,
)
from tests.integration.kit import PIPELINE, World

DAY = date(2026, 1, 5)
NO_FEATURES: dict[str, list[str]] = {"numeric": [], "categorical": []}


def register(world: World, run_id: str) -> int:
    """The number of a version of that run."""
    ref = ObjectRef(f"file:///nowhere/{run_id}", "0" * 64, 0)
    new = NewVersion(
        run_id=run_id, artifact=ref, reference=ref, config_sha256="c", code_version="d", train_from=DAY, train_to=DAY,
        holdout_from=DAY, holdout_to=DAY, rows=1, estimator="logistic", parameters={}, features=NO_FEATURES,
        inputs={}, seed=7, metrics={},
    )  # fmt: skip
    with world.warehouse.begin() as connection:
        return register_version(connection, PIPELINE, new)


def copy_version(world: World, run_id: str, **changes: Any) -> int:
    """The number of a version with the model of version 1: it can score, so it can be put in charge."""
    with world.warehouse.begin() as connection:
        first = find_version(connection, PIPELINE, 1)
        known = {field.name: getattr(first, field.name) for field in fields(NewVersion)}
        return register_version(connection, PIPELINE, NewVersion(**{**known, "run_id": run_id, **changes}))


def promote_to(world: World, version: int, expected: int | None, kind: PromotionKind = "gate") -> bool:
    """Whether it was not refused."""
    try:
        with world.warehouse.begin() as connection:
            promote(connection, PIPELINE, PromotionRequest(version, expected, "tests", "because", None, kind=kind))
    except ChampionChanged:
        return False
    return True


def do_at_once(actions: list[Callable[[], Any]]) -> list[Any]:
    """What the actions return, each in a thread of its own."""
    barrier = threading.Barrier(len(actions))

    def start(action: Callable[[], Any]) -> Any:
        barrier.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(start, actions))
