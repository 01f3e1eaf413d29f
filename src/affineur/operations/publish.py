"""Publishing an upload: parse, check, store, judge, record, announce."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import InvalidVersion

from affineur.config import Config
from affineur.errors import FileExists, Forbidden, InvalidUpload, StorageFull
from affineur.model.events import Event
from affineur.model.files import File, Status, UploadTimeSource
from affineur.model.names import ProjectName, SourceName, matches, project_name
from affineur.model.principals import Principal, Right
from affineur.operations.examiners import Examiners
from affineur.policy.lookalikes.claims import refuse_confusable, refuse_reserved
from affineur.policy.lookalikes.popular import popular
from affineur.standards import archives, attestations
from affineur.standards.examination import Job
from affineur.standards.upload_form import UploadForm, parse_form
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import blobs as blob_rows
from affineur.storage.catalog import hosted, metadata
from affineur.storage.catalog.database import Catalog, Change
from affineur.storage.catalog.hosted import Standing


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

    def __init__(
        self, source: SourceName, catalog: Catalog, blobs: Blobs, config: Config, examiners: Examiners
    ) -> None:
        self.source, self.catalog, self.blobs, self.config = source, catalog, blobs, config
        self.examiners = examiners

    def room(self, size: int) -> None:
        """Check that `size` bytes more leave the disk as free as the settings want it.

        Raises:
            StorageFull: they do not.
        """
        free = shutil.disk_usage(self.blobs.staging()).free
        if free - size < self.config.min_free:
            raise StorageFull(free, self.config.min_free)

    async def publish(self, received: Received, principal: Principal) -> Published:
        """Take an upload, or refuse it with nothing left behind.

        Raises:
            InvalidUpload, InvalidArchive, InvalidDocument: it breaks a rule.
            FileExists: the name or the content is taken, or the name was once.
            Forbidden: the principal, the project's state or an outside owner of the name does not allow it.
        """
        form = parse_form(received.fields)
        project = project_name(form.name)
        self._permit(project, principal)
        _compare_digests(form, received)
        known = await self.catalog.read(hosted.standing, *self._place(project, received))
        if await asyncio.to_thread(self._here_already, project, received, known):
            return Published(project, received.filename, changed=False)
        inspection = await self.examiners.examine(self._job(form, received))
        sides = await self._store(form, received, inspection)
        changed = await self._record(project, received, inspection, sides, principal)
        return Published(project, received.filename, changed)

    def _permit(self, project: ProjectName, principal: Principal) -> None:
        if not principal.may(Right.UPLOAD, self.source) or (principal.projects and project not in principal.projects):
            raise Forbidden(f"this token may not upload {project} to {self.source}")

    def _place(self, project: ProjectName, received: Received) -> tuple[str, str, str, str, list[str]]:
        return self.source, project, received.filename, received.digests["sha256"], list(self.config.mirrors)

    def _here_already(self, project: ProjectName, received: Received, known: Standing) -> bool:
        """Return whether this very file is here; raise where what is here stands against it."""
        self._refuse_state(project, known)
        self._refuse_name(project, known)
        return _refuse_file(received, known)

    def _refuse_state(self, project: ProjectName, known: Standing) -> None:
        if known.status.status in {Status.ARCHIVED, Status.QUARANTINED}:
            raise Forbidden(f"{project} is {known.status.status.value}; it takes no uploads")

    def _refuse_name(self, project: ProjectName, known: Standing) -> None:
        """Refuse to take a name that people expect from outside, unless an administrator granted it.

        A public name is never taken by accident: every install of it would change its source.
        """
        if known.owned or known.granted or matches(project, self.config.hosted[self.source].owns):
            return
        refuse_reserved(project, self.source, {name: other.owns for name, other in self.config.hosted.items()})
        way_out = f"an administrator can grant it: affineur index claim {project}"
        if known.mirrored_by:
            raise Forbidden(f"{project} has been served from the mirror {known.mirrored_by}; {way_out}")
        if (rank := popular(self.config.data_path).rank(project)) is not None:
            raise Forbidden(f"{project} is a popular public project (number {rank}); {way_out}")
        refuse_confusable(project, self.config.data_path, way_out)

    def _job(self, form: UploadForm, received: Received) -> Job:
        return Job(
            path=str(received.staged.absolute()),
            filename=received.filename,
            filetype=form.filetype,
            form=form.metadata,
            sha256=received.digests["sha256"],
            attestations=form.attestations,
            limits=archives.Limits(allow_linux=self.config.allow_linux),
            direct_references=self.config.direct_references,
        )

    async def _store(self, form: UploadForm, received: Received, inspection: archives.Inspection) -> dict[str, str]:
        """Make the bytes durable, the file and what stands beside it at once."""
        bodies: dict[str, bytes] = {}
        if inspection.kind == "bdist_wheel":
            bodies["metadata"] = inspection.metadata
        if received.signature is not None:
            bodies["signature"] = received.signature
        if form.attestations:
            bodies["provenance"] = attestations.provenance(form.attestations)
        sides = {kind: hashlib.sha256(raw).hexdigest() for kind, raw in bodies.items()}
        await asyncio.gather(
            self.blobs.put(received.staged, received.digests["sha256"]),
            *(self._side(raw, sides[kind]) for kind, raw in bodies.items()),
        )
        return sides

    async def _side(self, raw: bytes, digest: str) -> None:
        staged = self.blobs.staging() / f"{uuid.uuid4().hex}.side"
        await asyncio.to_thread(staged.write_bytes, raw)
        await self.blobs.put(staged, digest)

    async def _record(
        self,
        project: ProjectName,
        received: Received,
        inspection: archives.Inspection,
        sides: dict[str, str],
        principal: Principal,
    ) -> bool:
        file = _listed(received, inspection, sides, datetime.now(UTC))
        noted: dict[str, object] = {"filename": file.filename, "sha256": file.sha256, "size": file.size}
        if inspection.startup_files:
            noted["startup_files"] = list(inspection.startup_files)

        def record(change: Change) -> bool:
            # What was asked before the examination may have changed while it ran.
            known = hosted.standing(change.connection, *self._place(project, received))
            if self._here_already(project, received, known):
                return False
            hosted.add(change, self.source, project, file, principal.name, sides)
            digests = received.digests
            blob_rows.record(change, digests["sha256"], received.size, digests["md5"], digests["blake2_256"], "upload")
            if "metadata" in sides:
                metadata.record(change, digests["sha256"], sides["metadata"], "upload")
            change.enter(Event("file.uploaded", self.source, project, principal.name, noted))
            return True

        return await self.catalog.write(record)


def _listed(received: Received, inspection: archives.Inspection, sides: Mapping[str, str], now: datetime) -> File:
    """Return an upload as its project's page lists it."""
    return File(
        filename=received.filename,
        version=inspection.version,
        hashes={"sha256": received.digests["sha256"]},
        size=received.size,
        upload_time=now,
        upload_time_source=UploadTimeSource.UPLOAD,
        requires_python=inspection.requires_python or None,
        metadata_hashes={"sha256": sides["metadata"]} if "metadata" in sides else None,
        provenance="hosted" if "provenance" in sides else None,
        signed=True if "signature" in sides else None,
        first_seen=now,
    )


def _compare_digests(form: UploadForm, received: Received) -> None:
    for algorithm, stated in form.digests.items():
        if stated != received.digests[algorithm]:
            raise InvalidUpload(f"{algorithm}_digest", "the digest supplied does not match the file received")


def _refuse_file(received: Received, known: Standing) -> bool:
    """Return whether the same content stands under the same name; raise where anything else is taken."""
    filename = received.filename
    if known.taken is not None:
        if known.taken.deleted:
            raise FileExists(filename, "this file name was used before; a name once used is never used again")
        if known.taken.sha256 != received.digests["sha256"]:
            raise FileExists(filename, "with other content; use a new version or build number")
        return True
    if known.twin:
        raise FileExists(filename, f"the same content is here as {known.twin}")
    for other in known.sdists:
        if _same_release(other, filename):
            raise FileExists(filename, f"the release has an sdist already, {other}; it can have only one")
    return False


def _same_release(one: str, other: str) -> bool:
    try:
        return parse_sdist_filename(one) == parse_sdist_filename(other)
    except (InvalidSdistFilename, InvalidVersion):
        return False
