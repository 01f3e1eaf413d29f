"""The mirrored files in the store: whose they are, which may go, and what keeping them saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from affineur.storage.catalog.database import Change
from affineur.storage.catalog.portions import portions
from affineur.storage.catalog.schema import attached, blobs, hosted_files, metadata, mirrored, traffic
from affineur.storage.catalog.upsert import insert

MIRROR = "mirror"
"""The origin of blobs that came from an upstream."""


@dataclass(frozen=True, slots=True)
class Held:
    """A mirrored file whose bytes are here; size in bytes."""

    sha256: str
    size: int
    source: str
    project: str
    filename: str


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a mirror served and fetched since it exists; a hit is an answer that needed no transfer of its own."""

    hits: int = 0
    misses: int = 0
    bytes_saved: int = 0
    bytes_fetched: int = 0


@dataclass(frozen=True, slots=True)
class Holding:
    """Number and bytes of the files held, and of those among them that are pinned."""

    files: int = 0
    bytes: int = 0
    pinned: int = 0


def arrived(change: Change, file: Held, md5: str, blake2_256: str) -> None:
    """Note a file that was fetched, verified and stored."""
    now = change.now.timestamp()
    row = {"size": file.size, "md5": md5, "blake2_256": blake2_256, "stored_at": now, "used_at": now}
    change.connection.execute(
        insert(change.connection, blobs)
        .values(sha256=file.sha256, origin=MIRROR, **row)
        .on_conflict_do_update(index_elements=[blobs.c.sha256], set_={"used_at": now, "evicted_at": None})
    )
    own(change, [file])
    add_traffic(change, {file.source: Traffic(bytes_fetched=file.size)})


def own(change: Change, files: Sequence[Held]) -> None:
    """Note which listed files bytes are that are here, also where a process died before it could."""
    now = change.now.timestamp()
    for file in files:
        change.connection.execute(
            insert(change.connection, blobs)
            .values(
                sha256=file.sha256, size=file.size, md5="", blake2_256="", stored_at=now, used_at=now, origin=MIRROR
            )
            .on_conflict_do_update(index_elements=[blobs.c.sha256], set_={"evicted_at": None})
        )
        change.connection.execute(
            insert(change.connection, mirrored)
            .values(sha256=file.sha256, source=file.source, filename=file.filename, project=file.project, pinned=False)
            .on_conflict_do_nothing()
        )


def pin(change: Change, source: str, digests: Collection[str]) -> None:
    """Pin files of a mirror: they are never evicted by themselves."""
    for some in portions(sorted(digests)):
        change.connection.execute(
            sa.update(mirrored).where(mirrored.c.source == source, mirrored.c.sha256.in_(some)).values(pinned=True)
        )


def unpin(change: Change, source: str) -> None:
    """Take the pins from every file of a mirror."""
    change.connection.execute(sa.update(mirrored).where(mirrored.c.source == source).values(pinned=False))


def touch(change: Change, digests: Collection[str]) -> None:
    """Note that blobs were used now."""
    for some in portions(sorted(digests)):
        change.connection.execute(
            sa.update(blobs).where(blobs.c.sha256.in_(some)).values(used_at=change.now.timestamp())
        )


def total(connection: sa.Connection) -> int:
    """Return the bytes of the mirrored files held."""
    return int(
        connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(blobs.c.size), 0)).where(
                blobs.c.origin == MIRROR, blobs.c.evicted_at.is_(None)
            )
        ).scalar_one()
    )


def least_used(connection: sa.Connection, after: tuple[float, str], limit: int) -> list[tuple[float, list[Held]]]:
    """Return mirrored blobs that nothing pins, the longest unused first, each with the files it is listed as.

    `after` is the (moment of use, digest) of the last one looked at, (0.0, "") to begin with.
    """
    pinned = sa.select(mirrored.c.sha256).where(mirrored.c.sha256 == blobs.c.sha256, mirrored.c.pinned)
    hosted = sa.select(hosted_files.c.sha256).where(hosted_files.c.sha256 == blobs.c.sha256)
    used_at, digest = after
    rows = connection.execute(
        sa.select(blobs.c.sha256, blobs.c.size, blobs.c.used_at)
        .where(
            blobs.c.origin == MIRROR,
            blobs.c.evicted_at.is_(None),
            sa.or_(blobs.c.used_at > used_at, sa.and_(blobs.c.used_at == used_at, blobs.c.sha256 > digest)),
            ~pinned.exists(),
            ~hosted.exists(),
        )
        .order_by(blobs.c.used_at, blobs.c.sha256)
        .limit(limit)
    ).all()
    owners: dict[str, list[Held]] = {row.sha256: [] for row in rows}
    sizes = {row.sha256: row.size for row in rows}
    for row in connection.execute(sa.select(mirrored).where(mirrored.c.sha256.in_(owners))):
        owners[row.sha256].append(Held(row.sha256, sizes[row.sha256], row.source, row.project, row.filename))
    return [(row.used_at, owners[row.sha256] or [Held(row.sha256, row.size, "", "", "")]) for row in rows]


