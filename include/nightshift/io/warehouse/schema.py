"""The warehouse's fixed tables, as SQLAlchemy names them, and how a row replaces its older self."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnClause, Connection, TableClause, column, table
from sqlalchemy.dialects.postgresql import JSONB, insert


def _table(schema: str, name: str, columns: str, json: str = "") -> TableClause:
    named: list[ColumnClause[Any]] = [column(text) for text in columns.split()]
    return table(name, *named, *(column(text, JSONB) for text in json.split()), schema=schema)


LEDGER = _table(
    "ml",
    "ledger",
    "pipeline partition_date kind attempt model_version rows object_uri sha256 written_at inputs_sha256 config_sha256"
    " code_version attempt_number",
    json="params",
)
MODEL_VERSIONS = _table(
    "ml",
    "model_versions",
    "pipeline version created_at run_id artifact_uri artifact_sha256 reference_uri reference_sha256 config_sha256"
    " code_version train_from train_to holdout_from holdout_to rows estimator seed threshold golden_uri golden_sha256",
    json="parameters features inputs metrics decision_rule predictor",
)
GATE_DECISIONS = _table(
    "ml", "gate_decisions", "id pipeline candidate_version champion_version decision reason decided_at", json="rules"
)
CHAMPIONS = _table("ml", "champions", "pipeline version since promotion_id")
CHALLENGERS = _table("ml", "challengers", "pipeline version since gate_decision_id")
PROMOTIONS = _table(
    "ml",
    "promotions",
    "id pipeline version previous_version promoted_at promoted_by reason gate_decision_id kind approved_by run_id",
)
TRIALS = _table(
    "ml",
    "trials",
    "pipeline run_id number rung estimator rows metric value seconds failure tried_at",
    json="parameters fold_values",
)
CARDS = _table("ml", "cards", "pipeline version kind format object_uri sha256 written_at")
VALIDATION = _table(
    "monitoring",
    "validation",
    "pipeline partition_date success rows quarantined repeated moved checked_at",
    json="failures source_columns",
)
DRIFT = _table(
    "monitoring",
    "drift",
    "pipeline window_from window_to model_version drifted share reference_rows current_rows reason report_uri"
    " report_json_uri reference prediction_score measured_at",
    json="columns",
)
DRIFT_COLUMNS = _table(
    "monitoring",
    "drift_columns",
    "pipeline partition_date model_version column_name kind method score score_limit drifted weight missing_reference"
    " missing_current new_share reason measured_at",
    json="new_categories",
)
PERFORMANCE = _table(
    "monitoring", "performance", "pipeline partition_date model_version metric value rows kind measured_at"
)
SHADOW_COMPARISONS = _table(
    "monitoring",
    "shadow_comparisons",
    "pipeline window_from window_to model_version champion_version metric rows challenger champion gain gain_low"
    " gain_high result compared_at",
)
RETRAIN_REQUESTS = _table(
    "monitoring",
    "retrain_requests",
    "id pipeline run_id as_of reason requested_on requested_at closed_at outcome improved",
)
RETRAIN_DECISIONS = _table(
    "monitoring",
    "retrain_decisions",
    "id pipeline as_of decided_at decision reason run_id evaluation model_version",
    json="criteria",
)
ALERTS = _table(
    "monitoring",
    "alerts",
    "id pipeline kind subject what why todo link opened_at notified_at recipients recovered_at recovery"
    " recovery_notified_at recovery_recipients problem",
)
SCHEMA_CHANGES = _table(
    "monitoring",
    "schema_changes",
    "id pipeline partition_date policy column_name change expected found accepted detail seen_at",
)
QUARANTINE_REPLAYS = _table(
    "ml",
    "quarantine_replays",
    "id pipeline run_id partition_date quarantine_sha256 rows accepted replayed_by reason replayed_at finished_at",
    json="into_partitions",
)
MAINTENANCE = _table(
    "monitoring", "maintenance", "id run_id pipeline kind dry_run objects rows bytes done_at", json="detail"
)


def upsert(connection: Connection, target: TableClause, key: Sequence[str], values: dict[str, Any]) -> None:
    """Insert the row; where one with the same key exists, it takes the new values instead."""
    statement = insert(target).values(values)
    changed = {name: statement.excluded[name] for name in values if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed))
