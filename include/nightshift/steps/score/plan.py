"""What a partition is scored from, settled before the first row: the model, the features, the time."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from nightshift.config.pipeline import PipelineConfig
from nightshift.config.project import COMMAND
from nightshift.config.sections.decision import FixedThreshold
from nightshift.errors import NightshiftError
from nightshift.io.lake.base import ObjectRef
from nightshift.io.ledger.entries import Attempt, Entry, begin_attempt, find_entry
from nightshift.io.registry import ModelVersion, find_champion, find_champion_at, require_usable_version
from nightshift.io.resources import Resources
from nightshift.steps.handover import PlanRecord
from nightshift.steps.outcome import Outcome
from nightshift.steps.serving.check import require_servable

DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Inputs:
    """What is read to be scored, and by which version: the features' columns, in batches of so many rows.

    `share` picks the row groups of one shard: its number from 0, of how many.
    """

    features: ObjectRef
    version: ModelVersion
    keys: tuple[str, ...]
    batch_rows: int
    share: tuple[int, int] = (0, 1)

    @property
    def columns(self) -> list[str]:
        """The keys and the version's features."""
        return list(dict.fromkeys([*self.keys, *self.version.feature_names]))

    @property
    def texts(self) -> list[str]:
        """The columns that only the model reads as text."""
        return [name for name in self.version.features["categorical"] if name not in self.keys]


@dataclass(frozen=True)
class Plan:
    """What a scoring of a partition is made from, settled once: all of its tasks, and their retries, keep to it."""

    partition: date
    attempt: Attempt
    inputs: Inputs
    task: str
    threshold: float
    inputs_sha256: str
    scored_at: datetime

    def to_record(self) -> PlanRecord:
        """As JSON, for another task; `read_plan` reads it."""
        return {
            "attempt": {"name": self.attempt.name, "number": self.attempt.number},
            "features": self.inputs.features.to_record(),
            "version": self.inputs.version.version,
            "threshold": self.threshold,
            "inputs_sha256": self.inputs_sha256,
            "scored_at": self.scored_at.isoformat(),
        }


@dataclass(frozen=True)
class ScoringRequest:
    """A partition to score: its newest features or these, with the champion, with `version` or with that of then."""

    partition: date
    features: ObjectRef | None = None
    version: int | None = None
    at: datetime | None = None


def plan_scoring(config: PipelineConfig, resources: Resources, request: ScoringRequest) -> Plan | Outcome:
    """Choose the model and the features; the outcome "skipped" where there is, or was, no champion.

    NightshiftError where there are no features, or where a version other than the champion can't be served.
    """
    partition, at = request.partition, request.at
    with resources.warehouse.begin() as connection:
        attempt = begin_attempt(connection)
        champion = find_champion(connection, config.name)
        model_version = choose_version(connection, config, champion, request.version, at)
        found = find_entry(connection, config.name, partition, "features")
        published = find_entry(connection, config.name, partition, "scores")
    if model_version is None:
        return Outcome("skipped", _explain_absence(config.name, at))
    ref = request.features or (found.ref if found else None)
    if ref is None:
        raise NightshiftError(
            f"{config.name} {partition}: there are no features to score; run first: "
            f"{COMMAND} run {config.name} ingest --partition {partition}"
        )
    if champion is None or model_version.version != champion.version:
        # Only the champion is known to be harmless to load and able to score.
        require_servable(config, resources, model_version)
    digest, threshold = hash_inputs(ref, model_version, config), find_threshold(config, model_version)
    inputs, scored_at = make_inputs(config, ref, model_version), _choose_time(published, digest)
    return Plan(partition, attempt, inputs, config.spec.task, threshold, digest, scored_at)


def make_inputs(config: PipelineConfig, features: ObjectRef, version: ModelVersion) -> Inputs:
    """All of the features, in the pipeline's batches."""
    return Inputs(features, version, tuple(config.spec.keys), config.spec.scoring.batch_rows)


def read_plan(
    config: PipelineConfig, resources: Resources, partition: date, record: PlanRecord, share: tuple[int, int] = (0, 1)
) -> Plan:
    """The plan of another task, or one shard's share of it; NightshiftError where its version was retired since."""
    with resources.warehouse.begin() as connection:
        version = require_usable_version(connection, config.name, record["version"])
    inputs = make_inputs(config, ObjectRef.from_record(record["features"]), version)
    return Plan(
        partition=partition,
        attempt=Attempt(**record["attempt"]),
        inputs=replace(inputs, share=share),
        task=config.spec.task,
        threshold=record["threshold"],
        inputs_sha256=record["inputs_sha256"],
        scored_at=datetime.fromisoformat(record["scored_at"]),
    )


def choose_version(
    connection: Any, config: PipelineConfig, champion: ModelVersion | None, version: int | None, at: datetime | None
) -> ModelVersion | None:
    """The version that was asked for, or the champion; NightshiftError where that version is missing or retired."""
    if version is not None and at is not None:
        raise NightshiftError(f"{config.name}: give either a model version or as_of, not both")
    if at is not None:
        return find_champion_at(connection, config.name, at)
    return champion if version is None else require_usable_version(connection, config.name, version)


def _explain_absence(name: str, at: datetime | None) -> str:
    if at is None:
        return f"{name} has no champion yet; train one: {COMMAND} run {name} train"
    moment = at.isoformat(sep=" ", timespec="seconds")
    return f"{name} had no champion on {moment}; since when there is one: {COMMAND} models {name}"


def find_threshold(config: PipelineConfig, version: ModelVersion) -> float:
    """From which score on `decision` is true: the version's own, or what pipeline.yaml says where it has none."""
    if version.threshold is not None:
        return version.threshold
    rule = config.spec.scoring.rule
    return rule.threshold if isinstance(rule, FixedThreshold) else DEFAULT_THRESHOLD


def _choose_time(published: Entry | None, inputs: str) -> datetime:
    """Scoring the same features with the same model again gives the same rows, so it keeps their time as well."""
    if published and published.inputs_sha256 == inputs and "scored_at" in published.params:
        return datetime.fromisoformat(published.params["scored_at"])
    return datetime.now(UTC)


def hash_inputs(features: ObjectRef, version: ModelVersion, config: PipelineConfig) -> str:
    """What the scores of a partition depend on, in one hash."""
    parts = (features.sha256, version.artifact.sha256, str(version.version), str(find_threshold(config, version)))
    return hashlib.sha256("/".join(parts).encode()).hexdigest()
