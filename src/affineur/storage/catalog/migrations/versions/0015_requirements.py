"""What releases held here require, by the project required."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the table; metadata kept so far is read like what comes."""
    op.create_table(
        "requirements",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("metadata_sha256", sa.String(64), primary_key=True),
        sa.Column("requirement", sa.String, primary_key=True),
    )
    op.add_column("metadata", sa.Column("requirements_read", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("metadata_by_state", "metadata", ["requirements_read"])
    op.create_index("metadata_by_content", "metadata", ["metadata_sha256"])
    op.create_index("mirrored_by_project", "mirrored", ["project"])
