"""Every standing advisory in memory, by project, for look-ups that must not ask the database."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from affineur.model.advisories import ProjectAdvisories
from affineur.model.events import Event
from affineur.model.names import ProjectName
from affineur.storage.catalog import advisories
from affineur.storage.catalog.database import Catalog

_NONE = ProjectAdvisories()


class KnownAdvisories:
    """What the catalog holds, loaded on the first look-up and renewed by the ledger's events.

    Records stay packed until their project is asked for. Any thread may ask.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._packed: dict[ProjectName, list[bytes]] | None = None
        self._ready: dict[ProjectName, ProjectAdvisories] = {}
        self._feeds: tuple[advisories.Feed, ...] = ()

    def of(self, project: ProjectName) -> ProjectAdvisories:
        """Return the advisories of a project; the empty one where none is known."""
        ready = self._ready.get(project)
        if ready is not None:
            return ready
        packed = self._loaded().get(project)
        if packed is None:
            return _NONE
        made = ProjectAdvisories(advisories.unpacked(document) for document in packed)
        with self._lock:
            if self._packed is not None and self._packed.get(project) is packed:
                self._ready[project] = made
        return made

    @property
    def feeds(self) -> tuple[advisories.Feed, ...]:
        """The feeds that were imported, the one looked at last first; empty: never imported."""
        self._loaded()
        return self._feeds

    @property
    def as_of(self) -> datetime | None:
        """When a feed was last looked at; None: never."""
        feeds = self.feeds
        return feeds[0].checked_at if feeds else None

    def _loaded(self) -> dict[ProjectName, list[bytes]]:
        packed = self._packed
        if packed is not None:
            return packed
        with self._lock:
            if self._packed is None:
                self._packed = self._read(None)
                self._feeds = tuple(self._catalog.read_now(advisories.feeds))
            return self._packed

    def _read(self, projects: Sequence[ProjectName] | None) -> dict[ProjectName, list[bytes]]:
        return self._catalog.read_now(gathered, projects)

    def take(self, event: Event) -> tuple[ProjectName, ...]:
        """Renew what an event of the ledger says has changed; return the projects concerned."""
        projects = advisories.concerned(event)
        if event.kind in {advisories.CHECKED, advisories.CHANGED}:
            self.renew(projects)
        return projects

    def renew(self, projects: Sequence[ProjectName]) -> None:
        """Read anew what is known of some projects, and the feeds."""
        with self._lock:
            if self._packed is None:
                return
            fresh = self._read(projects)
            self._feeds = tuple(self._catalog.read_now(advisories.feeds))
            for project in projects:
                self._ready.pop(project, None)
                self._packed.pop(project, None)
            self._packed.update(fresh)


def gathered(connection: sa.Connection, projects: Sequence[ProjectName] | None) -> dict[ProjectName, list[bytes]]:
    """Return the packed advisories that are not withdrawn, by project: of those given, or of all."""
    found: dict[ProjectName, list[bytes]] = {}
    for question in (advisories.standing, advisories.told):
        for project, document in question(connection, projects):
            found.setdefault(project, []).append(document)
    return found
