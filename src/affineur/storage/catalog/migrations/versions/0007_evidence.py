"""Evidence about the content of files, by digest."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("revision", sa.String, nullable=False),
        sa.Column("filename", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_index("evidence_by_project", "evidence", ["project", "kind"])