def evict(change: Change, sha256: str, used_at: float) -> bool:
    """Note that a blob is given up, unless it was used since `used_at`; its bytes are removed afterwards."""
    changed = change.connection.execute(
        sa.update(blobs)
        .where(blobs.c.sha256 == sha256, blobs.c.used_at == used_at, blobs.c.evicted_at.is_(None))
        .values(evicted_at=change.now.timestamp())
    )
    return changed.rowcount == 1


def lost(change: Change, digests: Sequence[str]) -> None:
    """Note that the bytes of mirrored blobs are gone; they are fetched again when they are asked for."""
    for some in portions(digests):
        change.connection.execute(
            sa.update(blobs)
            .where(blobs.c.sha256.in_(some), blobs.c.origin == MIRROR)
            .values(evicted_at=change.now.timestamp())
        )


def stored(connection: sa.Connection, after: str, limit: int) -> list[tuple[str, str]]:
    """Return (digest, origin) of blobs that should be in the store, in order after a digest."""
    rows = connection.execute(
        sa.select(blobs.c.sha256, blobs.c.origin)
        .where(blobs.c.sha256 > after, blobs.c.evicted_at.is_(None))
        .order_by(blobs.c.sha256)
        .limit(limit)
    )
    return [(row.sha256, row.origin) for row in rows]


def referenced(connection: sa.Connection, digests: Sequence[str]) -> set[str]:
    """Return those of the digests that something refers to: a file, its metadata, signature or provenance."""
    columns = (
        metadata.c.metadata_sha256,
        attached.c.sha256,
        hosted_files.c.metadata_sha256,
        hosted_files.c.signature_sha256,
        hosted_files.c.provenance_sha256,
    )
    found: set[str] = set()
    for some in portions(digests):
        here = sa.select(blobs.c.sha256).where(blobs.c.sha256.in_(some), blobs.c.evicted_at.is_(None))
        found |= set(connection.execute(here).scalars())
        uploaded = sa.select(hosted_files.c.sha256).where(
            hosted_files.c.sha256.in_(some), hosted_files.c.deleted_at.is_(None)
        )
        found |= set(connection.execute(uploaded).scalars())
        for column in columns:
            found |= set(connection.execute(sa.select(column).where(column.in_(some))).scalars())
    return found


def held_files(connection: sa.Connection, source: str) -> dict[str, set[str]]:
    """Return the names of a mirror's files whose bytes are here, by project."""
    query = sa.select(mirrored.c.project, mirrored.c.filename).join(blobs, blobs.c.sha256 == mirrored.c.sha256)
    found: dict[str, set[str]] = {}
    for row in connection.execute(query.where(mirrored.c.source == source, blobs.c.evicted_at.is_(None))):
        found.setdefault(row.project, set()).add(row.filename)
    return found


def add_traffic(change: Change, more: Mapping[str, Traffic]) -> None:
    """Add to the counts of mirrors."""
    for source, counts in more.items():
        values = {
            "hits": counts.hits, "misses": counts.misses,
            "bytes_saved": counts.bytes_saved, "bytes_fetched": counts.bytes_fetched,
        }  # fmt: skip
        grown = {name: traffic.c[name] + value for name, value in values.items()}
        change.connection.execute(
            insert(change.connection, traffic)
            .values(source=source, **values)
            .on_conflict_do_update(index_elements=[traffic.c.source], set_=grown)
        )


def traffic_of(connection: sa.Connection) -> dict[str, Traffic]:
    """Return the counts of every mirror."""
    return {
        row.source: Traffic(row.hits, row.misses, row.bytes_saved, row.bytes_fetched)
        for row in connection.execute(sa.select(traffic))
    }


def holdings(connection: sa.Connection) -> dict[str, Holding]:
    """Return what is held of each mirror."""
    once = sa.select(
        mirrored.c.source, mirrored.c.sha256, sa.func.max(sa.cast(mirrored.c.pinned, sa.Integer)).label("pinned")
    )
    each = once.group_by(mirrored.c.source, mirrored.c.sha256).subquery()
    rows = connection.execute(
        sa.select(
            each.c.source, sa.func.count(), sa.func.coalesce(sa.func.sum(blobs.c.size), 0), sa.func.sum(each.c.pinned)
        )
        .join(blobs, blobs.c.sha256 == each.c.sha256)
        .where(blobs.c.evicted_at.is_(None))
        .group_by(each.c.source)
    )
    return {source: Holding(files, int(size), int(pinned)) for source, files, size, pinned in rows}
