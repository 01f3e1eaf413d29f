"""Advisories: the records of feeds, the feeds, and what upstreams said of single versions."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "advisories",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("modified", sa.Float, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("advisories_by_project", "advisories", ["project"])
    op.create_table(
        "advisory_feeds",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("imported_at", sa.Float, nullable=False),
        sa.Column("checked_at", sa.Float, nullable=False),
        sa.Column("newest", sa.Float),
        sa.Column("records", sa.Integer, nullable=False),
        sa.Column("unreadable", sa.Integer, nullable=False),
        sa.Column("etag", sa.String, nullable=False),
    )
    op.create_table(
        "told_advisories",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("version", sa.String, primary_key=True),
        sa.Column("checked_at", sa.Float, nullable=False),
        sa.Column("holes", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_index("told_advisories_by_project", "told_advisories", ["project"])
