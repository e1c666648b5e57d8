"""The registry: model versions, gate decisions, the champion, and who promoted it."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from include.io.lake import ObjectRef
from include.io.schema import CHAMPIONS, GATE_DECISIONS, MODEL_VERSIONS, PROMOTIONS


@dataclass(frozen=True)
class ModelVersion:
    """One row of ml.model_versions, as far as steps need it."""

    pipeline: str
    version: int
    created_at: datetime
    artifact: ObjectRef
    reference: ObjectRef
    train_from: date
    train_to: date
    estimator: str
    features: dict[str, list[str]]
    metrics: dict[str, Any]

    @property
    def feature_names(self) -> list[str]:
        """The model's columns in order."""
        return [*self.features["numeric"], *self.features["categorical"]]


@dataclass(frozen=True)
class NewVersion:
    """What a training knows of the version that it registers."""

    run_id: str
    artifact: ObjectRef
    reference: ObjectRef
    config_sha256: str
    code_version: str
    train_from: date
    train_to: date
    holdout_from: date
    holdout_to: date
    rows: int
    estimator: str
    parameters: dict[str, Any]
    features: dict[str, list[str]]
    inputs: dict[str, Any]
    seed: int
    metrics: dict[str, Any]


class ChampionChanged(Exception):
    """The champion is no longer the one that the gate compared with."""


def register_version(connection: Connection, pipeline: str, new: NewVersion) -> int:
    """Give the candidate its number: the next one, or the one that this very run registered before."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 1))"), {"name": f"{pipeline}/versions"}
    )
    versions = MODEL_VERSIONS.c
    known: int | None = connection.execute(
        select(versions.version).where(versions.pipeline == pipeline, versions.run_id == new.run_id)
    ).scalar()
    if known is not None:
        return known
    newest = select(func.max(versions.version)).where(versions.pipeline == pipeline)
    version = (connection.execute(newest).scalar() or 0) + 1
    described = {field.name: getattr(new, field.name) for field in fields(new)}
    for name in ("artifact", "reference"):
        ref: ObjectRef = described.pop(name)
        described |= {f"{name}_uri": ref.uri, f"{name}_sha256": ref.sha256}
    connection.execute(insert(MODEL_VERSIONS).values(pipeline=pipeline, version=version, **described))
    return version


def find_version(connection: Connection, pipeline: str, version: int) -> ModelVersion | None:
    """One version."""
    versions = MODEL_VERSIONS.c
    statement = select(MODEL_VERSIONS).where(versions.pipeline == pipeline, versions.version == version)
    row = connection.execute(statement).one_or_none()
    return _to_version(row) if row else None


def find_champion(connection: Connection, pipeline: str) -> ModelVersion | None:
    """The version in charge."""
    versions, champions = MODEL_VERSIONS.c, CHAMPIONS.c
    statement = select(MODEL_VERSIONS).where(
        versions.pipeline == pipeline, champions.pipeline == pipeline, champions.version == versions.version
    )
    row = connection.execute(statement).one_or_none()
    return _to_version(row) if row else None


def record_decision(
    connection: Connection,
    pipeline: str,
    candidate: int,
    champion: int | None,
    decision: str,
    rules: list[dict[str, Any]],
) -> int:
    """Keep the gate's decision with every rule's figures; return its id."""
    decided = {
        "pipeline": pipeline,
        "candidate_version": candidate,
        "champion_version": champion,
        "decision": decision,
        "rules": rules,
    }
    statement = insert(GATE_DECISIONS).values(decided).returning(GATE_DECISIONS.c.id)
    identity: int = connection.execute(statement).scalar_one()
    return identity


def promote(
    connection: Connection,
    pipeline: str,
    version: int,
    expected: int | None,
    promoted_by: str,
    reason: str,
    gate_decision_id: int | None,
) -> None:
    """Make `version` the champion if it still is `expected` (None: if there is none); ChampionChanged otherwise.

    Doing it again for a version that already is the champion changes nothing.
    """
    champions = CHAMPIONS.c
    current: int | None = connection.execute(
        select(champions.version).where(champions.pipeline == pipeline).with_for_update()
    ).scalar()
    if current == version:
        return
    if not _set_champion(connection, pipeline, version, expected):
        raise ChampionChanged(f"the champion is version {current} now, but the gate compared with version {expected}")
    promotion = {
        "pipeline": pipeline,
        "version": version,
        "previous_version": expected,
        "promoted_by": promoted_by,
        "reason": reason,
        "gate_decision_id": gate_decision_id,
    }
    connection.execute(insert(PROMOTIONS).values(promotion))


def _set_champion(connection: Connection, pipeline: str, version: int, expected: int | None) -> bool:
    champions = CHAMPIONS.c
    if expected is None:
        statement: Any = insert(CHAMPIONS).values(pipeline=pipeline, version=version).on_conflict_do_nothing()
    else:
        statement = (
            update(CHAMPIONS)
            .values(version=version, since=func.now())
            .where(champions.pipeline == pipeline, champions.version == expected)
        )
    changed: bool = connection.execute(statement).rowcount == 1
    return changed


def _to_version(row: Any) -> ModelVersion:
    return ModelVersion(
        pipeline=row.pipeline,
        version=row.version,
        created_at=row.created_at,
        artifact=ObjectRef(row.artifact_uri, row.artifact_sha256, 0),
        reference=ObjectRef(row.reference_uri, row.reference_sha256, row.metrics.get("reference_rows", 0)),
        train_from=row.train_from,
        train_to=row.train_to,
        estimator=row.estimator,
        features=row.features,
        metrics=row.metrics,
    )
