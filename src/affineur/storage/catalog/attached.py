"""Signatures and provenance of mirrored files, as the upstream last gave them."""

from __future__ import annotations

import sqlalchemy as sa

from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import attached
from affineur.storage.catalog.upsert import insert


def find(connection: sa.Connection, source: str, file_sha256: str, kind: str) -> str | None:
    """Return the digest of what was kept of a kind beside a file, or None."""
    return connection.execute(
        sa.select(attached.c.sha256).where(
            attached.c.source == source, attached.c.file_sha256 == file_sha256, attached.c.kind == kind
        )
    ).scalar()


def record(change: Change, source: str, file_sha256: str, kind: str, sha256: str) -> None:
    """Remember what stands beside a file in place of what was remembered."""
    change.connection.execute(
        insert(change.connection, attached)
        .values(source=source, file_sha256=file_sha256, kind=kind, sha256=sha256)
        .on_conflict_do_update(
            index_elements=[attached.c.source, attached.c.file_sha256, attached.c.kind], set_={"sha256": sha256}
        )
    )
