"""Which projects and locks the ledger's entries concern."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from affineur.model.events import Entry
from affineur.storage.catalog import advisories

_ABOUT_PROJECTS = (
    "page.refreshed", "file.quarantined", "file.released", "file.uploaded", "project.", "release.", "claim.",
    "waiver.granted", "waiver.revoked",
)  # fmt: skip
"""The beginnings of kinds of events after which a release may stand otherwise than before."""
_ABOUT_INDEXES = frozenset({"policy.changed", "names.updated", "waiver.granted", "waiver.revoked"})
"""Kinds of events that, where they name no project, may change decisions about all of an index."""


@dataclass(frozen=True, slots=True)
class Concerned:
    """What is to be looked at again."""

    projects: frozenset[str]
    locks: frozenset[str]
    indexes: frozenset[str] = frozenset()
    """Indexes in which anything may be decided otherwise now; "" stands for all."""

    def __or__(self, other: Concerned) -> Concerned:
        return Concerned(self.projects | other.projects, self.locks | other.locks, self.indexes | other.indexes)

    def __bool__(self) -> bool:
        return bool(self.projects or self.locks or self.indexes)


def concerned(entries: Iterable[Entry]) -> Concerned:
    """Return what entries of the ledger concern."""
    projects: set[str] = set()
    locks: set[str] = set()
    indexes: set[str] = set()
    for entry in entries:
        event = entry.event
        if event.kind.startswith("lock."):
            locks.add(event.data["name"])
        elif event.kind == advisories.CHANGED:
            projects.update(advisories.concerned(event))
        elif event.project and event.kind.startswith(_ABOUT_PROJECTS):
            projects.add(event.project)
        elif event.kind in _ABOUT_INDEXES:
            indexes.add(event.place)
    return Concerned(frozenset(projects), frozenset(locks), frozenset(indexes))
