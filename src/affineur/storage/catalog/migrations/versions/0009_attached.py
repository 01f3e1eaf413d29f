"""Signatures and provenance of mirrored files are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table of what stands beside mirrored files."""
    op.create_table(
        "attached",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("file_sha256", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
    )
    op.create_index("attached_by_content", "attached", ["sha256"])
