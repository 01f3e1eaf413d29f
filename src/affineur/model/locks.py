"""Lock files, whatever tool wrote them: what is pinned, with which files and hashes, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from affineur.model.names import ProjectName


class LockKind(StrEnum):
    """The formats in which sets of releases are written down."""

    REQUIREMENTS = "requirements"
    """A requirements file as pip reads it, with or without hashes; also what `pip freeze` prints."""
    PYLOCK = "pylock"
    """pylock.toml (PEP 751)."""
    PIPFILE = "pipfile"
    """Pipfile.lock of pipenv."""
    POETRY = "poetry"
    """poetry.lock."""
    UV = "uv"
    """uv.lock."""
    PDM = "pdm"
    """pdm.lock."""


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A distribution file that a lock lets in. What the format does not say is empty or None."""

    filename: str = ""
    """Empty where the format has hashes alone."""
    hashes: tuple[tuple[str, str], ...] = ()
    """Algorithm name of `hashlib` and lower-case hex digest, in the order of the lock."""
    url: str = ""
    size: int | None = None
    """Bytes."""
    upload_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    """One entry of a lock. A project may have several, told apart by their markers or groups."""

    project: ProjectName
    """Empty where a direct address does not tell it (`-e .`)."""
    version: str = ""
    """The exact version; empty where the entry does not pin one."""
    specifier: str = ""
    """What is asked for instead, where no version is pinned (`>=2,<3`; empty: anything)."""
    marker: str = ""
    extras: tuple[str, ...] = ()
    files: tuple[LockedFile, ...] = ()
    origin: str = ""
    """A direct address, repository or path, as pip takes it (`git+https://...@commit`); empty: an index."""
    editable: bool = False
    index: str = ""
    """The address of the index the lock names for this entry; empty: the lock's."""
    groups: tuple[str, ...] = ()
    """Dependency groups or extras of the project that bring the entry in; empty: always."""
    requires: tuple[str, ...] = ()
    """The requirements (PEP 508) of this release that the lock records."""
    via: tuple[str, ...] = ()
    """What asked for the entry, as comments say: names of projects, or `-r requirements.in`."""
    requires_python: str = ""
    line: int = 0
    """The line of the entry in its document, from 1; 0 where it is not known."""
    document: str = ""
    """The file that the entry stands in, where it is not the lock itself but one that it names (`-r other.txt`)."""

    @property
    def hashes(self) -> tuple[tuple[str, str], ...]:
        """Every hash of the entry, each once."""
        return tuple(dict.fromkeys(pair for file in self.files for pair in file.hashes))


@dataclass(frozen=True, slots=True)
class Root:
    """The project that a lock is made for, as far as the lock or its pyproject.toml tells."""

    name: str = ""
    """As written."""
    version: str = ""
    requires: tuple[str, ...] = ()
    """Its requirements (PEP 508)."""
    extras: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each extra with its requirements."""
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each dependency group (PEP 735) with its requirements."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A whole lock file."""

    kind: LockKind
    pins: tuple[Pin, ...]
    requires_python: str = ""
    environments: tuple[str, ...] = ()
    """Markers of the environments the lock is made for; empty: any."""
    extras: tuple[str, ...] = ()
    """Which of the groups that its pins name are extras of the project."""
    root: Root | None = None
    """The project that it is made for; None where the format does not tell."""
    index_url: str = ""
    """The address of the index that the file itself names; it may hold credentials: never print it whole."""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    """Other options of a requirements file, as written."""
    constraints: tuple[Pin, ...] = ()
    """What a requirements file lets its projects be (`-c`): these are asked for only where something else asks."""
    unread: tuple[str, ...] = ()
    """What the file holds that is not in here, a sentence each; nothing is left out silently."""
