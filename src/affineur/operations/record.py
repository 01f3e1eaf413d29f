"""Keeping the record of downloads and page requests as long, and as precise, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from affineur.operations.context import Context
from affineur.storage.catalog import record_keeping
from affineur.storage.catalog.database import Change

_ALL_DAYS = 36_500


class RecordTidy(msgspec.Struct, frozen=True):
    """Delete records of downloads and page requests that are too old, and blank who asked in those old enough."""


class Tidied(msgspec.Struct, frozen=True):
    """How many records were deleted, and in how many it was blanked who asked."""

    deleted: int
    anonymised: int


async def tidy(context: Context, request: RecordTidy) -> Tidied:
    """Apply the settings `downloads_keep` and `downloads_anonymise_after`, in steps that keep nobody waiting."""
    del request
    config = context.config
    deleted = await _until_done(context, record_keeping.forget, config.downloads_keep)
    return Tidied(deleted, await _until_done(context, record_keeping.anonymise, config.downloads_anonymise_after))


async def _until_done(context: Context, step: Callable[[Change, datetime], int], days: float) -> int:
    if not days:
        return 0
    before = datetime.now(UTC) - timedelta(days=min(days, _ALL_DAYS))

    def fenced(change: Change) -> int:
        context.fence(change)
        return step(change, before)

    total = 0
    while done := await context.catalog.write(fenced):
        total += done
    return total
