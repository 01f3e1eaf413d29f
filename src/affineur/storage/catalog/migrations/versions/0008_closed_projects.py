"""Which projects an index refuses as a whole."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Say of each screening whether it closed the project."""
    op.add_column("screenings", sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()))
