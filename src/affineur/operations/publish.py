"""Publishing an upload: parse, check, store, judge, record, announce."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from affineur.config import Config
from affineur.errors import Conflict, FileExists, Forbidden, InvalidUpload, StorageFull
from affineur.model.events import Event
from affineur.model.files import File, Status, UploadTimeSource
from affineur.model.names import ProjectName, SourceName, project_name
from affineur.model.principals import Principal, Right
from affineur.standards import archives, core_metadata
from affineur.standards.upload_form import UploadForm, parse_form
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import blobs as blob_rows
from affineur.storage.catalog import hosted, metadata, projects
from affineur.storage.catalog.database import Catalog, Change


@dataclass(frozen=True, slots=True)
class Received:
    """An upload as it came: form fields, and the file staged on disk with its digests."""

    fields: Mapping[str, list[str]]
    filename: str
    staged: Path
    size: int
    digests: Mapping[str, str]
    """`sha256`, `md5` and `blake2_256` in hex, of the staged bytes."""
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What became of an upload; `changed` is False when it was here already."""

    project: ProjectName
    filename: str
    changed: bool


class Publisher:
    """Takes uploads into one hosted source."""

    def __init__(self, source: SourceName, catalog: Catalog, blobs: Blobs, config: Config) -> None:
        self.source, self.catalog, self.blobs, self.config = source, catalog, blobs, config

    async def publish(self, received: Received, principal: Principal) -> Published:
        """Take an upload, or refuse it with nothing left behind.

        Raises:
            InvalidUpload, InvalidArchive: it breaks a rule.
            FileExists: the name is taken by other bytes, or was once.
            Forbidden: the principal or the project's state does not allow it.
            Conflict: the name belongs to the outside.
        """
        form = parse_form(received.fields)
        project = project_name(form.name)
        await self._permit(project, principal)
        self._digests(form, received)
        if await self._here_already(received):
            return Published(project, received.filename, changed=False)
        inspection = await asyncio.to_thread(self._check, form, received)
        await self._claim(project)
        await self._room(received.size)
        sides = await self._store(form, received, inspection)
        await self._record(project, received, inspection, sides, principal)
        return Published(project, received.filename, changed=True)

    async def _permit(self, project: ProjectName, principal: Principal) -> None:
        if not principal.may(Right.UPLOAD, self.source) or (principal.projects and project not in principal.projects):
            raise Forbidden(f"this token may not upload {project} to {self.source}")
        status = await self.catalog.read(hosted.get_status, self.source, project)
        if status.status in {Status.ARCHIVED, Status.QUARANTINED}:
            raise Forbidden(f"{project} is {status.status.value}; it takes no uploads")

    def _digests(self, form: UploadForm, received: Received) -> None:
        for algorithm, stated in form.digests.items():
            if stated and stated.lower() != received.digests[algorithm]:
                raise InvalidUpload(f"{algorithm}_digest", "the digest supplied does not match the file received")

    async def _here_already(self, received: Received) -> bool:
        there = await self.catalog.read(hosted.taken, self.source, received.filename)
        if there is None:
            return False
        if there.deleted:
            raise FileExists(received.filename, "this file name was used before; a name once used is never used again")
        if there.sha256 != received.digests["sha256"]:
            raise FileExists(received.filename, "with other content; use a new version or build number")
        return True

    def _check(self, form: UploadForm, received: Received) -> archives.Inspection:
        """Judge form and archive against each other; runs in a thread, bounded by limits."""
        limits = archives.Limits(allow_linux=self.config.allow_linux)
        inspection = archives.inspect(received.staged, received.filename, limits)
        if inspection.kind != form.filetype:
            raise InvalidUpload("filetype", f"{received.filename} is not a {form.filetype}")
        if project_name(inspection.name) != project_name(form.name):
            raise InvalidUpload("name", f"{form.name} is not the project that {received.filename} names")
        core_metadata.check(inspection.metadata)
        if problems := core_metadata.differences(form.metadata, inspection.metadata):
            raise InvalidUpload("", "the form and the file's metadata differ: " + "; ".join(problems))
        return inspection

    async def _claim(self, project: ProjectName) -> None:
        """Refuse to take a name that a mirror here has served, unless an administrator granted it.

        A public name is never taken by accident (DESIGN 1.9).
        """
        if await self.catalog.read(hosted.owns, self.source, project):
            return
        if await self.catalog.read(hosted.claim_granted, project):
            return
        for mirror in self.config.mirrors:
            if project in await self.catalog.read(projects.serials, [mirror]):
                raise Conflict(
                    f"{project} has been served from {mirror}; an administrator must grant the claim first: "
                    f"affineur index claim {project}"
                )

    async def _room(self, size: int) -> None:
        free = (await asyncio.to_thread(shutil.disk_usage, self.blobs.staging())).free
        if free - size < self.config.min_free:
            raise StorageFull(free, self.config.min_free)

    async def _store(self, form: UploadForm, received: Received, inspection: archives.Inspection) -> dict[str, str]:
        """Make the bytes durable: side files first, the file last."""
        sides: dict[str, str] = {}
        if inspection.kind == "bdist_wheel":
            sides["metadata"] = await self._side(inspection.metadata)
        if received.signature is not None:
            sides["signature"] = await self._side(received.signature)
        if form.attestations:
            sides["provenance"] = await self._side(_provenance(form.attestations))
        await self.blobs.put(received.staged, received.digests["sha256"])
        return sides

    async def _side(self, raw: bytes) -> str:
        digest = hashlib.sha256(raw).hexdigest()
        staged = self.blobs.staging() / f"{digest}.side"
        await asyncio.to_thread(staged.write_bytes, raw)
        await self.blobs.put(staged, digest)
        return digest

    async def _record(
        self,
        project: ProjectName,
        received: Received,
        inspection: archives.Inspection,
        sides: dict[str, str],
        principal: Principal,
    ) -> None:
        now = datetime.now(UTC)
        file = File(
            filename=received.filename,
            version=inspection.version,
            hashes={"sha256": received.digests["sha256"]},
            size=received.size,
            upload_time=now,
            upload_time_source=UploadTimeSource.UPLOAD,
            requires_python=str(core_metadata.info(inspection.metadata).get("requires_python") or "") or None,
            metadata_hashes={"sha256": sides["metadata"]} if "metadata" in sides else None,
            provenance="hosted" if "provenance" in sides else None,
            signed=True if "signature" in sides else None,
            first_seen=now,
        )
        await self.catalog.write(_record, self.source, project, file, sides, received.digests, principal.name)


def _record(
    change: Change,
    source: str,
    project: ProjectName,
    file: File,
    sides: dict[str, str],
    digests: Mapping[str, str],
    actor: str,
) -> None:
    sha256 = digests["sha256"]
    there = hosted.taken(change.connection, source, file.filename)
    if there is not None:
        if there.sha256 == sha256 and not there.deleted:
            return
        raise FileExists(file.filename, "it was uploaded meanwhile")
    hosted.add(change, source, project, file, actor, sides)
    blob_rows.record(change, sha256, file.size or 0, digests["md5"], digests["blake2_256"], "upload")
    if "metadata" in sides:
        metadata.record(change, sha256, sides["metadata"], "upload")
    data = {"filename": file.filename, "sha256": sha256, "size": file.size}
    change.enter(Event("file.uploaded", source, project, actor, data))


def _provenance(attestations: list[Any]) -> bytes:
    """Make the provenance document (PEP 740) of the attestations that came with an upload."""
    bundles = [{"publisher": {"kind": "unverified", "claims": None}, "attestations": attestations}]
    return json.dumps({"version": 1, "attestation_bundles": bundles}).encode()
