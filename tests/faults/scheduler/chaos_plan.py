"""What goes wrong, and when: drawn from the seed before anything runs, so that a seed names a plan.

Not in the plan is what only the run can tell: which process does what at that moment. A fault names its victim by
number among those that run then, so the same seed strikes at the same seconds, not at the same line of code.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

FIRST = date(2027, 1, 1)
# How often each fault is drawn, against the others.
WEIGHTS: Mapping[str, int] = {
    "kill_task": 6,
    "kill_supervisor": 4,
    "pause": 2,
    "pause_past_timeout": 2,
    "cut_connection": 4,
    "lake_fails": 2,
    "kill_scheduler": 1,
    "second_scheduler": 1,
    "trigger_again": 3,
    "clear_task": 3,
    "bad_batch": 2,
    "late_file": 2,
}
# So many for each night of a wave is it struck: while it runs, on two idle cores.
SECONDS = 2.0
# These take half a minute each, so a wave has one of them at most.
COSTLY = {"kill_scheduler", "second_scheduler", "pause_past_timeout"}
# Of nights that are through: each of the earlier wave is struck once at most, so that the outcome is known.
AFTERWARDS = {"clear_task", "bad_batch", "late_file"}


@dataclass(frozen=True)
class Fault:
    """`kind` strikes `after` seconds of the wave; `victim` counts among those that can be struck then."""

    kind: str
    after: float
    victim: int


@dataclass(frozen=True)
class Wave:
    """Nights that run at the same time, in the order of their triggers, and what happens meanwhile."""

    nights: tuple[date, ...]
    faults: tuple[Fault, ...]


def draw_plan(seed: int, nights: int, size: int) -> list[Wave]:
    """Waves of `size` nights, with a fault for every second night; the same arguments give the same plan."""
    generator = random.Random(seed)
    waves = []
    for begin in range(0, nights, size):
        days = [FIRST + timedelta(days=number) for number in range(begin, min(begin + size, nights))]
        generator.shuffle(days)
        waves.append(Wave(tuple(days), _draw_faults(generator, len(days), first=begin == 0)))
    return waves


def _draw_faults(generator: random.Random, nights: int, first: bool) -> tuple[Fault, ...]:
    drawn: list[Fault] = []
    while len(drawn) < nights // 2:
        kind = generator.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        after, victim = round(generator.uniform(1, nights * SECONDS), 1), generator.randrange(1000)
        taken = COSTLY.intersection(fault.kind for fault in drawn)
        if not (kind in COSTLY and taken) and not (kind in AFTERWARDS and first):
            drawn.append(Fault(kind, after, victim))
    return tuple(sorted(drawn, key=lambda fault: fault.after))
