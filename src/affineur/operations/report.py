"""Reports: what is held and used."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import msgspec

from affineur.errors import Invalid
from affineur.model.names import normalize
from affineur.operations.context import Context
from affineur.operations.fields import CENTURY, WHOLE, number
from affineur.operations.operation import argument, option
from affineur.storage.catalog import blobs, cache, usage

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


class ReportDownloads(msgspec.Struct, frozen=True):
    """Count downloads by the day they were made on, the most first; counts outlive the record they were made from."""

    project: Annotated[str, argument("Only of this project.")] = ""
    by: Annotated[str, option(f"What to count by: {', '.join(usage.COUNTED_BY)}.")] = "project"
    index: Annotated[str, option("Only through this index.")] = ""
    days: Annotated[float, number("Only of the last days; 0: since counting began.", 0, CENTURY)] = 30.0
    limit: Annotated[int, number("How many rows at most; 0: all.", 0, WHOLE)] = 100


class DownloadsRow(msgspec.Struct, frozen=True):
    """How often something was downloaded, and the first and last day (UTC) of it."""

    what: str
    """The project, version, index, client, minor version of Python, platform, or whether in CI; empty: unknown."""
    times: int
    first: date
    last: date


async def downloads_rows(context: Context, request: ReportDownloads) -> list[DownloadsRow]:
    """Return counts of downloads.

    Raises:
        Invalid: they are not counted by that.
        IndexUnknown: the index is not configured.
    """
    if request.by not in usage.COUNTED_BY:
        raise Invalid(f"--by {request.by!r}: one of {', '.join(usage.COUNTED_BY)} is wanted")
    if request.index:
        context.index(request.index)
    since = datetime.now(UTC) - timedelta(days=request.days) if request.days else None
    counted = await context.catalog.read(
        usage.counts, request.by, project=normalize(request.project), index=request.index, since=since,
        limit=request.limit,
    )  # fmt: skip
    return [DownloadsRow(row.what, row.times, row.first, row.last) for row in counted]
