"""Which names an upload may not take: those of modules, those like well-known ones, those reserved elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from affineur.errors import Conflict, InvalidUpload
from affineur.model.names import ProjectName, matches
from affineur.policy.lookalikes.guard import guard
from affineur.policy.lookalikes.spelling import Kind


def refuse_reserved(project: ProjectName, source: str, reserved: Mapping[str, Iterable[str]]) -> None:
    """Refuse a name that another hosted source reserves by one of its patterns (PEP 752 calls them grants).

    Raises:
        Conflict: it does.
    """
    for owner, patterns in reserved.items():
        if owner != source and matches(project, patterns):
            raise Conflict(f"{project} is reserved for the hosted source {owner}; upload it there")


def refuse_confusable(project: ProjectName, data: Path, way_out: str) -> None:
    """Refuse a new name that would be taken for another, by people or by Python.

    Raises:
        InvalidUpload: it is a module's name, or it was denied as a lookalike; `way_out` says what to do.
        InvalidDocument: the refreshed list of popular projects cannot be read.
    """
    found = guard(data).check(project)
    if found.kind == Kind.STDLIB:
        raise InvalidUpload("name", f"{project} is the name of a standard-library module; {way_out}")
    if found.level == "deny":
        raise InvalidUpload("name", f"{project} is too similar to {found.target}; {way_out}")
