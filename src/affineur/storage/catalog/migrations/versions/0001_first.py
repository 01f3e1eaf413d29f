"""The first schema, spelt out: what a later schema says must not change what this step makes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make every table of the first schema."""
    _record()
    _mirrored()
    _hosted()
    _blobs()
    _principals()
    _downloads()


def _record() -> None:
    op.create_table(
        "ledger",
        sa.Column("serial", _SERIAL, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("place", sa.String, nullable=False),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_table(
        "projects",
        sa.Column("place", sa.String, primary_key=True),
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("serial", sa.BigInteger, nullable=False),
    )


def _mirrored() -> None:
    op.create_table(
        "listings",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("etag", sa.String, nullable=False),
        sa.Column("last_modified", sa.String, nullable=False),
        sa.Column("checked_at", sa.Float, nullable=False),
    )


def _hosted() -> None:
    op.create_table(
        "hosted_files",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("filename", sa.String, primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("uploader", sa.String, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("metadata_sha256", sa.String(64)),
        sa.Column("signature_sha256", sa.String(64)),
        sa.Column("provenance_sha256", sa.String(64)),
        sa.Column("yanked", sa.Boolean, nullable=False),
        sa.Column("yanked_reason", sa.Text, nullable=False),
        sa.Column("deleted_at", sa.Float),
    )
    op.create_index("hosted_files_by_project", "hosted_files", ["source", "project"])
    op.create_table(
        "hosted_projects",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("claimed_at", sa.Float, nullable=False),
        sa.Column("claimed_by", sa.String, nullable=False),
    )
    op.create_table(
        "claims",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("granted_by", sa.String, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
    )


def _blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("md5", sa.String(32), nullable=False),
        sa.Column("blake2_256", sa.String(64), nullable=False),
        sa.Column("stored_at", sa.Float, nullable=False),
        sa.Column("used_at", sa.Float, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
    )
    op.create_table(
        "metadata",
        sa.Column("file_sha256", sa.String(64), primary_key=True),
        sa.Column("metadata_sha256", sa.String(64), nullable=False),
        sa.Column("origin", sa.String, nullable=False),
    )


def _principals() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("admin", sa.Boolean, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("user", sa.String, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("indexes", sa.Text, nullable=False),
        sa.Column("rights", sa.Text, nullable=False),
        sa.Column("projects", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float),
        sa.Column("revoked_at", sa.Float),
    )


def _downloads() -> None:
    op.create_table(
        "downloads",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("index_name", sa.String, nullable=False),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("filename", sa.String, nullable=False),
        sa.Column("principal", sa.String, nullable=False),
        sa.Column("client", sa.String, nullable=False),
        sa.Column("address", sa.String, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
    )
    op.create_index("downloads_by_project", "downloads", ["project", "at"])
