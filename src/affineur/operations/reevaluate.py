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

    Of an index that is not configured any more nothing is.
    """
    await context.catch_up()
    chosen = [gated for gated in context.indexes.values() if request.index in {"", gated.name}]
    wanted = [normalize(name) for name in request.projects]
    work: list[tuple[Gated, str]] = []
    for gated in chosen:
        judged = await context.catalog.read(decisions.judged, IndexName(gated.name), wanted)
        work += [(gated, project) for project in judged]
    files = 0
    for done, (gated, project) in enumerate(work):
        if wanted:
            context.journal.forget(project)  # what this process noted may not be what is kept
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
