"""Does calibration ever do harm? Validation blocks and held-out rows of worlds whose true probabilities are known.

`before` is what was done until 0.2: any slope, and isotonic steps from 100 rows on.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from nightshift.core.training.calibration import Block, choose_calibration, correct_scores

HELD_OUT = 20_000
# Logit of the true probability from that of the score, by block: what the model believes and what is.
Curve = Callable[[np.ndarray, int], np.ndarray]
WORLDS: dict[str, Curve] = {
    "right": lambda score, block: score,
    "overconfident": lambda score, block: 0.3 * score,
    "a step": lambda score, block: np.where(score > 0, 0.9, -0.9),
    "ranking lost, then found": lambda score, block: (-0.6, -0.4, 0.2, 0.9)[block] * score,
    "ranking weak": lambda score, block: 0.1 * score - 1.0,
    "rare outcome": lambda score, block: 0.5 * score - 4.0,
}
SIZES = (100, 300, 1_000, 3_000)


def draw_block(curve: Curve, block: int, rows: int, generator: np.random.Generator) -> Block:
    """Outcomes and scores of one block."""
    score = 1.5 * generator.normal(size=rows)
    return (generator.random(rows) < expit(curve(score, block))).astype(np.float64), expit(score)


def correct_as_before(blocks: list[Block], scores: np.ndarray) -> np.ndarray:
    """The scores of held-out rows as 0.1 corrected them."""
    earlier = [np.concatenate(column) for column in zip(*blocks[:-1], strict=True)]
    every = [np.concatenate(column) for column in zip(*blocks, strict=True)]
    if min(len(np.unique(target)) for target in (earlier[0], blocks[-1][0])) < 2:
        return scores
    target, predicted = blocks[-1]
    losses = {"none": 0.99 * log_loss(target, predicted)}
    for name, fit in FITS.items():
        losses[name] = log_loss(target, fit(*earlier)(predicted))
    best = min(losses, key=lambda name: losses[name])
    return scores if best == "none" else FITS[best](*every)(scores)


def _fit_any_slope(target: np.ndarray, predicted: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    model = LogisticRegression(C=1000.0, max_iter=500).fit(logit(predicted).reshape(-1, 1), target)
    return lambda scores: np.asarray(model.predict_proba(logit(scores).reshape(-1, 1))[:, 1])


def _fit_steps(target: np.ndarray, predicted: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    bound = 1.0 / (len(target) + 2)
    model = IsotonicRegression(y_min=bound, y_max=1.0 - bound, out_of_bounds="clip").fit(predicted, target)
    return lambda scores: np.asarray(model.predict(scores))


FITS = {"sigmoid": _fit_any_slope, "isotonic": _fit_steps}


def measure(count: int, seed: int) -> list[dict[str, Any]]:
    """Per world and rows a block: how often held-out AUC or log loss gets worse by 1 %, and distinct scores left."""
    found = []
    for name, curve in WORLDS.items():
        for rows in SIZES:
            tallies: dict[str, list[tuple[bool, bool, float, float]]] = {"before": [], "now": []}
            for number in range(count):
                generator = np.random.default_rng([seed, rows, number])
                blocks = [draw_block(curve, block, rows, generator) for block in range(3)]
                target, scores = draw_block(curve, 3, HELD_OUT, generator)
                chosen = choose_calibration("auto", blocks, "roc_auc")
                corrected = {
                    "before": correct_as_before(blocks, scores),
                    "now": correct_scores(chosen.method, chosen.calibrator, scores),
                }
                for when, after in corrected.items():
                    tallies[when].append(compare(target, scores, after))
            line = {"world": name, "rows a block": rows, **describe("before", tallies["before"])}
            found.append({**line, **describe("now", tallies["now"])})
    return found


def compare(target: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[bool, bool, float, float]:
    """Whether AUC and log loss are worse by 1 %, the share of distinct scores left, and the gain of log loss."""
    plain, loss = roc_auc_score(target, before), log_loss(target, before)
    worse = roc_auc_score(target, after) < plain - 0.01 * plain
    gained = (loss - log_loss(target, after)) / loss
    return worse, gained < -0.01, len(np.unique(after)) / len(np.unique(before)), gained


def describe(when: str, tallies: list[tuple[bool, bool, float, float]]) -> dict[str, Any]:
    """One side's cells."""
    worse, lost, distinct, gained = (np.array(column) for column in zip(*tallies, strict=True))
    return {
        f"AUC worse, {when}": int(worse.sum()),
        f"log loss worse, {when}": int(lost.sum()),
        f"least distinct, {when}": f"{distinct.min():.1%}",
        f"log loss gained, {when}": f"{gained.mean():+.1%}",
    }
