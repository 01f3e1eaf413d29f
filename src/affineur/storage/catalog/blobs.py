"""What is known of the bytes in the blob store."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from affineur.storage.catalog.database import Change
from affineur.storage.catalog.portions import portions
from affineur.storage.catalog.schema import blobs


def record(change: Change, sha256: str, size: int, md5: str, blake2_256: str, origin: str) -> None:
    """Note a stored blob; of a known one only that its bytes are here (again)."""
    known = change.connection.execute(sa.select(blobs.c.sha256).where(blobs.c.sha256 == sha256)).first()
    if known is None:
        now = change.now.timestamp()
        change.connection.execute(
            sa.insert(blobs).values(
                sha256=sha256, size=size, md5=md5, blake2_256=blake2_256, stored_at=now, used_at=now, origin=origin
            )
        )
    else:
        change.connection.execute(sa.update(blobs).where(blobs.c.sha256 == sha256).values(evicted_at=None))


def here(connection: sa.Connection, digests: Sequence[str]) -> set[str]:
    """Return which of some blobs are in the store."""
    found: set[str] = set()
    for some in portions(digests):
        chosen = sa.select(blobs.c.sha256).where(blobs.c.sha256.in_(some), blobs.c.evicted_at.is_(None))
        found.update(connection.execute(chosen).scalars())
    return found


def totals(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """Return number and bytes of the blobs of each origin that are here."""
    rows = connection.execute(
        sa.select(blobs.c.origin, sa.func.count(), sa.func.coalesce(sa.func.sum(blobs.c.size), 0))
        .where(blobs.c.evicted_at.is_(None))
        .group_by(blobs.c.origin)
    )
    return {origin: (count, int(size)) for origin, count, size in rows}


def digests(connection: sa.Connection, known: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the further digests (md5, blake2b_256) of the blobs that were ever here, by SHA-256."""
    found: dict[str, dict[str, str]] = {}
    for some in portions(known):
        rows = connection.execute(
            sa.select(blobs.c.sha256, blobs.c.md5, blobs.c.blake2_256).where(blobs.c.sha256.in_(some))
        )
        for row in rows:
            pairs = (("md5", row.md5), ("blake2b_256", row.blake2_256))
            found[row.sha256] = {name: digest for name, digest in pairs if digest}
    return found
