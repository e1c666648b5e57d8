"""gate decision + registry -> what a person is asked who decides about the promotion."""

from collections.abc import Sequence
from typing import NamedTuple

from nightshift.config.pipeline import PipelineConfig
from nightshift.core.gate.approval_request import Described, write_body, write_subject
from nightshift.io.registry import ModelVersion, find_version, list_decisions, require_version
from nightshift.io.resources import Resources
from nightshift.steps.handover import Judged


class Request(NamedTuple):
    """A headline, the evidence as Markdown, and whether a person was asked about the candidate on other evidence."""

    subject: str
    body: str
    outdates: bool


def write_request(
    config: PipelineConfig, resources: Resources, version: int, judged: Judged, closing: Sequence[str]
) -> Request:
    """Everything that the gate knows of the candidate; `closing` are lines of Markdown below it, such as links."""
    champion_version = judged["champion_version"]
    with resources.warehouse.begin() as connection:
        candidate = require_version(connection, config.name, version)
        champion = find_version(connection, config.name, champion_version) if champion_version else None
        decisions = list_decisions(connection, config.name)
    body = write_body(
        config.spec.training.metric, judged, _describe(candidate), _describe(champion) if champion else None, closing
    )
    outdates = any(
        decision.candidate_version == version
        and decision.decision == "needs_approval"
        and decision.id < judged["gate_decision_id"]
        for decision in decisions
    )
    return Request(write_subject(config.name, version, champion_version), body, outdates)


def _describe(version: ModelVersion) -> Described:
    facts = {
        "estimator": version.estimator,
        "parameters": ", ".join(f"{name}={value}" for name, value in sorted(version.parameters.items())) or "defaults",
        "fitted on": f"{version.train_from} to {version.train_to}, {version.rows:,} rows",
        "evaluated on": f"{version.holdout_from} to {version.holdout_to}",
        "features": ", ".join(version.feature_names),
        "decides from score": "–" if version.threshold is None else f"{version.threshold:.4f}",
        "code": version.code_version,
        "configuration": version.config_sha256[:12],
    }
    return Described(version.version, version.metrics, facts)
