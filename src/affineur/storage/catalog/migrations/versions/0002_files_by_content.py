"""Find the files of a hosted source that have a given content."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the index."""
    op.create_index("hosted_files_by_content", "hosted_files", ["source", "sha256"])
