"""Attempts that can be fenced, contracts of the source's schema, late rows, maintenance."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply 0004_guards.sql as it stands."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
