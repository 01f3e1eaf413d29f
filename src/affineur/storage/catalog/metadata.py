"""Which core metadata belongs to which file."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from affineur.storage.catalog.database import Change
from affineur.storage.catalog.portions import portions
from affineur.storage.catalog.schema import metadata


def many(connection: sa.Connection, digests: Sequence[str]) -> dict[str, str]:
    """Return the digest of the metadata of each file whose metadata is known."""
    found: dict[str, str] = {}
    for some in portions(digests):
        rows = connection.execute(
            sa.select(metadata.c.file_sha256, metadata.c.metadata_sha256).where(metadata.c.file_sha256.in_(some))
        )
        found.update({row.file_sha256: row.metadata_sha256 for row in rows})
    return found


def record(change: Change, file_sha256: str, metadata_sha256: str, origin: str) -> None:
    """Remember a file's metadata in place of what was remembered."""
    change.connection.execute(sa.delete(metadata).where(metadata.c.file_sha256 == file_sha256))
    change.connection.execute(
        sa.insert(metadata).values(file_sha256=file_sha256, metadata_sha256=metadata_sha256, origin=origin)
    )
