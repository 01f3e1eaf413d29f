"""What the cache holds, for whom it is kept, and what it saved."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables of the cache; note evictions."""
    op.add_column("blobs", sa.Column("evicted_at", sa.Float))
    op.create_table(
        "mirrored",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("filename", sa.String, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
    )
    op.create_table(
        "mirror_list",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("requirement", sa.String, primary_key=True),
        sa.Column("releases", sa.String, nullable=False),
        sa.Column("dependencies", sa.Boolean, nullable=False),
        sa.Column("added_at", sa.Float, nullable=False),
        sa.Column("added_by", sa.String, nullable=False),
    )
    op.create_table(
        "traffic",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("hits", sa.BigInteger, nullable=False),
        sa.Column("misses", sa.BigInteger, nullable=False),
        sa.Column("bytes_saved", sa.BigInteger, nullable=False),
        sa.Column("bytes_fetched", sa.BigInteger, nullable=False),
    )
