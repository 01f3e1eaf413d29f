"""Waivers, the addresses of decisions, and what came of judging a project the last time."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "waivers",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("versions", sa.String, nullable=False),
        sa.Column("filename", sa.String, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("index_name", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("ends_at", sa.Float),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("decided_by", sa.String, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("index_name", sa.String, nullable=False),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("filename", sa.String, nullable=False),
    )
    op.create_table(
        "screenings",
        sa.Column("index_name", sa.String, primary_key=True),
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("revision", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("outcome", sa.LargeBinary, nullable=False),
    )
