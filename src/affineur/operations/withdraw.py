"""Taking releases back: yank, unyank, delete, undelete; and a project's status."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from packaging.version import InvalidVersion, Version

from affineur.errors import IndexUnknown, Invalid, NotFound
from affineur.model.files import ProjectStatus, Status
from affineur.model.names import ProjectName, project_name
from affineur.model.printable import in_one_line, printable_lines
from affineur.model.quarantines import Quarantine as QuarantineRecord
from affineur.model.waivers import Scope
from affineur.operations.context import Context
from affineur.operations.exposure import Served, release_scope, say_index, served
from affineur.operations.operation import argument, option
from affineur.operations.warning import Concerned, find_concerned, tell_concerned
from affineur.storage.catalog import hosted, quarantines
from affineur.storage.catalog.database import Change


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


class Quarantine(msgspec.Struct, frozen=True):
    """Serve nothing of a project or of some releases until `withdraw activate`, wherever they come from.

    An uploaded project gets the status *quarantined* (PEP 792) and takes no uploads.
    """

    project: Annotated[str, argument("NAME, NAME==VERSION or a range: NAME>=1.82.7,<1.82.9.")]
    source: Annotated[str, option("Only what comes from this mirror or hosted source; empty: from any.")] = ""
    reason: Annotated[str, option("One line, shown to who asks for it.")] = ""
    notify: Annotated[bool, option("Tell who downloaded it, and the owners of locks that hold it.")] = False


class Activate(msgspec.Struct, frozen=True):
    """End a quarantine, or make an uploaded project active again."""

    project: Annotated[str, argument("What was put under quarantine, written as it was then; or a project.")]
    source: Annotated[str, option("The source that was given then.")] = ""


class Withdrawn(msgspec.Struct, frozen=True):
    """A file that an operation concerned."""

    filename: str


class Marked(msgspec.Struct, frozen=True):
    """A project with its status."""

    project: str
    status: str
    reason: str


class Quarantined(msgspec.Struct, frozen=True):
    """What was put under quarantine, and what became of it."""

    project: str
    status: str
    reason: str
    indexes: tuple[Served, ...] = ()
    """What each index does with it now; one whose policy only watches serves on."""
    told: tuple[str, ...] = ()
    """Users that are told."""
    untold: tuple[str, ...] = ()
    """Users that are concerned and named no place to be told at."""
    anonymous: int = 0
    """Downloads by nobody in particular, who cannot be told."""


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


async def quarantine(context: Context, request: Quarantine) -> Quarantined:
    """Put a project or releases under quarantine; nothing of them is served from the next request on.

    Raises:
        Invalid: it names no project.
        IndexUnknown: there is no such source.
    """
    scope, reason = release_scope(request.project), in_one_line(request.reason)
    owning = await _owning(context, scope, request.source)
    concerned = await find_concerned(context, scope) if request.notify else Concerned()
    set_at = datetime.now(UTC)

    def change(change: Change) -> None:
        for source in owning:
            marker = ProjectStatus(Status.QUARANTINED, reason)
            hosted.set_status(change, source, scope.project, marker, context.actor)
        if not owning:
            made = QuarantineRecord(scope, request.source, context.actor, set_at, reason)
            quarantines.add(change, made)
        tell_concerned(change, concerned, scope, context.actor, reason)

    await context.catalog.write(change)
    await context.catch_up()
    indexes, _ = await served(context, scope)
    status = Status.QUARANTINED.value
    return Quarantined(
        str(scope), status, reason, tuple(indexes), concerned.told, concerned.untold, concerned.anonymous
    )


async def activate(context: Context, request: Activate) -> Marked:
    """End a quarantine, or make a project of a hosted source active again.

    Raises:
        Invalid: it names no project.
        IndexUnknown: there is no such source.
        NotFound: exactly this is not under quarantine.
    """
    scope = release_scope(request.project)
    owning = await _owning(context, scope, request.source)

    def change(change: Change) -> None:
        for source in owning:
            hosted.set_status(change, source, scope.project, ProjectStatus(Status.ACTIVE), context.actor)
        if not quarantines.lift(change, scope, request.source, context.actor) and not owning:
            there = [str(one.scope) for one in quarantines.touching(change.connection, scope.project)]
            known = f"; there are {', '.join(there)}" if there else ""
            raise NotFound(f"{scope} is not under quarantine{known}")

    await context.catalog.write(change)
    return Marked(str(scope), Status.ACTIVE.value, "")


async def _owning(context: Context, scope: Scope, source: str) -> list[str]:
    """Return the hosted sources, or that of them which is named, to which a whole project was uploaded.

    Raises:
        IndexUnknown: the source named is none.
    """
    if source and source not in context.config.hosted and source not in context.config.mirrors:
        raise IndexUnknown(source, sorted([*context.config.hosted, *context.config.mirrors]))
    if scope.versions:
        return []
    names = [name for name in context.config.hosted if source in {"", name}]
    return [name for name in names if await context.catalog.read(hosted.owns, name, scope.project)]


def say_quarantined(made: Quarantined) -> str:
    """Tell it on a terminal."""
    lines = [f"{made.project} is {made.status}"]
    lines += [say_index(row) for row in made.indexes]
    if made.told:
        lines.append(f"told: {', '.join(made.told)}")
    if made.untold:
        lines.append(f"named no place to be told at (affineur monitor prefer): {', '.join(made.untold)}")
    if made.anonymous:
        lines.append(f"downloads by nobody in particular, who cannot be told: {made.anonymous}")
    return printable_lines(lines)


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
