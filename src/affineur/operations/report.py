"""Reports: what is held and used."""

from __future__ import annotations

import msgspec

from affineur.operations.context import Context
from affineur.storage.catalog import blobs


class ReportCache(msgspec.Struct, frozen=True):
    """Print number and bytes of the files held, by origin."""


class CacheRow(msgspec.Struct, frozen=True):
    """The files held of one origin (mirror or upload); sizes in bytes."""

    origin: str
    files: int
    bytes: int


async def cache(context: Context, request: ReportCache) -> list[CacheRow]:
    """Return what the store holds, by origin."""
    del request
    totals = await context.catalog.read(blobs.totals)
    return [CacheRow(origin, count, size) for origin, (count, size) in totals.items()]
