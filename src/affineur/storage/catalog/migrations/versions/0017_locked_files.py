"""Which files locks name, by their digests."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "locked_files",
        sa.Column("lock", sa.String, primary_key=True),
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("version", sa.String, primary_key=True),
        sa.Column("sha256s", sa.LargeBinary, nullable=False),
    )
    op.create_index("locked_files_by_project", "locked_files", ["project", "version"])
