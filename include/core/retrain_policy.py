"""Drift and time -> retrain or wait, with the reason."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from include.config.pipeline import Drift


@dataclass(frozen=True)
class DriftVerdict:
    """What a comparison says: `drifted` is None where it could not be measured."""

    drifted: bool | None
    share: float | None
    reason: str


@dataclass(frozen=True)
class RetrainDecision:
    """The policy's answer, and the value of every criterion."""

    decision: Literal["retrain", "wait"]
    reason: str
    criteria: dict[str, float | int | str | bool | None]


def judge_drift(scores: dict[str, float | None], limits: Drift, reference_rows: int, current_rows: int) -> DriftVerdict:
    """Whether enough columns moved. A column without a usable score, or too few rows, makes it unknown."""
    if min(reference_rows, current_rows) < limits.min_rows:
        side = "current window" if current_rows < limits.min_rows else "reference"
        rows = min(reference_rows, current_rows)
        return DriftVerdict(None, None, f"unknown: the {side} has {rows} rows, {limits.min_rows} are needed")
    unusable = sorted(name for name, score in scores.items() if score is None)
    if unusable:
        return DriftVerdict(None, None, f"unknown: no usable score for {', '.join(unusable)}")
    moved = sorted(name for name, score in scores.items() if score is not None and score >= limits.column_limit)
    share = len(moved) / len(scores)
    names = f" ({', '.join(moved)})" if moved else ""
    text = f"{len(moved)} of {len(scores)} columns{names} moved by {limits.column_limit:g} or more"
    return DriftVerdict(share >= limits.share_limit, share, f"{text}; the limit is a share of {limits.share_limit:g}")


def decide_retraining(
    verdict: DriftVerdict, as_of: date, last_retraining: date | None, limits: Drift
) -> RetrainDecision:
    """Retrain on drift unless a drift-caused training is still cooling down; unknown never retrains."""
    ready = last_retraining + timedelta(days=limits.cooldown) if last_retraining else None
    criteria: dict[str, float | int | str | bool | None] = {
        "drifted": verdict.drifted,
        "share": verdict.share,
        "share_limit": limits.share_limit,
        "last_retraining": str(last_retraining) if last_retraining else None,
        "cooldown_until": str(ready) if ready else None,
    }
    if not verdict.drifted:
        return RetrainDecision("wait", verdict.reason, criteria)
    if ready and as_of < ready:
        text = f"drift, but the training of {last_retraining} cools down until {ready}: {verdict.reason}"
        return RetrainDecision("wait", text, criteria)
    return RetrainDecision("retrain", f"drift: {verdict.reason}", criteria)
