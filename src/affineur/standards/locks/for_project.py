"""What every lock of a project needs before it can be written: pins of everything that the project asks for."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import Requirement

from affineur.errors import Invalid
from affineur.model.locks import Lock, LockedFile, Pin
from affineur.model.names import normalize
from affineur.standards.locks.merge import merged, without_extras
from affineur.standards.locks.project import Project
from affineur.standards.locks.values import meets

ALWAYS = ""
"""The group of what is always wanted."""


def project_pins(lock: Lock, project: Project | None, filename: str) -> list[Pin]:
    """Return the entries of a lock, one for each release, fit to become the lock of a project.

    Args:
        lock: the lock.
        project: its pyproject.toml.
        filename: what the lock is to be called.

    Raises:
        Invalid: the project is not given, or the lock is not one of it.
    """
    if project is None or project.pipfile:
        raise Invalid(f"{filename} repeats what the project's pyproject.toml says: give it with --project")
    pins = without_extras(merged(lock.pins))
    for pin in pins:
        if pin.origin:
            raise Invalid(
                f"{pin.project or pin.origin}: comes from a direct address, which {filename} gets from its tool"
            )
        if not pin.version:
            raise Invalid(f"{pin.project}: it is not pinned to a version, as {filename} wants it: lock it first")
    by_name = by_project(pins)
    for group, text in asked_for(project):
        asked = Requirement(text)
        found = by_name.get(normalize(asked.name), [])
        if not any(meets(pin.version, asked) for pin in found):
            where = f" (of {group})" if group else ""
            has = f": it holds {', '.join(pin.version for pin in found)}" if found else ""
            raise Invalid(f"the lock does not hold {text}{where}, which the project asks for{has}")
    return pins


def by_project(pins: list[Pin]) -> dict[str, list[Pin]]:
    """Return entries by the names of their projects."""
    made: dict[str, list[Pin]] = {}
    for pin in pins:
        made.setdefault(pin.project, []).append(pin)
    return made


def asked_for(project: Project) -> Iterator[tuple[str, str]]:
    """Yield what a project asks for, with the group or extra that does; `ALWAYS` where none."""
    root = project.root
    yield from ((ALWAYS, text) for text in root.requires)
    for name, texts in (*root.extras, *root.groups):
        for text in texts:
            if normalize(Requirement(text).name) != normalize(root.name):
                yield name, text


def named_files(pin: Pin, filename: str) -> Iterator[tuple[LockedFile, str]]:
    """Yield the files of an entry with the one hash that formats have room for, the strongest first choice SHA-256.

    Raises:
        Invalid: a file has no name or no hash.
    """
    if not pin.files:
        raise Invalid(f"{pin.project} {pin.version}: it has no hashes: name an index with --index to look them up")
    for file in pin.files:
        if not (file.filename and file.hashes):
            raise Invalid(
                f"{pin.project} {pin.version}: {filename} wants the names of files, which the source does not say: "
                "name an index with --index to look them up"
            )
        hashes = dict(file.hashes)
        algorithm = "sha256" if "sha256" in hashes else next(iter(hashes))
        yield file, f"{algorithm}:{hashes[algorithm]}"
