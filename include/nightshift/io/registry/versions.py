"""ml.model_versions: what was trained, on what, and where its artifact lies."""

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from nightshift.config.project import COMMAND
from nightshift.errors import NightshiftError
from nightshift.io.lake.base import ObjectRef
from nightshift.io.warehouse.schema import MODEL_VERSIONS


@dataclass(frozen=True, kw_only=True)
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
    golden: ObjectRef | None = None
    threshold: float | None = None
    decision_rule: dict[str, Any] | None = None
    predictor: dict[str, Any] | None = None

    @property
    def feature_names(self) -> list[str]:
        """The model's columns in order."""
        return [*self.features["numeric"], *self.features["categorical"]]


@dataclass(frozen=True, kw_only=True)
class ModelVersion(NewVersion):
    """One row of ml.model_versions."""

    pipeline: str
    version: int
    created_at: datetime


def register_version(connection: Connection, pipeline: str, new: NewVersion) -> int:
    """Give the candidate its number: the next one, or the one that this very run registered before."""
    lock_versions(connection, pipeline)
    known = find_version_of_run(connection, pipeline, new.run_id)
    if known is not None:
        return known
    newest = select(func.max(MODEL_VERSIONS.c.version)).where(MODEL_VERSIONS.c.pipeline == pipeline)
    version = (connection.execute(newest).scalar() or 0) + 1
    connection.execute(insert(MODEL_VERSIONS).values(pipeline=pipeline, version=version, **_to_row(new)))
    return version


def lock_versions(connection: Connection, pipeline: str) -> None:
    """Wait until no other transaction registers a version; released at the end of the transaction."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:name, 1))"), {"name": f"{pipeline}/versions"}
    )


def _to_row(new: NewVersion) -> dict[str, Any]:
    """The columns that have a value: a None would become JSON's null where the column is jsonb."""
    row = {field.name: value for field in fields(new) if (value := getattr(new, field.name)) is not None}
    for name in ("artifact", "reference", "golden"):
        ref: ObjectRef | None = row.pop(name, None)
        if ref:
            row |= {f"{name}_uri": ref.uri, f"{name}_sha256": ref.sha256}
    return row


def find_version(connection: Connection, pipeline: str, version: int) -> ModelVersion | None:
    """One version."""
    versions = MODEL_VERSIONS.c
    statement = select(MODEL_VERSIONS).where(versions.pipeline == pipeline, versions.version == version)
    row = connection.execute(statement).one_or_none()
    return to_version(row) if row else None


def find_newest(connection: Connection, pipeline: str) -> ModelVersion | None:
    """The version with the highest number."""
    versions = MODEL_VERSIONS.c
    statement = select(MODEL_VERSIONS).where(versions.pipeline == pipeline).order_by(versions.version.desc()).limit(1)
    row = connection.execute(statement).one_or_none()
    return to_version(row) if row else None


def require_version(connection: Connection, pipeline: str, version: int) -> ModelVersion:
    """The version; NightshiftError that says which ones there are."""
    found = find_version(connection, pipeline, version) if 0 < version < 2**31 else None
    if found is None:
        known = [other.version for other in list_versions(connection, pipeline)]
        raise NightshiftError(f"{pipeline} has no model version {version}; {_describe_known(pipeline, known)}")
    return found


def require_usable_version(connection: Connection, pipeline: str, version: int) -> ModelVersion:
    """The version; NightshiftError where there is none, or where maintenance has retired it."""
    found = require_version(connection, pipeline, version)
    statement = text("select retired_at from ml.retired_versions where pipeline = :pipeline and version = :version")
    retired_at = connection.execute(statement, {"pipeline": pipeline, "version": version}).scalar()
    if retired_at:
        raise NightshiftError(
            f"{pipeline}: version {version} was retired by nightshift_maintenance on {retired_at:%Y-%m-%d}, and its "
            f"artifacts are gone (retention.candidates), so it can no longer score. Nothing was changed. Choose "
            f"another one: {COMMAND} models {pipeline}; or train again: {COMMAND} run {pipeline} train"
        )
    return found


def find_version_of_run(connection: Connection, pipeline: str, run_id: str) -> int | None:
    """The number of the version that the training run registered."""
    versions = MODEL_VERSIONS.c
    statement = select(versions.version).where(versions.pipeline == pipeline, versions.run_id == run_id)
    found: int | None = connection.execute(statement).scalar()
    return found


def _describe_known(pipeline: str, known: list[int]) -> str:
    if not known:
        return f"none was trained yet: {COMMAND} run {pipeline} train"
    span = str(known[0]) if len(known) == 1 else f"{known[0]} to {known[-1]}"
    return f"there is {span}: {COMMAND} models {pipeline}"


def list_versions(connection: Connection, pipeline: str) -> list[ModelVersion]:
    """Every version, oldest first."""
    versions = MODEL_VERSIONS.c
    statement = select(MODEL_VERSIONS).where(versions.pipeline == pipeline).order_by(versions.version)
    return [to_version(row) for row in connection.execute(statement)]


def to_version(row: Any) -> ModelVersion:
    """A row of ml.model_versions as steps know it."""
    refs: dict[str, Any] = {
        "artifact": ObjectRef(row.artifact_uri, row.artifact_sha256, 0),
        "reference": ObjectRef(row.reference_uri, row.reference_sha256, row.metrics.get("reference_rows", 0)),
        "golden": ObjectRef(row.golden_uri, row.golden_sha256, 0) if row.golden_uri else None,
    }
    return ModelVersion(
        **refs, **{field.name: getattr(row, field.name) for field in fields(ModelVersion) if field.name not in refs}
    )
