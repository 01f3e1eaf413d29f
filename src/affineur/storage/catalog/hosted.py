"""Uploaded files and the projects they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec
import sqlalchemy as sa

from affineur.errors import FileUnknown, ProjectUnknown
from affineur.model.events import Event
from affineur.model.files import File, ProjectStatus, Status
from affineur.storage.catalog import jobs, projects
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import blobs, claims, hosted_files, hosted_projects, metadata, mirrored

_DECODER = msgspec.json.Decoder(File)
_KINDS = ("metadata", "signature", "provenance")
COMPARED = "claim.compared"
"""The kind of the event that a claimed name was compared with those seen before; its data name the similar ones."""
_NOTICED = timedelta(seconds=2)
"""How long after a claim every process knows of it, and has written what it judged without knowing."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What stands under a file name, now or in the past."""

    sha256: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a project, a file name and a content before an upload."""

    status: ProjectStatus
    owned: bool
    """Whether an earlier upload claimed the project's name."""
    granted: bool
    """Whether an administrator granted that the name may be claimed."""
    mirrored_by: str
    """A mirror that has served the project, or ""."""
    taken: Taken | None
    twin: str
    """Another file of the source that has the same content, or ""."""
    sdists: tuple[str, ...]
    """The names of the project's sdists."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A project as it is listed: whether an upload claimed its name, its status, its files, its last change."""

    claimed: bool
    status: ProjectStatus
    files: tuple[File, ...]
    serial: int


def _file(row: sa.Row) -> File:  # type: ignore[type-arg]
    return replace(_DECODER.decode(row.document), yanked=row.yanked, yanked_reason=row.yanked_reason)


def files(connection: sa.Connection, source: str, project: str) -> list[File]:
    """Return the files of a project that are not deleted, by name."""
    rows = connection.execute(
        sa.select(hosted_files.c.document, hosted_files.c.yanked, hosted_files.c.yanked_reason)
        .where(hosted_files.c.source == source, hosted_files.c.project == project, hosted_files.c.deleted_at.is_(None))
        .order_by(hosted_files.c.filename)
    )
    return [_file(row) for row in rows]


def listed(connection: sa.Connection, source: str, project: str) -> Listed:
    """Return a project as it is listed.

    Its serial is read first: a change that is made meanwhile is then taken for news, and never for known.
    """
    serial = projects.serial(connection, source, project)
    claimed = _claimed(connection, source, project)
    return Listed(claimed is not None, claimed or ProjectStatus(), tuple(files(connection, source, project)), serial)


def standing(
    connection: sa.Connection, source: str, project: str, filename: str, sha256: str, mirrors: Sequence[str]
) -> Standing:
    """Return all that an upload of a file must be judged by."""
    claimed = _claimed(connection, source, project)
    taken_by, twin = _name_and_content(connection, source, filename, sha256)
    sdists = sa.select(hosted_files.c.filename).where(
        hosted_files.c.source == source, hosted_files.c.project == project, hosted_files.c.deleted_at.is_(None),
        hosted_files.c.filename.endswith(".tar.gz"),
    )  # fmt: skip
    return Standing(
        claimed or ProjectStatus(),
        claimed is not None,
        claimed is not None or claim_granted(connection, project),
        "" if claimed else next((m for m in mirrors if projects.serial(connection, m, project)), ""),
        taken_by,
        twin,
        tuple(connection.execute(sdists).scalars()) if filename.endswith(".tar.gz") else (),
    )


_CLAIMED = sa.select(hosted_projects.c.status, hosted_projects.c.reason).where(
    hosted_projects.c.source == sa.bindparam("source"), hosted_projects.c.project == sa.bindparam("project")
)
"""Made once: it is asked whenever a name is looked up."""


def _claimed(connection: sa.Connection, source: str, project: str) -> ProjectStatus | None:
    """Return the status of a project whose name an upload claimed, else None."""
    row = connection.execute(_CLAIMED, {"source": source, "project": project}).first()
    return ProjectStatus(Status(row.status), row.reason) if row else None


