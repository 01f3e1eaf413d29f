"""Trust on first use: what an upstream says now, merged with what was seen before; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from affineur.model.files import File, ProjectStatus, Status, UploadTimeSource
from affineur.standards.simple_api.parse_json import UpstreamPage


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything ever seen of a project in a mirror: no file is forgotten, no hash replaced."""

    files: tuple[File, ...] = ()
    versions: tuple[str, ...] = ()
    status: ProjectStatus = ProjectStatus()


@dataclass(frozen=True, slots=True)
class Delta:
    """What a refresh changed, by file name; `status` is the project's new one where that changed."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    conflicting: tuple[str, ...] = ()
    status: Status | None = None

    def __bool__(self) -> bool:
        return self != Delta()


def _conflict(old: File, new: File) -> str:
    for algorithm in old.hashes.keys() & new.hashes.keys():
        if old.hashes[algorithm] != new.hashes[algorithm]:
            return f"the upstream now states {algorithm} {new.hashes[algorithm]}; the first one seen stands"
    if old.size is not None and new.size is not None and old.size != new.size:
        return f"the upstream now states {new.size} bytes; the first size seen stands"
    return ""


def _again(old: File, new: File) -> File:
    """Return the file as known before with what may change taken from the upstream."""
    if problem := _conflict(old, new):
        return replace(old, conflict=problem)
    return replace(
        new,
        hashes={**new.hashes, **old.hashes},
        size=old.size if old.size is not None else new.size,
        upload_time=new.upload_time or old.upload_time,
        upload_time_source=UploadTimeSource.UPSTREAM if new.upload_time else old.upload_time_source,
        first_seen=old.first_seen,
    )


def _first(new: File, now: datetime) -> File:
    if new.upload_time is None:
        return replace(new, first_seen=now, upload_time=now, upload_time_source=UploadTimeSource.FIRST_SEEN)
    return replace(new, first_seen=now, upload_time_source=new.upload_time_source or UploadTimeSource.UPSTREAM)


def merge(old: Listing, new: UpstreamPage, now: datetime) -> tuple[Listing, Delta]:
    """Merge what the upstream lists now into the listing held; (project, file name, hash, size) stay."""
    known = {file.filename: file for file in old.files}
    merged: list[File] = []
    added, changed, conflicting = [], [], []
    for file in new.files:
        before = known.pop(file.filename, None)
        after = _first(file, now) if before is None else _again(before, file)
        merged.append(after)
        if before is None:
            added.append(file.filename)
        elif after.conflict and not before.conflict:
            conflicting.append(file.filename)
        elif after != before:
            changed.append(file.filename)
    vanished = [name for name, file in known.items() if file.vanished is None]
    merged += [file if file.vanished else replace(file, vanished=now) for file in known.values()]
    status = new.status.status if new.status != old.status else None
    delta = Delta(tuple(added), tuple(changed), tuple(vanished), tuple(conflicting), status)
    return Listing(tuple(merged), new.versions, new.status), delta
