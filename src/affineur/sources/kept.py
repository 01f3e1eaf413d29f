"""A mirror's listings as they are kept: packed, replaced only by who saw the one before."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import sqlalchemy as sa
import zstandard

from affineur.model.events import Event
from affineur.sources.pinned import Delta, Listing
from affineur.storage.catalog import listings
from affineur.storage.catalog.database import Change

_DECODER = msgspec.json.Decoder(Listing)
_LARGEST = 2**30
_MOST_NAMES_IN_ENTRY = 200


def unpack(document: bytes) -> Listing:
    """Return a kept listing."""
    return _DECODER.decode(zstandard.ZstdDecompressor().decompress(document, max_output_size=_LARGEST))


def pack(listing: Listing) -> bytes:
    """Return a listing as it is kept."""
    return zstandard.ZstdCompressor(level=1).compress(msgspec.json.encode(listing))


def load(connection: sa.Connection, source: str, project: str) -> Listing:
    """Return the listing of a project, empty where there is none."""
    stored = listings.load(connection, source, project)
    return unpack(stored.document) if stored is not None else Listing()


def store(
    change: Change,
    source: str,
    project: str,
    before: bytes,
    document: bytes,
    validators: tuple[str, str],
    delta: Delta,
) -> bool:
    """Replace the listing made from `before` (empty: there was none) and enter what changed.

    False, and nothing is changed, where another one was stored meanwhile: hashes learnt since
    must not be lost.
    """
    present = listings.load(change.connection, source, project)
    if (present.document if present is not None else b"") != before:
        return False
    listings.store(change, source, project, document, *validators)
    if delta or not before:
        change.enter(Event("page.refreshed", source, project, data=_told(delta)))
    return True


def learn(change: Change, source: str, project: str, filename: str, sha256: str, size: int) -> None:
    """Pin the hash and size that a file was found to have; those pinned before stay."""
    stored = listings.load(change.connection, source, project)
    if stored is None:
        return
    listing = unpack(stored.document)
    file = next((file for file in listing.files if file.filename == filename), None)
    if file is None or (file.sha256 is not None and file.size is not None):
        return
    pinned = replace(file, hashes={"sha256": sha256, **file.hashes}, size=file.size if file.size is not None else size)
    files = tuple(pinned if other is file else other for other in listing.files)
    listings.store(
        change, source, project, pack(replace(listing, files=files)), stored.etag, stored.last_modified,
        checked_at=stored.checked_at,
    )  # fmt: skip
    change.enter(Event("page.refreshed", source, project, data=_told(Delta(changed=(filename,)))))


def _told(delta: Delta) -> dict[str, object]:
    """Return what the ledger says of a change."""
    told: dict[str, object] = {"status": delta.status} if delta.status is not None else {}
    for name in ("added", "changed", "vanished", "conflicting"):
        files: tuple[str, ...] = getattr(delta, name)
        more = len(files) - _MOST_NAMES_IN_ENTRY
        if files:
            told[name] = [*files[:_MOST_NAMES_IN_ENTRY], *([f"and {more} more"] if more > 0 else [])]
    return told
