"""Users have an address of their own; whether they administer is said by the rights of tokens alone."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the address, and drop what granted nothing."""
    op.add_column("users", sa.Column("mail", sa.String))
    op.drop_column("users", "admin")
