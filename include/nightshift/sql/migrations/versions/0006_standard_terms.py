"""Columns and tables by the standard terms; the names of 0.1 stay for one release, as views."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply 0006_standard_terms.sql as it stands."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text().replace("%", "%%"))
