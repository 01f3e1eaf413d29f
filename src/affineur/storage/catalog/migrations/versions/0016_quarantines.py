"""Releases that people put under quarantine."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "quarantines",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("versions", sa.String, primary_key=True),
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("set_by", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
