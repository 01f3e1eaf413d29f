"""Reading what the releases held here require, so that what depends on a project is found at once."""

from __future__ import annotations

import asyncio

import msgspec

from affineur.errors import InvalidDocument
from affineur.model.names import normalize
from affineur.operations.context import Context
from affineur.standards.dependencies import stated
from affineur.storage.blobs import small
from affineur.storage.catalog import requirements
from affineur.storage.catalog.database import Change

_AT_ONCE = 200


class RequirementsRead(msgspec.Struct, frozen=True):
    """Read the requirements out of core metadata that came since the last time."""


class Read(msgspec.Struct, frozen=True):
    """How many metadata files were read."""

    files: int


async def read_requirements(context: Context, request: RequirementsRead) -> Read:
    """Read all metadata not read yet, a few at a time."""
    del request
    files = 0
    while done := await read_some(context):
        files += done
    return Read(files)


async def read_some(context: Context, limit: int = _AT_ONCE) -> int:
    """Read some of the metadata not read yet; return how many, 0 when all are read."""
    digests = await context.catalog.read(requirements.unread, limit)
    found = {digest: await _stated(context, digest) for digest in digests}
    if found:
        await context.catalog.write(_record, context, found)
    return len(found)


def _record(change: Change, context: Context, found: dict[str, list[tuple[str, str]]]) -> None:
    context.fence(change)
    requirements.record(change, found)


async def _stated(context: Context, digest: str) -> list[tuple[str, str]]:
    raw = await small.whole(context.blobs, digest)
    if raw is None:
        return []
    try:
        return [(normalize(one.name), str(one)) for one in await asyncio.to_thread(stated, raw)]
    except InvalidDocument:
        return []
