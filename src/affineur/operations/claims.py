"""What a newly claimed name makes of the projects that were judged before it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import msgspec

from affineur.model.events import Event
from affineur.model.names import IndexName, project_name
from affineur.operations.context import Context
from affineur.operations.operation import option
from affineur.policy.lookalikes.guard import near_misses
from affineur.storage.catalog import decisions, hosted, jobs
from affineur.storage.catalog.database import Change

_AT_ONCE = 200


class ClaimCompare(msgspec.Struct, frozen=True):
    """Find the projects judged before that look like a name now claimed."""

    project: Annotated[str, option("The name.")]


class Compared(msgspec.Struct, frozen=True):
    """What came of it."""

    projects: int
    """Those that are judged again."""


async def compare(context: Context, request: ClaimCompare) -> Compared:
    """Have the projects judged again that may be taken for the one whose name was claimed."""
    claimed = project_name(request.project)
    seen: set[str] = set()
    for index in context.indexes:
        seen.update(await context.catalog.read(decisions.judged, IndexName(index)))
    near = await asyncio.to_thread(near_misses, claimed, sorted(seen))
    if near:
        await context.catalog.write(_tell, claimed, near)
    return Compared(len(near))


def _tell(change: Change, claimed: str, near: Sequence[str]) -> None:
    """Tell every process to forget what it knows of some projects, and have them judged again."""
    for start in range(0, len(near), _AT_ONCE):
        projects = list(near[start : start + _AT_ONCE])
        change.enter(Event(hosted.COMPARED, data={"claimed": claimed, "projects": projects}))
        jobs.add(change, "reevaluate", {"projects": projects})
