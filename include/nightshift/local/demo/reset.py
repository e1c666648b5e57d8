"""Removes what an earlier demo left, so that the same story can be told again."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from nightshift.config.pipeline import PipelineConfig
from nightshift.errors import NightshiftError
from nightshift.local.demo.script import PIPELINE

# In this order: rows that point at others first.
MODELS = (
    "monitoring.drift",
    "monitoring.drift_columns",
    "monitoring.performance",
    "monitoring.retrain_decisions",
    "monitoring.retrain_requests",
    "monitoring.alerts",
    "monitoring.shadow_scores",
    "monitoring.shadow_comparisons",
    "ml.champions",
    "ml.challengers",
    "ml.promotions",
    "ml.gate_decisions",
    "ml.trials",
    "ml.cards",
    "ml.model_versions",
)
PARTITIONS = ("monitoring.validation", "ml.ledger", "ml.ledger_history")


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
            f"{config.folder / 'pipeline.yaml'}: {PIPELINE} is no longer marked as simulated, so the demo does not "
            "touch its rows"
        )
    forget_models(connection, PIPELINE)
    _delete_rows(connection, PARTITIONS, PIPELINE)
    connection.execute(text(f"drop table if exists scores.{PIPELINE} cascade"))


def forget_models(connection: Connection, pipeline: str) -> None:
    """Delete the pipeline's models and everything that was measured of them. For demos and benchmarks only."""
    _delete_rows(connection, MODELS, pipeline)


def _delete_rows(connection: Connection, tables: Sequence[str], pipeline: str) -> None:
    for name in tables:
        # The history refuses to be deleted; only the tables' owner can ask for that.
        connection.execute(text(f"alter table {name} disable trigger user"))
        connection.execute(text(f"delete from {name} where pipeline = :pipeline"), {"pipeline": pipeline})
        connection.execute(text(f"alter table {name} enable trigger user"))
