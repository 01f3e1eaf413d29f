"""A lock written in any format, with what the format could not hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from affineur.model.locks import Lock, LockKind
from affineur.standards.locks.compare import Difference, difference
from affineur.standards.locks.project import Project
from affineur.standards.locks.read import read_lock
from affineur.standards.locks.write_pdm import write_pdm
from affineur.standards.locks.write_pipfile import write_pipfile
from affineur.standards.locks.write_poetry import write_poetry
from affineur.standards.locks.write_pylock import write_pylock
from affineur.standards.locks.write_requirements import write_requirements
from affineur.standards.locks.write_uv import write_uv

FILENAMES = {
    LockKind.REQUIREMENTS: "requirements.txt",
    LockKind.PYLOCK: "pylock.toml",
    LockKind.PIPFILE: "Pipfile.lock",
    LockKind.POETRY: "poetry.lock",
    LockKind.UV: "uv.lock",
    LockKind.PDM: "pdm.lock",
}
"""What files of each format are called."""


@dataclass(frozen=True, slots=True)
class Written:
    """A lock in another format. What is in it was read back to learn what is missing."""

    text: str
    missing: Difference


def write_lock(lock: Lock, kind: LockKind, project: Project | None = None) -> Written:
    """Write a lock in a format.

    Args:
        lock: what to write.
        kind: the format.
        project: the project whose lock it becomes; locks of pipenv, Poetry, uv and PDM name it.

    Raises:
        Invalid: the lock lacks what the format, or the tool that reads it, demands.
    """
    match kind:
        case LockKind.REQUIREMENTS:
            text = write_requirements(lock)
        case LockKind.PYLOCK:
            text = write_pylock(lock)
        case LockKind.PIPFILE:
            text = write_pipfile(lock, project)
        case LockKind.POETRY:
            text = write_poetry(lock, project)
        case LockKind.UV:
            text = write_uv(lock, project)
        case LockKind.PDM:
            text = write_pdm(lock, project)
    return Written(text, difference(lock, read_lock(text, FILENAMES[kind]), project.indexes if project else ()))


def of_groups(lock: Lock, groups: Sequence[str]) -> Lock:
    """Return a lock with what is always wanted and what some groups or extras want; `*` is every group.

    Groups that were chosen are no condition any more.
    """
    if "*" in groups:
        return lock
    wanted = set(groups)
    pins = tuple(replace(pin, groups=()) for pin in lock.pins if not pin.groups or wanted & set(pin.groups))
    return replace(lock, pins=pins, extras=())
