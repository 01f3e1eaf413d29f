"""What a source lists: files, the page of a project, and the project's status."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from affineur.model.names import ProjectName, SourceName


class UploadTimeSource(StrEnum):
    """Where the upload time of a file was learnt."""

    UPSTREAM = "upstream"
    JSON_API = "json-api"
    FIRST_SEEN = "first-seen"
    UPLOAD = "upload"


class Status(StrEnum):
    """Project status markers (PEP 792)."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    QUARANTINED = "quarantined"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class ProjectStatus:
    """The status of a project and the reason its owner gave (PEP 792)."""

    status: Status = Status.ACTIVE
    reason: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A distribution file as a source lists it.

    Hashes map an algorithm name of `hashlib` to a lower-case hex digest; sizes are bytes;
    times are aware and in UTC. What is not known is None or empty, never guessed.
    """

    filename: str
    """The file's name, decoded, as it stands at the end of its address."""
    version: str
    """The version as written in the file name; empty where the name does not tell."""
    hashes: dict[str, str] = field(default_factory=dict)
    size: int | None = None
    upload_time: datetime | None = None
    upload_time_source: UploadTimeSource | None = None
    requires_python: str | None = None
    yanked: bool = False
    yanked_reason: str = ""
    metadata_hashes: dict[str, str] | None = None
    """Hashes of the core metadata file; empty: offered without a hash; None: not offered."""
    provenance: str | None = None
    """Where provenance (PEP 740) is had: an upstream address, or "hosted"; None: there is none."""
    signed: bool | None = None
    """Whether a detached OpenPGP signature stands beside the file (`.asc`)."""
    url: str = ""
    """The absolute upstream address; empty for hosted files. Never sent to clients."""
    first_seen: datetime | None = None
    """When this file was first listed here."""
    vanished: datetime | None = None
    """When the upstream stopped listing it; the file stays installable."""
    conflict: str = ""
    """A later claim of the upstream about this name that was refused (trust on first use)."""
    tombstone: bool = False
    """Whether it stands for a name without files that is refused, only to say so; it has no bytes."""

    @property
    def sha256(self) -> str | None:
        """The SHA-256 digest in hex, where it is known."""
        return self.hashes.get("sha256")

    @property
    def is_wheel(self) -> bool:
        """Whether the file is a wheel, by its name."""
        return self.filename.endswith(".whl")


@dataclass(frozen=True, slots=True)
class Page:
    """The listing of one project in one source, before any decision."""

    project: ProjectName
    files: tuple[File, ...]
    source: SourceName = SourceName("")
    versions: tuple[str, ...] = ()
    """Versions that the upstream names besides those of the files."""
    status: ProjectStatus = ProjectStatus()
    serial: int = 0
    """The ledger serial of the last change to this listing."""
    stale_since: datetime | None = None
    """Set when the upstream could not be asked and the listing is past its freshness."""
    fresh_until: datetime | None = None
    """When the listing wants to be asked for again; None: it changes only through the ledger."""
    owned: bool = False
    """Whether a hosted source owns the name."""
    mirrored: bool = False
    """Whether the files come from outside."""

    def file(self, filename: str) -> File | None:
        """Return the file of that name, or None."""
        return next((file for file in self.files if file.filename == filename), None)
