"""Locks of projects are kept, and what each pins."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables of locks and of their pins."""
    op.create_table(
        "locks",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("index_name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("filename", sa.String, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("tell", sa.Text, nullable=False),
        sa.Column("added_at", sa.Float, nullable=False),
        sa.Column("changed_at", sa.Float, nullable=False),
        sa.Column("changed_by", sa.String, nullable=False),
    )
    op.create_table(
        "lock_pins",
        sa.Column("lock", sa.String, primary_key=True),
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("version", sa.String, primary_key=True),
    )
    op.create_index("lock_pins_by_project", "lock_pins", ["project", "version"])
