"""Taking releases back: yank, unyank, status, delete."""

from __future__ import annotations

from typing import Annotated

import msgspec
from packaging.version import InvalidVersion, Version

from affineur.errors import Invalid
from affineur.model.files import ProjectStatus, Status
from affineur.model.names import ProjectName, project_name
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

    reason: Annotated[str, option("Shown by pip.")] = ""


class Unyank(Release, frozen=True):
    """Take a yank back."""


class Delete(Release, frozen=True):
    """Delete a release; its file names are never used again."""


class Mark(msgspec.Struct, frozen=True):
    """Mark a project active, archived, deprecated or quarantined (PEP 792)."""

    project: Annotated[str, argument("The project.")]
    status: Annotated[str, argument("active, archived, deprecated or quarantined.")]
    source: Annotated[str, option("The hosted source.")] = "internal"
    reason: Annotated[str, option("One line.")] = ""


class Withdrawn(msgspec.Struct, frozen=True):
    """A file that an operation concerned."""

    filename: str


async def yank(context: Context, request: Yank) -> list[Withdrawn]:
    """Yank a release; return its files.

    Raises:
        FileUnknown: there is no such release.
    """
    project, version = request.parts
    reason = " ".join(request.reason.split())
    return _files(
        await context.catalog.write(hosted.set_yanked, request.source, project, version, reason, context.actor)
    )


async def unyank(context: Context, request: Unyank) -> list[Withdrawn]:
    """Take a yank back; return the files."""
    project, version = request.parts
    return _files(await context.catalog.write(hosted.set_yanked, request.source, project, version, None, context.actor))


async def delete(context: Context, request: Delete) -> list[Withdrawn]:
    """Delete a release; return the files, whose names are never used again."""
    project, version = request.parts
    return _files(await context.catalog.write(hosted.delete, request.source, project, version, context.actor))


async def mark(context: Context, request: Mark) -> Mark:
    """Set a project's status (PEP 792).

    Raises:
        ProjectUnknown: nothing of that name was uploaded.
    """
    if request.status not in set(Status):
        raise Invalid(f"{request.status!r} is no status; there are {', '.join(Status)}")
    marker = ProjectStatus(Status(request.status), " ".join(request.reason.split()))
    project = project_name(request.project)
    await context.catalog.write(hosted.set_status, request.source, project, marker, context.actor)
    return request


def _files(names: list[str]) -> list[Withdrawn]:
    return [Withdrawn(name) for name in names]
