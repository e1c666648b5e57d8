"""Does the gate tell noise from a better model where the rows of a day are alike? Worlds with a daily effect.

The outcome's logit, or its value, has an effect of the day; so have the scores of a noise model, which know nothing. A
better model is truly two margins above the champion, through the signal alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from nightshift.config.sections.gate import Gate, Slices
from nightshift.core.evaluation.metrics import gain
from nightshift.core.evaluation.weighted_metrics import measure_rows
from nightshift.core.gate import judge
from nightshift.core.gate.champion import GIVEN_UP
from nightshift.core.gate.evidence import Evidence, Served
from nightshift.core.predictors.parity import Parity

ROWS_A_DAY = 200
DEVIATIONS = (0.0, 0.3, 0.5, 0.8, 1.0)
HELD_OUT = (5, 7, 14, 20)
METRICS = {"roc_auc": "binary_classification", "log_loss": "binary_classification", "rmse": "regression"}
FLOORS = {"roc_auc": 0.0, "log_loss": 99.0, "rmse": 99.0}
SERVED = Served("", 0.0, 0.1, 10.0, 500, Parity.of_native("simulated"))


@dataclass(frozen=True)
class World:
    """Held-out rows: the day's effect on the outcome (its standard deviation), days, and what is to be predicted."""

    deviation: float
    days: int
    task: str


@dataclass(frozen=True)
class Drawn:
    """Arrays of shape (rows,): day numbers, outcome, the signal, and the outcome's mean given the signal alone."""

    day: np.ndarray
    target: np.ndarray
    signal: np.ndarray


def draw_world(world: World, generator: np.random.Generator, rows_a_day: int = ROWS_A_DAY) -> Drawn:
    """Independent rows but for the effect of their day."""
    day = np.repeat(np.arange(world.days), rows_a_day)
    signal = generator.normal(size=len(day))
    level = world.deviation * generator.normal(size=world.days)[day] + signal
    if world.task == "regression":
        return Drawn(day, level + generator.normal(size=len(day)), signal)
    return Drawn(day, (generator.random(len(day)) < expit(level - 1.0)).astype(np.float64), signal)


def predict_noise(world: World, drawn: Drawn, generator: np.random.Generator) -> np.ndarray:
    """What knows nothing of the outcome, yet differs by day as features do; near the mean, as a cautious fit is."""
    noise = generator.normal(size=world.days)[drawn.day] + generator.normal(size=len(drawn.day))
    return _scale(world, 0.05 * noise)


def predict_signal(world: World, drawn: Drawn, noise: float, generator: np.random.Generator) -> np.ndarray:
    """The signal seen through noise, shrunk as the best prediction from it is."""
    seen = drawn.signal + noise * generator.normal(size=len(drawn.day))
    return _scale(world, seen / (1 + noise**2))


def _scale(world: World, value: np.ndarray) -> np.ndarray:
    return np.asarray(expit(value - 1.0) if world.task != "regression" else value)


def gather_evidence(drawn: Drawn, candidate: np.ndarray, champion: np.ndarray | None) -> Evidence:
    """As a training run gathers it, with nothing wrong but what the world says."""
    return Evidence(
        target=drawn.target,
        days=np.datetime64("2026-03-01") + drawn.day,
        rows=pd.DataFrame({"signal": drawn.signal}),
        candidate=candidate,
        baseline=np.full(len(drawn.target), drawn.target.mean()),
        champion=champion,
        champion_version=None if champion is None else 1,
        champion_problem="",
        missing_features=(),
        train_value=0.0,
        target_range=(-99.0, 99.0),
        alone={},
        served=SERVED,
    )


def find_champion_noise(task: str, metric: str) -> float:
    """With how much noise the champion sees the signal, for a candidate without any to be two margins better."""
    world = World(0.0, 200, task)
    drawn = draw_world(world, np.random.default_rng(1), 2_000)
    naive = measure_rows(metric, drawn.target, np.full(len(drawn.target), drawn.target.mean()))
    best = measure_rows(metric, drawn.target, predict_signal(world, drawn, 0.0, np.random.default_rng(2)))
    low, high = 0.0, 2.0
    for _ in range(12):
        middle = (low + high) / 2
        champion = measure_rows(metric, drawn.target, predict_signal(world, drawn, middle, np.random.default_rng(2)))
        enough = gain(metric, best, champion) > 2 * GIVEN_UP * gain(metric, champion, naive)
        low, high = (low, middle) if enough else (middle, high)
    return (low + high) / 2


def count_promoted(
    world: World, metric: str, gate: Gate, count: int, seed: int, champion_noise: float | None = None
) -> int:
    """Of `count` candidates: noise models without a champion, or better models against one."""
    promoted = 0
    for number in range(count):
        generator = np.random.default_rng([seed, number, world.days, int(10 * world.deviation)])
        drawn = draw_world(world, generator)
        if champion_noise is None:
            evidence = gather_evidence(drawn, predict_noise(world, drawn, generator), None)
        else:
            champion = predict_signal(world, drawn, champion_noise, generator)
            evidence = gather_evidence(drawn, predict_signal(world, drawn, 0.0, generator), champion)
        decision, _ = judge(evidence, gate, world.task, metric, number)
        promoted += decision == "promote"
    return promoted


def measure(count: int, seed: int) -> list[dict[str, Any]]:
    """Of `count` each: noise promoted without a champion, and better models promoted, or proven better, at 14 days."""
    found = []
    for metric, task in METRICS.items():
        noise = find_champion_noise(task, metric)
        gate = Gate(floor=FLOORS[metric], calibration_error=None, resamples=200, slices=Slices(find_weak=False))
        by_rows, superior = (
            gate.model_copy(update=change) for change in ({"resample": "rows"}, {"policy": "superior"})
        )
        for deviation in DEVIATIONS:
            line: dict[str, Any] = {"metric": metric, "deviation of days": deviation}
            for days in HELD_OUT:
                world = World(deviation, days, task)
                now, before = (count_promoted(world, metric, each, count, seed) for each in (gate, by_rows))
                line[f"noise, {days} days"] = f"{now} (rows: {before})"
            world = World(deviation, 14, task)
            line["better: promoted"] = count_promoted(world, metric, gate, count, seed, noise)
            line["better: `superior`"] = count_promoted(world, metric, superior, count, seed, noise)
            found.append(line)
    return found
