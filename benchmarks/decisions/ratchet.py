"""Do small losses add up? 25 candidates in a row, each fitted a little worse than the one before, or as good.

The table is half-hourly: 14 held-out days of 48 rows. `before` compares with the champion alone, as 0.2 did.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.decisions.gate_days import World, draw_world, gather_evidence, predict_signal
from nightshift.config.sections.gate import Gate
from nightshift.core.evaluation.weighted_metrics import measure_rows
from nightshift.core.gate.best_champion import Succession, check_best_champion, find_best_champion
from nightshift.core.gate.case import GateCase
from nightshift.core.gate.champion import GIVEN_UP, check_champion

NIGHTS, DAYS, ROWS_A_DAY = 25, 14, 48
TASK, METRIC = "regression", "r2"
# How much more noise each candidate sees than the one before it, by world.
STEPS = {"each a little worse": 0.02, "all equal": 0.0}
BEST_NOISE = 0.1


def run_series(step: float, keeps_best: bool, seed: int) -> tuple[int, float]:
    """How many were promoted in 25 nights, and the last champion's noise."""
    noises, champion, successions = [BEST_NOISE], 0, [Succession(0, None, None)]
    gate = Gate(floor=0.0, resamples=200)
    for night in range(1, NIGHTS + 1):
        generator = np.random.default_rng([seed, night])
        world = World(0.0, DAYS, TASK)
        drawn = draw_world(world, generator, ROWS_A_DAY)
        # Models that were fitted on nearly the same rows err alike.
        shared = generator.integers(2**32)
        noises.append(noises[champion] + step)
        best = find_best_champion(champion, reversed(successions))
        scores = {
            number: predict_signal(world, drawn, noises[number], np.random.default_rng(shared))
            for number in {night, champion, best}
        }
        evidence = gather_evidence(drawn, scores[night], scores[champion])
        if best != champion:
            evidence = replace(evidence, best=scores[best], best_version=best)
        case = GateCase(evidence, gate, TASK, METRIC, night)
        rule, kept_best = check_champion(case), check_best_champion(case) if keeps_best else None
        if rule.passed and (kept_best is None or kept_best.passed):
            successions.append(Succession(night, champion, rule.figures["gain_low"]))
            champion = night
    return len(successions) - 1, noises[champion]


def measure_truth(noise: float) -> float:
    """The true metric of a model that sees the signal through so much noise."""
    world = World(0.0, 100, TASK)
    drawn = draw_world(world, np.random.default_rng(1), 2_000)
    return measure_rows(METRIC, drawn.target, predict_signal(world, drawn, noise, np.random.default_rng(2)))


def measure(count: int, seed: int) -> list[dict[str, Any]]:
    """Per world, over `count` series: promotions, what the last champion lost in truth, in margins, and the worst."""
    start, found = measure_truth(BEST_NOISE), []
    for name, step in STEPS.items():
        line: dict[str, Any] = {"candidates": name}
        for when, keeps_best in (("before", False), ("now", True)):
            runs = [run_series(step, keeps_best, 1_000 * seed + number) for number in range(count)]
            lost = [(start - measure_truth(noise)) / (GIVEN_UP * start) for _, noise in runs]
            line[f"promoted of {NIGHTS}, {when}"] = float(np.mean([promoted for promoted, _ in runs]))
            line[f"margins lost, {when}"] = f"{np.mean(lost):.2f} (at most {np.max(lost):.2f})"
        found.append(line)
    return found
