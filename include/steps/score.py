"""lake -> lake: features become scores. Nothing is visible before `publish` commits."""

import hashlib
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from include.config.days import parse_moment
from include.config.decision import FixedThreshold
from include.config.pipeline import PipelineConfig
from include.errors import NightshiftError
from include.io.lake import ObjectRef, make_key
from include.io.ledger import Attempt, Entry, begin_attempt, find_entry
from include.io.registry import ModelVersion, find_champion, find_champion_at, require_usable_version
from include.io.resources import Resources
from include.io.scores_table import make_scores_schema
from include.io.tables import store_groups
from include.steps.outcome import Outcome
from include.steps.scoring import MakeBatch, UnusableScores, score_features
from include.steps.train.serving import require_servable

DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Plan:
    """What a scoring of a partition is made from, settled once: all of its shards, and their retries, keep to it."""

    attempt: Attempt
    features: ObjectRef
    version: ModelVersion
    inputs_sha256: str
    scored_at: datetime


def score_partition(
    config: PipelineConfig,
    resources: Resources,
    partition: date,
    features: ObjectRef | None = None,
    version: int | None = None,
    at: datetime | None = None,
) -> Outcome:
    """Score the partition's features with the champion, with `version`, or with the champion of the time `at`.

    Skipped where there is, or was, no champion; stopped where the model gives NaN or infinity.
    Figures: scores, model_version, rows, inputs_sha256, attempt, attempt_number.
    """
    plan = plan_scoring(config, resources, partition, features, version, at)
    if isinstance(plan, Outcome):
        return plan
    return score_share(config, resources, partition, plan, plan.attempt.name)


def plan_scoring(
    config: PipelineConfig,
    resources: Resources,
    partition: date,
    features: ObjectRef | None = None,
    version: int | None = None,
    at: datetime | None = None,
) -> Plan | Outcome:
    """Choose the model and the features; the outcome "skipped" where there is, or was, no champion.

    NightshiftError where there are no features, or where a version other than the champion can't be served.
    """
    with resources.warehouse.begin() as connection:
        attempt = begin_attempt(connection)
        champion = find_champion(connection, config.name)
        model_version = choose_version(connection, config, champion, version, at)
        found = find_entry(connection, config.name, partition, "features")
        published = find_entry(connection, config.name, partition, "scores")
    if model_version is None:
        return Outcome("skipped", _explain_absence(config.name, at))
    ref = features or (found.ref if found else None)
    if ref is None:
        raise NightshiftError(
            f"{config.name} {partition}: there are no features to score; run first: "
            f"bin/nightshift run {config.name} ingest --partition {partition}"
        )
    if champion is None or model_version.version != champion.version:
        # Only the champion is known to be harmless to load and able to score.
        require_servable(config, resources, model_version)
    inputs = hash_inputs(ref, model_version, config)
    return Plan(attempt, ref, model_version, inputs, _choose_time(published, inputs))


def score_share(
    config: PipelineConfig,
    resources: Resources,
    partition: date,
    plan: Plan,
    name: str,
    share: tuple[int, int] = (0, 1),
) -> Outcome:
    """Score all of the features, or one share of their row groups (its number from 0, of how many).

    `name` is that of the object, which nobody else may use. Stopped where the model gives NaN or infinity.
    """
    finish = _finish_batches(config, partition, plan.version, plan.scored_at)
    key = make_key("scores", config.name, partition, name)
    try:
        with closing(score_features(config, resources, plan.features, plan.version, finish, share)) as groups:
            scores = store_groups(resources.lake, key, make_scores_schema(config), groups)
    except UnusableScores as error:
        return Outcome("stopped", f"{config.name} {partition}: {error}. The scores stay as they are.")
    figures = {
        "scores": scores.to_record(),
        "model_version": plan.version.version,
        "rows": scores.rows,
        "inputs_sha256": plan.inputs_sha256,
        "attempt": plan.attempt.name,
        "attempt_number": plan.attempt.number,
    }
    return Outcome("done", figures=figures)


def choose_version(
    connection: Any, config: PipelineConfig, champion: ModelVersion | None, version: int | None, at: datetime | None
) -> ModelVersion | None:
    """The version that was asked for, or the champion; NightshiftError where that version is missing or retired."""
    if version is not None and at is not None:
        raise NightshiftError(f"{config.name}: give either a model version or as_of, not both")
    if at is not None:
        return find_champion_at(connection, config.name, at)
    return champion if version is None else require_usable_version(connection, config.name, version)


def parse_as_of(config: PipelineConfig, text: str | None) -> datetime | None:
    """The moment that a person wrote: a day means its end, in the pipeline's time zone; None where nothing is asked."""
    if not text:
        return None
    try:
        return parse_moment(text, config.spec.schedules.timezone)
    except ValueError:
        raise NightshiftError(f"as_of={text}: is neither a date as 2026-11-20 nor a time as 2026-11-20T08:30") from None


def _explain_absence(name: str, at: datetime | None) -> str:
    if at is None:
        return f"{name} has no champion yet; train one: bin/nightshift run {name} train"
    moment = at.isoformat(sep=" ", timespec="seconds")
    return f"{name} had no champion on {moment}; since when there is one: bin/nightshift models {name}"


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


def _finish_batches(config: PipelineConfig, partition: date, version: ModelVersion, scored_at: datetime) -> MakeBatch:
    """What makes rows of scores.NAME from a batch with the keys and its scores."""
    schema, threshold = make_scores_schema(config), find_threshold(config, version)
    constants = {"partition_date": partition, "model_version": version.version, "scored_at": scored_at}

    def finish(batch: pa.RecordBatch, scores: np.ndarray) -> pa.RecordBatch:
        columns = {name: batch.column(name) for name in config.spec.keys}
        columns |= {"score": pa.array(scores, pa.float64()), "decision": pa.array(scores >= threshold)}
        for name, value in constants.items():
            columns[name] = pa.repeat(pa.scalar(value, schema.field(name).type), batch.num_rows)
        return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)

    return finish
