"""What the releases held here require, read out of their core metadata, by the project required."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import hosted_files, metadata, mirrored, requirements
from affineur.storage.catalog.upsert import insert

_AT_ONCE = 500


def unread(connection: sa.Connection, limit: int) -> list[str]:
    """Return digests of core metadata whose requirements were not read yet."""
    query = sa.select(metadata.c.metadata_sha256).where(metadata.c.requirements_read.is_(False)).distinct().limit(limit)
    return list(connection.execute(query).scalars())


def record(change: Change, stated: Mapping[str, Iterable[tuple[str, str]]]) -> None:
    """Keep what core metadata states, by its digest: pairs of the project required and the requirement (PEP 508)."""
    digests = sorted(stated)
    rows = [
        {"project": project, "metadata_sha256": digest, "requirement": text}
        for digest in digests
        for project, text in sorted(set(stated[digest]))
    ]
    if rows:
        change.connection.execute(insert(change.connection, requirements).on_conflict_do_nothing(), rows)
    for start in range(0, len(digests), _AT_ONCE):
        change.connection.execute(
            sa.update(metadata)
            .where(metadata.c.metadata_sha256.in_(digests[start : start + _AT_ONCE]))
            .values(requirements_read=True)
        )


@dataclass(frozen=True, slots=True)
class Requiring:
    """A file held here that requires a project."""

    source: str
    project: str
    filename: str
    requirement: str


def requiring(connection: sa.Connection, project: str, hosted: Sequence[str]) -> list[Requiring]:
    """Return the files held here whose core metadata requires a project; `hosted` are the sources of uploads."""
    stated = requirements.join(metadata, metadata.c.metadata_sha256 == requirements.c.metadata_sha256)
    outside = (
        sa.select(mirrored.c.source, mirrored.c.project, mirrored.c.filename, requirements.c.requirement)
        .select_from(stated.join(mirrored, mirrored.c.sha256 == metadata.c.file_sha256))
        .where(requirements.c.project == project)
    )
    uploaded = (
        sa.select(hosted_files.c.source, hosted_files.c.project, hosted_files.c.filename, requirements.c.requirement)
        .select_from(stated.join(hosted_files, hosted_files.c.sha256 == metadata.c.file_sha256))
        .where(
            requirements.c.project == project, hosted_files.c.source.in_(hosted), hosted_files.c.deleted_at.is_(None)
        )
    )
    return [Requiring(*row) for query in (outside, uploaded) for row in connection.execute(query)]


def held(connection: sa.Connection, projects: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    """Return the names of the files held of some projects, by source and project."""
    found: dict[tuple[str, str], list[str]] = {}
    for start in range(0, len(projects), _AT_ONCE):
        part = projects[start : start + _AT_ONCE]
        outside = sa.select(mirrored.c.source, mirrored.c.project, mirrored.c.filename).where(
            mirrored.c.project.in_(part)
        )
        uploaded = sa.select(hosted_files.c.source, hosted_files.c.project, hosted_files.c.filename).where(
            hosted_files.c.project.in_(part), hosted_files.c.deleted_at.is_(None)
        )
        for query in (outside, uploaded):
            for source, project, filename in connection.execute(query):
                found.setdefault((source, project), []).append(filename)
    return found
