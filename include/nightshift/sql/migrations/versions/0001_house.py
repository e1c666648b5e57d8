"""The start: registry and ledger (ml), what was measured (monitoring), the scores for analysts (scores)."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply 0001_house.sql as it stands."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text())
