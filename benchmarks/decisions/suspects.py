"""Are leaks below the certain ones told? Tables as of a hotel, a bank and an inspection, with and without a leak."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from nightshift.core.evaluation.single_feature import measure_single_features
from nightshift.core.gate.suspects import find_suspect
from nightshift.extension.tasks import BINARY

ROWS = 4_000


@dataclass(frozen=True)
class Table:
    """Effects of the honest features on the log odds, the outcome's level, and how a leaking column follows it.

    `leak`: the chance that a flag is set, without and with the outcome; or the shift of a number in deviations.
    """

    effects: tuple[float, ...]
    level: float
    leak: tuple[float, float] | float


TABLES = {
    "hotel, cancelled: a flag set afterwards": Table((0.8, 0.6, 0.5, 0.4, 0.3, 0.2), -0.6, (0.02, 0.75)),
    "bank, signed: the call's duration": Table((0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1), -2.2, 1.8),
    "inspection, failed: a later visit": Table((0.6, 0.5, 0.4, 0.3, 0.2), -1.4, (0.1, 0.8)),
    "one honest feature is strong": Table((1.3, 0.8, 0.6, 0.4), -0.5, 1.5),
    "one honest feature is all there is": Table((2.0, 0.2, 0.1), -0.5, 2.5),
}


def draw_table(table: Table, leaks: bool, generator: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows and outcomes."""
    inputs = generator.normal(size=(ROWS, len(table.effects)))
    target = (generator.random(ROWS) < expit(inputs @ np.array(table.effects) + table.level)).astype(np.float64)
    frame = pd.DataFrame(inputs, columns=[f"x{number}" for number in range(len(table.effects))])
    if leaks and isinstance(table.leak, tuple):
        without, with_outcome = table.leak
        frame["leak"] = (generator.random(ROWS) < np.where(target == 1, with_outcome, without)).astype(np.float64)
    elif leaks:
        frame["leak"] = generator.normal(size=ROWS) + table.leak * target
    return frame, target


def find_told(table: Table, leaks: bool, seed: int) -> tuple[str | None, float]:
    """The feature that is told, and what the strongest reaches alone."""
    frame, target = draw_table(table, leaks, np.random.default_rng(seed))
    half, names = ROWS // 2, list(frame.columns)
    fitted, held = (frame[:half], target[:half]), (frame[half:].reset_index(drop=True), target[half:])
    alone = measure_single_features(fitted, held, names, [], BINARY, seed)
    strengths = {name: 2 * abs(value - 0.5) for name, value in alone.items()}
    return find_suspect(strengths, ()), max(alone.values())


def measure(count: int, seed: int) -> list[dict[str, Any]]:
    """Per table, of `count`: how often the leak is told, and how often an honest feature is without one."""
    found = []
    for name, table in TABLES.items():
        with_leak, without = (
            [find_told(table, leaks, 1_000 * seed + number) for number in range(count)] for leaks in (True, False)
        )
        found.append(
            {
                "table": name,
                "leak told": sum(told == "leak" for told, _ in with_leak),
                "leak alone, ROC AUC": f"{np.mean([value for _, value in with_leak]):.3f}",
                "told without a leak": sum(told is not None for told, _ in without),
                "strongest honest feature": f"{np.mean([value for _, value in without]):.3f}",
            }
        )
    return found
