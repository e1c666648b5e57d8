"""ml.champions and ml.challengers: the current version, the one scored beside it, and how they change."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from nightshift.io.registry.versions import ModelVersion, find_version, require_usable_version, to_version
from nightshift.io.warehouse.schema import CHALLENGERS, CHAMPIONS, MODEL_VERSIONS, PROMOTIONS, upsert

PromotionKind = Literal["gate", "approval", "manual", "rollback"]


class ChampionChanged(Exception):
    """The champion is no longer the one that the gate compared with."""


def find_champion(connection: Connection, pipeline: str) -> ModelVersion | None:
    """The champion."""
    versions, champions = MODEL_VERSIONS.c, CHAMPIONS.c
    statement = select(MODEL_VERSIONS).where(
        versions.pipeline == pipeline, champions.pipeline == pipeline, champions.version == versions.version
    )
    row = connection.execute(statement).one_or_none()
    return to_version(row) if row else None


@dataclass(frozen=True)
class PromotionRequest:
    """That `version` become the champion in place of `expected` (None: there is none yet), who asks for it, and why.

    `run_id` is kept where the run must find its promotion again.
    """

    version: int
    expected: int | None
    promoted_by: str
    reason: str
    gate_decision_id: int | None = None
    kind: PromotionKind = "gate"
    approved_by: str | None = None
    run_id: str | None = None


def promote(connection: Connection, pipeline: str, request: PromotionRequest) -> None:
    """Make the version the champion if the champion still is the expected one; ChampionChanged otherwise.

    NightshiftError where maintenance has retired it. Doing it again for a version that already is the champion changes
    nothing.
    """
    version, expected = request.version, request.expected
    # One promotion of a pipeline at a time, so the history's times are in the order of its commits.
    connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:name, 3))"), {"name": pipeline})
    champions = CHAMPIONS.c
    current: int | None = connection.execute(
        select(champions.version).where(champions.pipeline == pipeline).with_for_update()
    ).scalar()
    if current == version:
        return
    if current != expected:
        raise ChampionChanged(f"the champion is version {current} now, but {expected or 'none'} was expected")
    # Whoever retires a version holds the same lock, so what is true here stays true until the commit.
    require_usable_version(connection, pipeline, version)
    promotion = {
        "pipeline": pipeline,
        "version": version,
        "previous_version": expected,
        "promoted_by": request.promoted_by,
        "reason": request.reason,
        "gate_decision_id": request.gate_decision_id,
        "kind": request.kind,
        "approved_by": request.approved_by,
        "run_id": request.run_id,
    }
    recorded = insert(PROMOTIONS).values(promotion).returning(PROMOTIONS.c.id, PROMOTIONS.c.promoted_at)
    identity, since = connection.execute(recorded).one()
    _set_champion(connection, pipeline, version, expected, {"since": since, "promotion_id": identity})


def _set_champion(
    connection: Connection, pipeline: str, version: int, expected: int | None, values: dict[str, Any]
) -> None:
    """Compare-and-set; the lock makes losing impossible here, and the statement does not rely on it."""
    champions = CHAMPIONS.c
    if expected is None:
        statement: Any = insert(CHAMPIONS).values(pipeline=pipeline, version=version, **values).on_conflict_do_nothing()
    else:
        statement = (
            update(CHAMPIONS)
            .values(version=version, **values)
            .where(champions.pipeline == pipeline, champions.version == expected)
        )
    if connection.execute(statement).rowcount != 1:
        raise ChampionChanged(f"the champion is no longer {expected or 'none'}")


def find_champion_at(connection: Connection, pipeline: str, at: datetime) -> ModelVersion | None:
    """The version that was champion at that time."""
    version = connection.execute(
        text("select ml.champion_at(:pipeline, :at)"), {"pipeline": pipeline, "at": at}
    ).scalar()
    return find_version(connection, pipeline, version) if version else None


def set_challenger(connection: Connection, pipeline: str, version: int, gate_decision_id: int) -> None:
    """From now on this version is scored in the champion's shadow; the challenger before it no longer is."""
    values = {"pipeline": pipeline, "version": version, "since": func.now(), "gate_decision_id": gate_decision_id}
    upsert(connection, CHALLENGERS, ("pipeline",), values)


def find_challenger(connection: Connection, pipeline: str) -> ModelVersion | None:
    """The version in the champion's shadow; a challenger that became champion is none any more."""
    versions, challengers, champions = MODEL_VERSIONS.c, CHALLENGERS.c, CHAMPIONS.c
    charge = select(champions.version).where(champions.pipeline == pipeline).scalar_subquery()
    statement = select(MODEL_VERSIONS).where(
        versions.pipeline == pipeline,
        challengers.pipeline == pipeline,
        challengers.version == versions.version,
        challengers.version.is_distinct_from(charge),
    )
    row = connection.execute(statement).one_or_none()
    return to_version(row) if row else None


def find_challenger_since(connection: Connection, pipeline: str) -> datetime | None:
    """Since when the challenger is one."""
    challengers = CHALLENGERS.c
    since: datetime | None = connection.execute(
        select(challengers.since).where(challengers.pipeline == pipeline)
    ).scalar()
    return since