def _name_and_content(connection: sa.Connection, source: str, filename: str, sha256: str) -> tuple[Taken | None, str]:
    """Return what stands under a file name, and the name of another file of that content."""
    here = sa.select(hosted_files.c.filename, hosted_files.c.sha256, hosted_files.c.deleted_at).where(
        hosted_files.c.source == source
    )
    same_content = sa.and_(hosted_files.c.sha256 == sha256, hosted_files.c.deleted_at.is_(None))
    found, twin = None, ""
    for row in connection.execute(here.where(sa.or_(hosted_files.c.filename == filename, same_content))):
        if row.filename == filename:
            found = Taken(row.sha256, row.deleted_at is not None)
        else:
            twin = row.filename
    return found, twin


def side_files(connection: sa.Connection, source: str, filename: str) -> dict[str, str]:
    """Return the digests of what stands beside a file, by kind."""
    row = connection.execute(
        sa.select(hosted_files).where(hosted_files.c.source == source, hosted_files.c.filename == filename)
    ).first()
    if row is None:
        return {}
    found = {kind: getattr(row, f"{kind}_sha256") for kind in _KINDS}
    return {kind: digest for kind, digest in found.items() if digest}


def owns(connection: sa.Connection, source: str, project: str) -> bool:
    """Whether the project's name was claimed by an upload to the source."""
    return _claimed(connection, source, project) is not None


def claims_state(connection: sa.Connection) -> tuple[int, float]:
    """Return a mark that changes when a name is claimed by an upload or given up."""
    row = connection.execute(sa.select(sa.func.count(), sa.func.max(hosted_projects.c.claimed_at))).one()
    return int(row[0]), float(row[1] or 0.0)


def owned_names(connection: sa.Connection) -> list[str]:
    """Return every name that was claimed by an upload to any source."""
    return list(connection.execute(sa.select(hosted_projects.c.project).distinct()).scalars())


def add(change: Change, source: str, project: str, file: File, uploader: str, sides: Mapping[str, str]) -> None:
    """Add a file, claiming the project's name with the first one."""
    if not owns(change.connection, source, project):
        change.connection.execute(
            sa.insert(hosted_projects).values(
                source=source, project=project, status="active", reason="", claimed_at=change.now.timestamp(),
                claimed_by=uploader,
            )
        )  # fmt: skip
        jobs.add(change, "claim compare", {"project": project}, delay=_NOTICED)
    change.connection.execute(
        sa.insert(hosted_files).values(
            source=source, filename=file.filename, project=project, sha256=file.sha256, uploader=uploader,
            document=msgspec.json.encode(file), yanked=False, yanked_reason="",
            **{f"{kind}_sha256": sides.get(kind) for kind in _KINDS},
        )
    )  # fmt: skip


def set_yanked(change: Change, source: str, project: str, version: str, reason: str | None, actor: str) -> list[str]:
    """Yank (with a reason, may be "") or unyank (None) every file of a release; return their names.

    Raises:
        FileUnknown: the release has no files here.
    """
    names = [f.filename for f in files(change.connection, source, project) if f.version == version]
    if not names:
        raise FileUnknown(f"{project} {version}", source, "no such release")
    change.connection.execute(
        sa.update(hosted_files)
        .where(hosted_files.c.source == source, hosted_files.c.filename.in_(names))
        .values(yanked=reason is not None, yanked_reason=reason or "")
    )
    kind = "release.unyanked" if reason is None else "release.yanked"
    change.enter(Event(kind, source, project, actor, {"version": version, "reason": reason or "", "files": names}))
    return names


def delete(change: Change, source: str, project: str, version: str, actor: str) -> list[str]:
    """Delete every file of a release; their names are never used again.

    Raises:
        FileUnknown: the release has no files here.
    """
    names = [f.filename for f in files(change.connection, source, project) if f.version == version]
    if not names:
        raise FileUnknown(f"{project} {version}", source, "no such release")
    change.connection.execute(
        sa.update(hosted_files)
        .where(hosted_files.c.source == source, hosted_files.c.filename.in_(names))
        .values(deleted_at=change.now.timestamp())
    )
    change.enter(Event("release.deleted", source, project, actor, {"version": version, "files": names}))
    return names


