"""ml.gate_decisions and ml.promotions: what was decided, and who promoted which version. Rows are only added."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, TableClause, select
from sqlalchemy.dialects.postgresql import insert

from nightshift.io.registry.champions import PromotionKind
from nightshift.io.warehouse.schema import GATE_DECISIONS, PROMOTIONS


@dataclass(frozen=True)
class Promotion:
    """One row of ml.promotions."""

    id: int
    version: int
    previous_version: int | None
    promoted_at: datetime
    promoted_by: str
    reason: str
    gate_decision_id: int | None
    kind: PromotionKind
    approved_by: str | None
    run_id: str | None


@dataclass(frozen=True)
class Decision:
    """One row of ml.gate_decisions; `rules` are the records of every rule."""

    id: int
    candidate_version: int
    champion_version: int | None
    decision: str
    rules: list[dict[str, Any]]
    decided_at: datetime
    reason: str


def record_decision(
    connection: Connection,
    pipeline: str,
    candidate: int,
    champion: int | None,
    decision: str,
    rules: list[dict[str, Any]],
    reason: str,
) -> int:
    """Keep the gate's decision with every rule's figures; return its id."""
    decided = {
        "pipeline": pipeline,
        "candidate_version": candidate,
        "champion_version": champion,
        "decision": decision,
        "rules": rules,
        "reason": reason,
    }
    statement = insert(GATE_DECISIONS).values(decided).returning(GATE_DECISIONS.c.id)
    identity: int = connection.execute(statement).scalar_one()
    return identity


def list_decisions(connection: Connection, pipeline: str) -> list[Decision]:
    """What the gate decided, oldest first."""
    statement = _select_history(GATE_DECISIONS, Decision, pipeline)
    return [Decision(**row) for row in connection.execute(statement).mappings()]


def list_promotions(connection: Connection, pipeline: str) -> list[Promotion]:
    """Everything that ever changed the champion, oldest first."""
    statement = _select_history(PROMOTIONS, Promotion, pipeline)
    return [Promotion(**row) for row in connection.execute(statement).mappings()]


def _select_history(history: TableClause, record: type[Any], pipeline: str) -> Select[Any]:
    """The columns that the record has."""
    columns = [history.c[field.name] for field in fields(record)]
    return select(*columns).where(history.c.pipeline == pipeline).order_by(history.c.id)
