"""What was found out about the content of files: by digest, gathered once."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from affineur.model.events import Event
from affineur.model.licences import Stated
from affineur.model.scans import Scan
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import evidence

SCAN, LICENCE = "scan", "licence"
_KINDS: dict[str, msgspec.msgpack.Decoder[Any]] = {
    SCAN: msgspec.msgpack.Decoder(Scan),
    LICENCE: msgspec.msgpack.Decoder(Stated),
}
_ENCODER = msgspec.msgpack.Encoder()


def record(
    change: Change, kind: str, sha256: str, revision: str, project: str, filename: str, found: Scan | Stated
) -> None:
    """Keep what was found out about a file in place of what an earlier revision found."""
    here = sa.and_(evidence.c.sha256 == sha256, evidence.c.kind == kind, evidence.c.project == project)
    change.connection.execute(sa.delete(evidence).where(here))
    change.connection.execute(
        sa.insert(evidence).values(
            sha256=sha256, kind=kind, revision=revision, project=project, filename=filename,
            at=change.now.timestamp(), document=_ENCODER.encode(found),
        )
    )  # fmt: skip
    data: dict[str, Any] = {"filename": filename, "kind": kind}
    if isinstance(found, Scan):
        data |= {"findings": len(found.findings), "level": found.level.name.lower(), "complete": found.complete}
    change.enter(Event("file.inspected", "", project, data=data))


def one(connection: sa.Connection, kind: str, sha256: str, project: str, revision: str) -> Any | None:
    """Return what is known of a file by this revision of whoever looks, or None."""
    row = connection.execute(
        sa.select(evidence.c.document).where(
            evidence.c.sha256 == sha256,
            evidence.c.kind == kind,
            evidence.c.project == project,
            evidence.c.revision == revision,
        )
    ).first()
    return _KINDS[kind].decode(row.document) if row is not None else None


_OF_PROJECT = sa.select(evidence.c.sha256, evidence.c.document).where(
    evidence.c.project == sa.bindparam("project"), evidence.c.kind == sa.bindparam("kind"),
    evidence.c.revision == sa.bindparam("revision"),
)  # fmt: skip
"""Made once: it is asked whenever a project is judged."""


def of_project(connection: sa.Connection, kind: str, project: str, revision: str) -> dict[str, Any]:
    """Return what is known of the files of a project, by digest."""
    rows = connection.execute(_OF_PROJECT, {"project": project, "kind": kind, "revision": revision})
    return {row.sha256: _KINDS[kind].decode(row.document) for row in rows}
