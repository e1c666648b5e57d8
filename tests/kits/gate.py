"""Evidence that passes every rule of the gate, for tests to bend."""

from typing import Any

import numpy as np
import pandas as pd

from nightshift.config.sections.gate import Gate
from nightshift.core.gate import Evidence, Rule, Served
from nightshift.core.predictors import Parity

ROWS = 1_000
GOOD_PARITY = Parity("tables", "a" * 64, 0.0, 4500, "golden rows", "")
GOOD_SERVED = Served(
    problem="", difference=0.0, seconds=0.1, megabytes=20.0, rows=500, parity=GOOD_PARITY, recorded="a" * 64
)


def make_gate(**changes: Any) -> Gate:
    """Few resamples: the tests ask for verdicts, not for digits."""
    return Gate(**{"floor": 0.6, "resamples": 200, "min_rows": 100, **changes})


def draw_signal(rows: int = ROWS, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A binary target, and a number that goes along with it."""
    generator = np.random.default_rng(seed)
    signal = generator.normal(size=rows)
    return (signal + generator.normal(size=rows) > 0.5).astype(float), signal


def squash(signal: np.ndarray) -> np.ndarray:
    """As probabilities: exactly those of draw_signal's target."""
    from scipy.special import ndtr

    return np.asarray(ndtr(signal - 0.5))


def blur(signal: np.ndarray, noise: float, seed: int = 2) -> np.ndarray:
    """What a model predicts that sees the signal through noise."""
    return squash(signal + noise * np.random.default_rng(seed).normal(size=len(signal)))


def make_rows(rows: int = ROWS) -> pd.DataFrame:
    """Features that know nothing."""
    generator = np.random.default_rng(3)
    shops = np.array(["a", "b", "c", "d"], dtype=object)[np.arange(rows) % 4]
    return pd.DataFrame({"shop": shops, "spent": generator.normal(size=rows)})


def make_evidence(**changes: Any) -> Evidence:
    """A candidate that is clearly better than the champion."""
    rows = len(changes.get("target", range(ROWS)))
    target, signal = draw_signal(rows)
    values: dict[str, Any] = {
        "target": target,
        "days": np.datetime64("2026-01-01") + np.arange(rows) * 14 // max(rows, 1),
        "rows": make_rows(rows),
        "candidate": squash(signal),
        "baseline": np.full(rows, 0.4),
        "champion": blur(signal, 1.0),
        "champion_version": 3,
        "champion_problem": "",
        "missing_features": (),
        "train_value": 0.85,
        "target_range": (0.0, 1.0),
        "alone": {"spent": 0.6, "shop": 0.5},
        "served": GOOD_SERVED,
    }
    return Evidence(**{**values, **changes})


def find(rules: tuple[Rule, ...], name: str) -> Rule:
    """The rule of that name."""
    return next(rule for rule in rules if rule.name == name)
