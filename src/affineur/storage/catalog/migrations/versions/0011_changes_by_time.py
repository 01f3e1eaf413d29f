"""When time alone will change what came of judging a project."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Say of each screening when it is to be taken again."""
    op.add_column("screenings", sa.Column("changes_at", sa.Float))
    op.create_index("screenings_by_change", "screenings", ["changes_at"])
