"""Two hundred nights with random faults; and what makes such a run repeatable."""

import os
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.scheduler.chaos import run_chaos
from tests.faults.scheduler.chaos_plan import AFTERWARDS, FIRST, draw_plan


def read_number(name: str, default: int) -> int:
    """NIGHTSHIFT_CHAOS_{name}."""
    return int(os.environ.get(f"NIGHTSHIFT_CHAOS_{name}") or default)


def test_a_seed_names_a_plan() -> None:
    assert draw_plan(7, 200, 25) == draw_plan(7, 200, 25)
    assert draw_plan(7, 200, 25) != draw_plan(8, 200, 25)


def test_a_plan_has_every_night_once_and_strikes_no_earlier_night_twice() -> None:
    waves = draw_plan(7, 200, 25)
    assert sorted(night for wave in waves for night in wave.nights) == [FIRST + timedelta(days=n) for n in range(200)]
    for before, wave in zip([(), *(wave.nights for wave in waves)], waves, strict=False):
        assert sum(fault.kind in AFTERWARDS for fault in wave.faults) <= len(before)


@pytest.mark.e2e
@pytest.mark.thorough
@pytest.mark.guarantee(1, 2, 3, 6, 10, 11, 13, 14, 20)
@pytest.mark.timeout(2400)
def test_two_hundred_nights_with_random_faults_lose_and_double_nothing(
    tmp_path: Path, observe: Callable[..., None]
) -> None:
    seed, nights = read_number("SEED", random.SystemRandom().randrange(10**6)), read_number("NIGHTS", 200)
    history = tmp_path / f"chaos-{seed}.jsonl"
    print(f"NIGHTSHIFT_CHAOS_SEED={seed}, history: {history}")
    size, parallel = read_number("WAVE", 40), read_number("PARALLEL", 6)
    chaos = run_chaos(seed, nights, size, parallel, read_number("MINUTES", 36), history)
    print(f"struck: {dict(chaos.hit)}, struck nothing: {dict(chaos.missed)}")
    observe(**chaos.counts)
    assert chaos.counts["nights"] == nights, f"only {chaos.counts['nights']} nights in the time; see {history}"
