"""The pages of what is watched, kept fresh though nobody asks for them: yanks and new releases are seen that way."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from affineur.errors import AffineurError, NotFound
from affineur.model.names import IndexName, ProjectName
from affineur.operations.context import Context
from affineur.operations.operation import option
from affineur.storage.catalog import locks

_AT_ONCE = 8


class MonitorRefresh(msgspec.Struct, frozen=True):
    """Ask for the pages of what locks pin, where they are stale."""

    lock: Annotated[str, option("Only of this lock.")] = ""


class Refreshed(msgspec.Struct, frozen=True):
    """How many pages were asked for, and of how many there is none."""

    projects: int
    failed: int


async def refresh(context: Context, request: MonitorRefresh) -> Refreshed:
    """Ask for pages, a few at a time; what cannot be had is tried again the next time."""
    if request.lock:
        try:
            lock = await context.catalog.read(locks.find, request.lock)
        except NotFound:
            return Refreshed(0, 0)
        wanted = [(lock.index, project) for project, _ in await context.catalog.read(locks.pins, request.lock)]
        wanted = sorted(set(wanted))
    else:
        wanted = await context.catalog.read(locks.pinned_projects)
    places = iter(wanted)
    failed = 0

    async def work() -> None:
        nonlocal failed
        for index, project in places:
            failed += not await _asked_for(context, index, project)

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    await context.journal.write()
    return Refreshed(len(wanted), failed)


async def _asked_for(context: Context, index: str, project: ProjectName) -> bool:
    gated = context.indexes.get(IndexName(index))
    if gated is None:
        return False
    try:
        await gated.screened(project)
    except AffineurError:
        return False
    return True
