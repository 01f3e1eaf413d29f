"""Judging again what is held, when advisories, policies or waivers have changed: without a request to any upstream."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from affineur.errors import NotFound
from affineur.model.names import IndexName, normalize
from affineur.operations.context import Context
from affineur.operations.operation import option
from affineur.sources.gated import Gated
from affineur.storage.catalog import decisions

_AT_ONCE = 200


class Reevaluate(msgspec.Struct, frozen=True):
    """Judge again the files of projects that were judged before."""

    projects: Annotated[tuple[str, ...], option("These projects; none: all.")] = ()
    index: Annotated[str, option("Only in this index.")] = ""


class Reevaluated(msgspec.Struct, frozen=True):
    """How much was judged again."""

    projects: int
    files: int


async def reevaluate(context: Context, request: Reevaluate) -> Reevaluated:
    """Judge files again; those that became refused or free go into the ledger.

    Raises:
        IndexUnknown: the index is not configured.
    """
    await context.catch_up()
    chosen = [context.index(request.index)] if request.index else list(context.indexes.values())
    wanted = {normalize(name) for name in request.projects}
    work: list[tuple[Gated, str]] = []
    for gated in chosen:
        judged = await context.catalog.read(decisions.judged, IndexName(gated.name))
        work += [(gated, project) for project in judged if not wanted or project in wanted]
    files = 0
    for done, (gated, project) in enumerate(work):
        try:
            files += len((await gated.judged_again(normalize(project))).decisions)
        except NotFound:
            continue
        if done % _AT_ONCE == _AT_ONCE - 1:
            context.progress(done, len(work), project)
            await context.journal.write()
            await asyncio.sleep(0)
    await context.journal.write()
    return Reevaluated(len(work), files)
