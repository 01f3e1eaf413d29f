"""What changed in an index, for mirrors: the ledger's entries about projects that it serves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from affineur.model.events import Entry, Event
from affineur.model.filenames import version_in
from affineur.model.names import ProjectName
from affineur.sources.gated import Gated
from affineur.sources.layered import Layered
from affineur.sources.source import Source
from affineur.storage.catalog import ledger, projects
from affineur.storage.catalog.database import Catalog

_BATCH = 5000
_ACTIONS = {
    "release.yanked": "yank release",
    "release.unyanked": "unyank release",
    "release.deleted": "remove release",
    "project.status": "change status",
    "page.refreshed": "refresh files",
}


@dataclass(frozen=True, slots=True)
class ProjectChange:
    """A change of one project; `version` is None where the change is not of one release."""

    project: str
    version: str | None
    at: datetime
    action: str
    serial: int


def _gates_and_stores(source: Gated | Source) -> tuple[list[str], list[str]]:
    """Return the names of the indexes and of the stores under a source, the stores in order of precedence."""
    if isinstance(source, Gated):
        gates, stores = _gates_and_stores(source.source)
        return [source.name, *gates], stores
    if isinstance(source, Layered):
        parts = [_gates_and_stores(part) for part in source.sources]
        return [gate for gates, _ in parts for gate in gates], [store for _, stores in parts for store in stores]
    return [], [source.name]


async def last_serial(index: Gated) -> int:
    """Return the serial of the index's latest change, as its root page states it."""
    return max((await index.projects()).values(), default=0)


async def changes(index: Gated, catalog: Catalog, after: int, limit: int) -> list[ProjectChange]:
    """Return the changes with a serial above `after`, in order, at most `limit`.

    A change counts where it happened in the store that supplies the project, and up to the serial
    that the project's page states: a mirror that waits for a serial must find it there.
    """
    gates, stores = _gates_and_stores(index)
    places = [*gates, *stores]
    serials = await index.projects()
    found: list[ProjectChange] = []
    while len(found) < limit:
        entries = await catalog.read(ledger.of_projects, places, after, _BATCH)
        served = [e for e in entries if e.serial <= serials.get(e.event.project, 0)]
        held = await catalog.read(projects.places, sorted({e.event.project for e in served}))
        found += await asyncio.to_thread(_changes, served, held, stores)
        if len(entries) < _BATCH:
            break
        after = entries[-1].serial
    return found[:limit]


def _changes(entries: Sequence[Entry], held: Mapping[str, Set[str]], stores: Sequence[str]) -> list[ProjectChange]:
    """Return the entries of the stores that supply their projects, and of the indexes over them."""
    suppliers = {name: next((s for s in stores if s in known), None) for name, known in held.items()}
    return [
        ProjectChange(e.event.project, _version(e.event), e.at, _action(e.event), e.serial)
        for e in entries
        if e.event.place == suppliers[e.event.project] or e.event.place not in stores
    ]


def _version(event: Event) -> str | None:
    if "version" in event.data:
        return str(event.data["version"])
    if "filename" in event.data:
        return version_in(str(event.data["filename"]), ProjectName(event.project))
    return None


def _action(event: Event) -> str:
    if event.kind == "file.uploaded":
        return f"add file {event.data['filename']}"
    return _ACTIONS.get(event.kind, event.kind.replace(".", " "))
