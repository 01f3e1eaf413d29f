"""Which projects and locks the ledger's entries concern."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from affineur.model.events import Entry
from affineur.storage.catalog import advisories

_ABOUT_PROJECTS = (
    "page.refreshed", "file.quarantined", "file.released", "file.uploaded", "project.", "release.", "waiver.granted",
    "waiver.revoked",
)  # fmt: skip
"""The beginnings of kinds of events after which a release may stand otherwise than before."""


@dataclass(frozen=True, slots=True)
class Concerned:
    """What is to be looked at again."""

    projects: frozenset[str]
    locks: frozenset[str]


def concerned(entries: Iterable[Entry]) -> Concerned:
    """Return what entries of the ledger concern."""
    projects: set[str] = set()
    locks: set[str] = set()
    for entry in entries:
        event = entry.event
        if event.kind.startswith("lock."):
            locks.add(event.data["name"])
        elif event.kind == advisories.CHANGED:
            projects.update(advisories.concerned(event))
        elif event.project and event.kind.startswith(_ABOUT_PROJECTS):
            projects.add(event.project)
    return Concerned(frozenset(projects), frozenset(locks))
