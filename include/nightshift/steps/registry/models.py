"""registry -> every version with its window, its figures, what the gate said of it, and whether it is champion."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from nightshift.config.pipeline import PipelineConfig
from nightshift.io.registry import (
    Decision,
    ModelVersion,
    Promotion,
    find_challenger,
    find_challenger_since,
    list_decisions,
    list_promotions,
    list_versions,
)
from nightshift.io.resources import Resources


def list_models(config: PipelineConfig, resources: Resources) -> list[dict[str, Any]]:
    """One record per version, newest first. `status` is champion, challenger, former champion or candidate.

    `since`: when it became that. `decision` and `decision_reason`: the gate's last word on it; None without one.
    """
    with resources.warehouse.begin() as connection:
        versions = list_versions(connection, config.name)
        promotions = list_promotions(connection, config.name)
        decisions = {decision.candidate_version: decision for decision in list_decisions(connection, config.name)}
        challenger = find_challenger(connection, config.name)
        since = find_challenger_since(connection, config.name) if challenger else None
    records = []
    for version in reversed(versions):
        status, moment = find_status(version, promotions)
        if challenger and since and version.version == challenger.version:
            status, moment = "challenger", since
        records.append(
            {
                **_describe_version(config, version, decisions.get(version.version)),
                "status": status,
                "since": moment.isoformat(),
            }
        )
    return records


def find_status(version: ModelVersion, promotions: Sequence[Promotion]) -> tuple[str, datetime]:
    """What the promotions, oldest first, made of the version, and when."""
    own = [number for number, promotion in enumerate(promotions) if promotion.version == version.version]
    if not own:
        return "candidate", version.created_at
    if own[-1] == len(promotions) - 1:
        return "champion", promotions[-1].promoted_at
    return "former champion", promotions[own[-1] + 1].promoted_at


def _describe_version(config: PipelineConfig, version: ModelVersion, decision: Decision | None) -> dict[str, Any]:
    metric = config.spec.training.metric
    return {
        "version": version.version,
        "trained_at": version.created_at.isoformat(),
        "train_from": str(version.train_from),
        "train_to": str(version.train_to),
        "holdout_from": str(version.holdout_from),
        "holdout_to": str(version.holdout_to),
        "rows": version.rows,
        "estimator": version.estimator,
        "metric": metric,
        "value": version.metrics.get(metric),
        "threshold": version.threshold,
        "decision": decision.decision if decision else None,
        "decision_reason": decision.reason if decision else None,
    }