def undelete(change: Change, source: str, project: str, version: str, since: float, actor: str) -> list[str]:
    """Bring back the files of a release that were deleted after `since` (Unix time); return their names.

    Raises:
        FileUnknown: none was deleted, or all were too long ago.
    """
    given_up = sa.exists().where(blobs.c.sha256 == hosted_files.c.sha256, blobs.c.evicted_at.is_not(None))
    rows = change.connection.execute(
        sa.select(
            hosted_files.c.filename, hosted_files.c.document, hosted_files.c.deleted_at, given_up.label("given_up")
        ).where(
            hosted_files.c.source == source, hosted_files.c.project == project, hosted_files.c.deleted_at.is_not(None)
        )
    )  # fmt: skip
    deleted = [row for row in rows if _DECODER.decode(row.document).version == version]
    names = sorted(row.filename for row in deleted if row.deleted_at > since and not row.given_up)
    if not names:
        late = "it was deleted too long ago (setting delete_grace)"
        raise FileUnknown(f"{project} {version}", source, late if deleted else "no such deleted release")
    change.connection.execute(
        sa.update(hosted_files)
        .where(hosted_files.c.source == source, hosted_files.c.filename.in_(names))
        .values(deleted_at=None)
    )
    change.enter(Event("release.undeleted", source, project, actor, {"version": version, "files": names}))
    return names


def expire(change: Change, before: float) -> int:
    """Give up the bytes of files deleted before a moment (Unix time); return how many files were.

    Their names stay taken. What stands beside a file goes with it; bytes that another file has stay.
    """
    live = hosted_files.alias()
    shared = sa.select(live.c.sha256).where(
        live.c.sha256 == hosted_files.c.sha256, sa.or_(live.c.deleted_at.is_(None), live.c.deleted_at > before)
    )
    outside = sa.select(mirrored.c.sha256).where(mirrored.c.sha256 == hosted_files.c.sha256)
    held = sa.select(blobs.c.sha256).where(blobs.c.sha256 == hosted_files.c.sha256, blobs.c.evicted_at.is_(None))
    digests = change.connection.execute(
        sa.select(hosted_files.c.sha256).where(
            hosted_files.c.deleted_at <= before, ~shared.exists(), ~outside.exists(), held.exists()
        )
    ).scalars()
    expired = sorted(set(digests))
    for digest in expired:
        change.connection.execute(
            sa.update(blobs).where(blobs.c.sha256 == digest).values(evicted_at=change.now.timestamp())
        )
        change.connection.execute(sa.delete(metadata).where(metadata.c.file_sha256 == digest))
        change.connection.execute(
            sa.update(hosted_files)
            .where(hosted_files.c.sha256 == digest)
            .values(**{f"{kind}_sha256": None for kind in _KINDS})
        )
    return len(expired)


def set_status(change: Change, source: str, project: str, status: ProjectStatus, actor: str) -> None:
    """Set the status of a project.

    Raises:
        ProjectUnknown: it was never uploaded here.
    """
    if not owns(change.connection, source, project):
        raise ProjectUnknown(project, source)
    change.connection.execute(
        sa.update(hosted_projects)
        .where(hosted_projects.c.source == source, hosted_projects.c.project == project)
        .values(status=status.status.value, reason=status.reason)
    )
    change.enter(
        Event("project.status", source, project, actor, {"status": status.status.value, "reason": status.reason})
    )


def claim_granted(connection: sa.Connection, project: str) -> bool:
    """Whether an administrator granted that the name may be claimed."""
    return connection.execute(sa.select(claims.c.project).where(claims.c.project == project)).first() is not None


def grant_claim(change: Change, project: str, actor: str) -> None:
    """Grant that a name served from outside may be claimed by an upload."""
    if not claim_granted(change.connection, project):
        change.connection.execute(
            sa.insert(claims).values(project=project, granted_by=actor, at=change.now.timestamp())
        )
        change.enter(Event("claim.granted", project=project, actor=actor))
