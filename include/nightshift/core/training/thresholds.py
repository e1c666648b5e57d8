"""From which score on a row is decided true. Chosen on validation data, among all cuts that tell their rows apart.

All rules look at the ranking alone; see C. Elkan: The Foundations of Cost-Sensitive Learning, IJCAI 2001, for why the
cut is searched on data instead of computed from the costs: that needs probabilities that are exactly right.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nightshift.config.sections.decision import (
    CostRule,
    DecisionRule,
    FBetaRule,
    FixedThreshold,
    RecallAtPrecisionRule,
    TopShareRule,
)


@dataclass(frozen=True)
class Cuts:
    """Every way to cut the ranking, from deciding no row true to all of them; rows of equal score stay together.

    Arrays of shape (distinct scores + 1,), by falling threshold.
    """

    thresholds: np.ndarray
    decided: np.ndarray
    hits: np.ndarray
    positives: int
    rows: int


def list_cuts(target: np.ndarray, scores: np.ndarray) -> Cuts:
    """The cuts of `scores` (float64 in [0, 1], shape (rows,)) against `target` (0.0 or 1.0). ValueError without rows.

    A threshold lies halfway between two scores, so a last digit that differs on another machine changes no decision.
    """
    if not len(scores):
        raise ValueError("a decision threshold can't be chosen without validation rows")
    levels, group = np.unique(-scores, return_inverse=True)
    counts, hits = np.bincount(group), np.bincount(group, weights=target)
    high, low = np.append(1.0, -levels), np.append(-levels, 0.0)
    middle = (high + low) / 2
    thresholds = np.where(middle > low, middle, high)
    if low[0] >= 1.0:
        thresholds[0] = np.nextafter(low[0], 2.0)
    decided = np.append(0, np.cumsum(counts))
    return Cuts(thresholds, decided, np.append(0.0, np.cumsum(hits)), int(target.sum()), len(scores))


def choose_threshold(rule: DecisionRule, target: np.ndarray, scores: np.ndarray) -> float:
    """The threshold that serves `rule` best on these rows; of equals the highest. `score >= threshold` decides true.

    Where no threshold is precise enough it is the most precise one; `top_share` takes the nearest share above none.
    It lies strictly within (0, 1), unless a score of exactly 0 or 1 has to fall on the other side.
    """
    if isinstance(rule, FixedThreshold):
        return rule.threshold
    cuts = list_cuts(target, scores)
    if isinstance(rule, CostRule):
        return float(cuts.thresholds[np.argmin(_sum_costs(rule, cuts.hits, cuts.decided, cuts.positives, cuts.rows))])
    # The other rules ask for rows to be decided true: the cut without any is left out.
    return float(cuts.thresholds[1:][_choose_cut(rule, cuts)])


def _choose_cut(rule: FBetaRule | RecallAtPrecisionRule | TopShareRule, cuts: Cuts) -> int:
    hits, decided = cuts.hits[1:], cuts.decided[1:]
    if isinstance(rule, FBetaRule):
        return int(np.argmax(_f_beta(rule, hits, decided, cuts.positives)))
    if isinstance(rule, TopShareRule):
        return int(np.argmin(np.abs(decided / cuts.rows - rule.share)))
    precision = hits / decided
    enough = precision >= min(rule.precision, precision.max())
    return int(np.argmax(np.where(enough, hits, -1.0)))


def measure_decision(rule: DecisionRule, target: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, float]:
    """What the decisions are worth: precision, recall, share decided true; mean cost per row or F-beta if asked for.

    NaN where it is undefined: precision without a row decided true, recall without a positive one.
    """
    chosen = scores >= threshold
    decided, positives, rows = int(chosen.sum()), int(target.sum()), len(target)
    hits = float(target[chosen].sum())
    figures = {
        "precision": hits / decided if decided else float("nan"),
        "recall": hits / positives if positives else float("nan"),
        "share": decided / rows if rows else float("nan"),
    }
    if isinstance(rule, CostRule):
        figures["cost"] = float(_sum_costs(rule, hits, decided, positives, rows)) / rows if rows else float("nan")
    if isinstance(rule, FBetaRule):
        figures["f_beta"] = float(_f_beta(rule, hits, decided, positives)) if decided + positives else float("nan")
    return figures


def describe_decision(rule: DecisionRule, target: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, Any]:
    """The rule as configured, its figures on the validation rows, and a note where it could not be kept."""
    validation = measure_decision(rule, target, scores, threshold)
    described = {**rule.model_dump(), "validation": validation, "rows": len(scores)}
    if isinstance(rule, RecallAtPrecisionRule) and not validation["precision"] >= rule.precision:
        described["note"] = f"no threshold reaches a precision of {rule.precision:g}: the most precise one is taken"
    return described


def _sum_costs(rule: CostRule, hits: Any, decided: Any, positives: int, rows: int) -> Any:
    false_positives, false_negatives = decided - hits, positives - hits
    return (
        rule.true_positive * hits
        + rule.false_positive * false_positives
        + rule.false_negative * false_negatives
        + rule.true_negative * (rows - positives - false_positives)
    )


def _f_beta(rule: FBetaRule, hits: Any, decided: Any, positives: int) -> Any:
    weight = rule.beta**2
    return (1 + weight) * hits / (decided + weight * positives)
