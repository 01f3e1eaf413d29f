"""What is wrong with the releases that locks hold is kept as alerts, and who is to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the tables of alerts, notices and preferences; locks may be of what somebody downloads."""
    with op.batch_alter_table("locks") as locks:
        locks.add_column(sa.Column("use_of", sa.String))
        locks.add_column(sa.Column("use_days", sa.Float))
        locks.add_column(sa.Column("muted_until", sa.Float))
    _alerts()
    op.create_table(
        "notices",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("alert", sa.String(20), nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("news", sa.String, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
    )
    op.create_index("notices_by_recipient", "notices", ["owner", "target"])
    op.create_index("notices_by_time", "notices", ["due_at"])
    op.create_index("notices_by_alert", "notices", ["alert"])
    op.create_table(
        "lookout",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("lease", sa.String(32), nullable=False),
        sa.Column("leased_until", sa.Float, nullable=False),
    )
    op.create_table(
        "preferences",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("tell", sa.Text, nullable=False),
        sa.Column("timezone", sa.String, nullable=False),
        sa.Column("quiet", sa.String, nullable=False),
        sa.Column("digest", sa.Float, nullable=False),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(20), primary_key=True),
        sa.Column("lock", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("index_name", sa.String, nullable=False),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("opened_at", sa.Float, nullable=False),
        sa.Column("changed_at", sa.Float, nullable=False),
        sa.Column("closed_at", sa.Float),
        sa.Column("ended_by", sa.String, nullable=False),
    )
    op.create_index("alerts_by_project", "alerts", ["project", "state"])
    op.create_index("alerts_by_lock", "alerts", ["lock", "changed_at"])
    op.create_index("alerts_by_owner", "alerts", ["owner", "changed_at"])
