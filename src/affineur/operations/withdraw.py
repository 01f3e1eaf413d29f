"""Taking releases back: yank, unyank, delete, undelete; and a project's status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from packaging.version import InvalidVersion, Version

from affineur.errors import IndexUnknown, Invalid
from affineur.model.files import ProjectStatus, Status
from affineur.model.names import ProjectName, project_name
from affineur.model.printable import in_one_line
from affineur.operations.context import Context
from affineur.operations.operation import argument, option
from affineur.storage.catalog import hosted


class Release(msgspec.Struct, frozen=True):
    """A release of a hosted source."""

    release: Annotated[str, argument("The release: NAME==VERSION.")]
    source: Annotated[str, option("The hosted source.")] = "internal"

    @property
    def parts(self) -> tuple[ProjectName, str]:
        """Project and canonical version.

        Raises:
            Invalid: it is not of the form NAME==VERSION.
        """
        project, separator, version = self.release.partition("==")
        if not separator:
            raise Invalid(f"{self.release!r}: a release is written NAME==VERSION")
        try:
            return project_name(project.strip()), str(Version(version))
        except InvalidVersion as error:
            raise Invalid(f"{version!r} is not a version") from error


class Yank(Release, frozen=True):
    """Yank a release (PEP 592): only exact pins still get it."""

    reason: Annotated[str, option("Shown by pip and uv.")] = ""


class Unyank(Release, frozen=True):
    """Take a yank back."""


class Delete(Release, frozen=True):
    """Delete a release; its file names are never used again."""


class Undelete(Release, frozen=True):
    """Bring a deleted release back, within the time of the setting `delete_grace`."""


class Project(msgspec.Struct, frozen=True):
    """A project of a hosted source."""

    project: Annotated[str, argument("The project.")]
    source: Annotated[str, option("The hosted source.")] = "internal"


class Deprecate(Project, frozen=True):
    """Mark a project deprecated (PEP 792): it is served and takes uploads."""

    reason: Annotated[str, option("One line, shown beside the status.")] = ""


class Archive(Project, frozen=True):
    """Mark a project archived (PEP 792): it is served and takes no uploads."""

    reason: Annotated[str, option("One line, shown beside the status.")] = ""


class Quarantine(Project, frozen=True):
    """Quarantine a project (PEP 792): nothing of it is served, and it takes no uploads."""

    reason: Annotated[str, option("One line, shown beside the status.")] = ""


class Activate(Project, frozen=True):
    """Make a project active again."""


class Withdrawn(msgspec.Struct, frozen=True):
    """A file that an operation concerned."""

    filename: str


class Marked(msgspec.Struct, frozen=True):
    """A project with its status."""

    project: str
    status: str
    reason: str


async def yank(context: Context, request: Yank) -> list[Withdrawn]:
    """Yank a release; return its files.

    Raises:
        FileUnknown: there is no such release.
    """
    project, version = request.parts
    reason = in_one_line(request.reason)
    source = _source(context, request)
    return _files(await context.catalog.write(hosted.set_yanked, source, project, version, reason, context.actor))


async def unyank(context: Context, request: Unyank) -> list[Withdrawn]:
    """Take a yank back; return the files.

    Raises:
        FileUnknown: there is no such release.
    """
    project, version = request.parts
    source = _source(context, request)
    return _files(await context.catalog.write(hosted.set_yanked, source, project, version, None, context.actor))


async def delete(context: Context, request: Delete) -> list[Withdrawn]:
    """Delete a release; return the files, whose names are never used again.

    Raises:
        FileUnknown: there is no such release.
    """
    project, version = request.parts
    source = _source(context, request)
    return _files(await context.catalog.write(hosted.delete, source, project, version, context.actor))


async def undelete(context: Context, request: Undelete) -> list[Withdrawn]:
    """Bring a deleted release back; return its files.

    Raises:
        FileUnknown: no such release was deleted, or it was too long ago.
    """
    project, version = request.parts
    source = _source(context, request)
    since = datetime.now(UTC).timestamp() - context.config.delete_grace
    return _files(await context.catalog.write(hosted.undelete, source, project, version, since, context.actor))


async def deprecate(context: Context, request: Deprecate) -> Marked:
    """Mark a project deprecated.

    Raises:
        ProjectUnknown: nothing of that name was uploaded.
    """
    return await _mark(context, request, Status.DEPRECATED, request.reason)


async def archive(context: Context, request: Archive) -> Marked:
    """Mark a project archived.

    Raises:
        ProjectUnknown: nothing of that name was uploaded.
    """
    return await _mark(context, request, Status.ARCHIVED, request.reason)


async def quarantine(context: Context, request: Quarantine) -> Marked:
    """Quarantine a project.

    Raises:
        ProjectUnknown: nothing of that name was uploaded.
    """
    return await _mark(context, request, Status.QUARANTINED, request.reason)


async def activate(context: Context, request: Activate) -> Marked:
    """Make a project active again.

    Raises:
        ProjectUnknown: nothing of that name was uploaded.
    """
    return await _mark(context, request, Status.ACTIVE, "")


async def _mark(context: Context, request: Project, status: Status, reason: str) -> Marked:
    project, marker = project_name(request.project), ProjectStatus(status, in_one_line(reason))
    await context.catalog.write(hosted.set_status, _source(context, request), project, marker, context.actor)
    return Marked(project, marker.status.value, marker.reason)


def _source(context: Context, request: Release | Project) -> str:
    if request.source not in context.config.hosted:
        raise IndexUnknown(request.source, sorted(context.config.hosted))
    return request.source


def _files(names: list[str]) -> list[Withdrawn]:
    return [Withdrawn(name) for name in names]
