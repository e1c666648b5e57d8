"""Replayed nights -> the report: plain JSON, one shape for the file and the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.evaluation.metrics import is_higher_better
from nightshift.core.retraining.replay import Night, Policy, Span, Total, Trained, measure_recovered
from nightshift.extension.metrics import METRICS


@dataclass(frozen=True)
class Replayed:
    """One policy's nights, and the metric over all of them."""

    policy: Policy
    nights: Sequence[Night]
    total: Total


def make_report(
    config: PipelineConfig, span: Span, first: Trained, replayed: Sequence[Replayed], ingest_seconds: float
) -> dict[str, Any]:
    """The first policy on top, the others under `compared`. Times in seconds."""
    metric = config.spec.training.metric
    ours, *others = [describe_policy(metric, one) for one in replayed]
    return {
        "pipeline": config.name,
        "title": config.spec.title,
        "metric": metric,
        "higher_is_better": is_higher_better(metric),
        "compared_by": "mean of the days" if METRICS.find(metric).ranks else "all rows",
        "from": str(span.first),
        "to": str(span.last),
        "train_from": str(span.train_from),
        "train_to": str(span.train_to),
        "ingest_seconds": round(ingest_seconds, 1),
        "first_training_seconds": round(first.seconds, 1),
        "first_refused": "" if first.promoted else first.reason,
        **ours,
        "compared": others,
        "recovered": find_recovered(config, replayed),
        "config": {
            "drift": config.spec.drift.model_dump(mode="json"),
            "retrain": config.spec.retrain.model_dump(mode="json"),
        },
    }


def describe_policy(metric: str, replayed: Replayed) -> dict[str, Any]:
    """`policy`, `summary` and `nights` of one policy."""
    trainings = [night.trained for night in replayed.nights if night.trained]
    summary = {
        "metric": _plain(replayed.total.choose(metric)),
        "pooled": _plain(replayed.total.pooled),
        "mean_of_days": _plain(replayed.total.mean_of_days),
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
    metric = config.spec.training.metric
    values = {one.policy: one.total.choose(metric) for one in replayed}
    if not {"always", "never"} <= set(values):
        return None
    return measure_recovered(metric, values[replayed[0].policy], values["never"], values["always"])


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
