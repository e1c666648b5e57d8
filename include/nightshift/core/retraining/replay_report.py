"""Replayed nights -> the report: plain JSON, one shape for the file and the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.evaluation.metrics import is_higher_better
from nightshift.core.retraining.replay import Night, Policy, Span, Trained, measure_recovered


@dataclass(frozen=True)
class Replayed:
    """One policy's nights, and the metric over all of them."""

    policy: Policy
    nights: Sequence[Night]
    metric: float


def make_report(
    config: PipelineConfig, span: Span, first: Trained, replayed: Sequence[Replayed], ingest_seconds: float
) -> dict[str, Any]:
    """The first policy on top, the others under `compared`. Times in seconds."""
    metric = config.spec.training.metric
    ours, *others = [describe_policy(one) for one in replayed]
    return {
        "pipeline": config.name,
        "title": config.spec.title,
        "metric": metric,
        "higher_is_better": is_higher_better(metric),
        "from": str(span.first),
        "to": str(span.last),
        "train_from": str(span.train_from),
        "train_to": str(span.train_to),
        "ingest_seconds": round(ingest_seconds, 1),
        "first_training_seconds": round(first.seconds, 1),
        **ours,
        "compared": others,
        "recovered": find_recovered(config, replayed),
        "config": {
            "drift": config.spec.drift.model_dump(mode="json"),
            "retrain": config.spec.retrain.model_dump(mode="json"),
        },
    }


def describe_policy(replayed: Replayed) -> dict[str, Any]:
    """`policy`, `summary` and `nights` of one policy."""
    trainings = [night.trained for night in replayed.nights if night.trained]
    summary = {
        "metric": _plain(replayed.metric),
        "nights": len(replayed.nights),
        "scored_rows": sum(night.rows for night in replayed.nights),
        "trainings": len(trainings),
        "promotions": sum(trained.promoted for trained in trainings),
        "compute_seconds": round(sum(night.seconds for night in replayed.nights), 1),
        "training_seconds": round(sum(trained.seconds for trained in trainings), 1),
    }
    return {"policy": replayed.policy, "summary": summary, "nights": [night.to_record() for night in replayed.nights]}


def find_recovered(config: PipelineConfig, replayed: Sequence[Replayed]) -> float | None:
    """The share of what `always` gains over `never` that the first policy has, too; None where it can't be told."""
    values = {one.policy: one.metric for one in replayed}
    if not {"always", "never"} <= set(values):
        return None
    return measure_recovered(config.spec.training.metric, replayed[0].metric, values["never"], values["always"])


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
