"""Indexes: listed, shown; who may claim names in them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from affineur.errors import IndexUnknown
from affineur.model.names import project_name
from affineur.operations.context import Context
from affineur.operations.operation import argument
from affineur.storage.catalog import hosted


class IndexList(msgspec.Struct, frozen=True):
    """List the indexes with their sources."""


class IndexShow(msgspec.Struct, frozen=True):
    """Show one index: its sources, its policy, how many projects it holds."""

    name: Annotated[str, argument("The index.")]


class IndexRow(msgspec.Struct, frozen=True):
    """An index as configured."""

    name: str
    sources: list[str]
    policy: str
    anonymous: bool


class IndexState(msgspec.Struct, frozen=True):
    """An index with what it holds."""

    name: str
    sources: list[str]
    policy: str
    anonymous: bool
    projects: int


class Claim(msgspec.Struct, frozen=True):
    """Grant that a name served from outside may be claimed by an upload."""

    project: Annotated[str, argument("The project's name.")]


async def list_indexes(context: Context, request: IndexList) -> list[IndexRow]:
    """Return the indexes as configured."""
    del request
    return [IndexRow(i.name, list(i.sources), i.policy, bool(i.anonymous)) for i in context.config.indexes.values()]


async def show_index(context: Context, request: IndexShow) -> IndexState:
    """Return one index with the number of projects it holds.

    Raises:
        IndexUnknown: it is not configured.
    """
    configured = context.config.indexes.get(request.name)
    if configured is None:
        raise IndexUnknown(request.name, sorted(context.config.indexes))
    held = await context.index(request.name).projects()
    return IndexState(
        configured.name, list(configured.sources), configured.policy, bool(configured.anonymous), len(held)
    )


async def claim(context: Context, request: Claim) -> Claim:
    """Grant a claim; the upload that follows takes the name."""
    await context.catalog.write(hosted.grant_claim, project_name(request.project), context.actor)
    return request
