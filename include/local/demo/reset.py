"""Removes what an earlier demo left, so that the same story can be told again."""

from sqlalchemy import Connection, text

from include.config.pipeline import PipelineConfig
from include.errors import NightshiftError
from include.local.demo.script import PIPELINE

# In this order: rows that point at others first.
TABLES = (
    "monitoring.validation",
    "monitoring.drift",
    "monitoring.performance",
    "monitoring.retrain_decisions",
    "ml.promotions",
    "ml.champions",
    "ml.gate_decisions",
    "ml.model_versions",
    "ml.ledger",
    "ml.ledger_history",
)


def has_state(connection: Connection) -> bool:
    """Whether an earlier demo left anything."""
    found = connection.execute(
        text("select exists (select from ml.ledger_history where pipeline = :pipeline)"), {"pipeline": PIPELINE}
    )
    return bool(found.scalar())


def reset_warehouse(connection: Connection, config: PipelineConfig) -> None:
    """Delete the rows of the demo's pipeline; NightshiftError unless it says that its data are simulated."""
    if not config.spec.simulated:
        raise NightshiftError(
            f"{config.folder / 'pipeline.yaml'}: {PIPELINE} is not marked as simulated any more, so the demo does not "
            "touch its rows"
        )
    for name in TABLES:
        connection.execute(text(f"delete from {name} where pipeline = :pipeline"), {"pipeline": PIPELINE})
    connection.execute(text(f"drop table if exists scores.{PIPELINE} cascade"))
