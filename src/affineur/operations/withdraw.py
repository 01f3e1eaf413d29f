"""Taking releases back: yank, unyank, status, delete."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from affineur.errors import Invalid
from affineur.model.files import ProjectStatus, Status
from affineur.model.names import project_name
from affineur.storage.catalog import hosted
from affineur.storage.catalog.database import Catalog


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion as error:
        raise Invalid(f"{text!r} is not a version") from error


def yank(catalog: Catalog, source: str, project: str, version: str, reason: str, actor: str = "") -> list[str]:
    """Yank a release (PEP 592); return its file names.

    Raises:
        FileUnknown: there is no such release.
    """
    return catalog.write_now(hosted.set_yanked, source, project_name(project), _version(version), reason, actor)


def unyank(catalog: Catalog, source: str, project: str, version: str, actor: str = "") -> list[str]:
    """Take a yank back; return the file names."""
    return catalog.write_now(hosted.set_yanked, source, project_name(project), _version(version), None, actor)


def delete(catalog: Catalog, source: str, project: str, version: str, actor: str = "") -> list[str]:
    """Delete a release; its file names are never used again."""
    return catalog.write_now(hosted.delete, source, project_name(project), _version(version), actor)


def set_status(catalog: Catalog, source: str, project: str, status: str, reason: str, actor: str = "") -> None:
    """Set a project's status (PEP 792): active, archived, deprecated or quarantined.

    Raises:
        ProjectUnknown: nothing of that name was uploaded.
    """
    marker = ProjectStatus(Status(status), reason)
    catalog.write_now(hosted.set_status, source, project_name(project), marker, actor)
