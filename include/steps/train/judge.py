"""candidate + champion + held-out slice -> the gate's decision, kept with every rule's figures."""

from typing import Any

import numpy as np

from include.config.pipeline import PipelineConfig
from include.core.estimators import predict_scores
from include.core.evaluation import measure
from include.core.gate import Evidence, explain, judge
from include.errors import NightshiftError
from include.io.artifacts import load_model
from include.io.registry import ModelVersion, find_champion, find_version, record_decision
from include.io.resources import Resources
from include.steps.outcome import Outcome
from include.steps.train.training_set import Slice, read_training_set


def judge_candidate(config: PipelineConfig, resources: Resources, assembled: dict[str, Any], version: int) -> Outcome:
    """Compare on the same held-out rows. Figures: decision, reason, gate_decision_id, champion_version, rules."""
    with resources.warehouse.begin() as connection:
        candidate = find_version(connection, config.name, version)
        champion = find_champion(connection, config.name)
    if candidate is None:
        raise NightshiftError(f"{config.name} has no model version {version}")
    holdout = read_training_set(config, resources, assembled).holdout
    metric = config.spec.training.metric
    evidence = Evidence(
        rows=len(holdout.rows),
        candidate=_measure(config, resources, candidate, holdout),
        baseline=_read_number(candidate.metrics["baseline"][metric]),
        champion=_measure(config, resources, champion, holdout) if champion else None,
    )
    decision, rules = judge(evidence, config.spec.gate, metric)
    records = [rule.to_record() for rule in rules]
    with resources.warehouse.begin() as connection:
        identity = record_decision(
            connection, config.name, version, champion.version if champion else None, decision, records
        )
    figures = {
        "decision": decision,
        "reason": explain(decision, rules),
        "gate_decision_id": identity,
        "champion_version": champion.version if champion else None,
        "rules": records,
    }
    return Outcome("done", figures=figures)


def _measure(config: PipelineConfig, resources: Resources, version: ModelVersion, holdout: Slice) -> float:
    """The version's metric on the rows; NaN where the rows lack a feature that it needs."""
    if not set(version.feature_names) <= set(holdout.rows.columns):
        return float("nan")
    model = load_model(resources.lake, version.artifact)
    predicted = predict_scores(model, config.spec.task, holdout.rows[version.feature_names])
    return measure(config.spec.training.metric, np.asarray(holdout.target), predicted)


def _read_number(value: float | None) -> float:
    return float("nan") if value is None else value
