"""Jobs and the timetable that adds them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables of jobs."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("unique_key", sa.String, unique=True),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("added_at", sa.Float, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("problem", sa.Text, nullable=False),
    )
    op.create_index("jobs_by_state", "jobs", ["state", "due_at"])
    op.create_table(
        "timetable",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("due_at", sa.Float, nullable=False),
    )
