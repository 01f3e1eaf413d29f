"""Reports: what is held and used."""

from __future__ import annotations

import msgspec

from affineur.operations.context import Context
from affineur.storage.catalog import blobs, cache

UPLOADS = "uploads"
"""The row of files that were uploaded here."""


class ReportCache(msgspec.Struct, frozen=True):
    """Print what is held of each mirror and of the uploads, and what keeping it saved.

    A hit is an answer that needed no transfer from the upstream of its own; sizes are bytes.
    """


class CacheRow(msgspec.Struct, frozen=True):
    """What is held of one mirror, or of all uploads; sizes in bytes."""

    source: str
    files: int
    bytes: int
    pinned: int
    hits: int
    misses: int
    bytes_saved: int
    bytes_fetched: int


async def cache_rows(context: Context, request: ReportCache) -> list[CacheRow]:
    """Return what the store holds and what it saved, mirror by mirror."""
    del request
    held = await context.catalog.read(cache.holdings)
    traffic = await context.catalog.read(cache.traffic_of)
    rows = []
    for source in sorted({*context.config.mirrors, *held, *traffic}):
        here, told = held.get(source, cache.Holding()), traffic.get(source, cache.Traffic())
        rows.append(
            CacheRow(
                source, here.files, here.bytes, here.pinned,
                told.hits, told.misses, told.bytes_saved, told.bytes_fetched,
            )
        )  # fmt: skip
    files, size = (await context.catalog.read(blobs.totals)).get("upload", (0, 0))
    return [*rows, CacheRow(UPLOADS, files, size, 0, 0, 0, 0, 0)]
