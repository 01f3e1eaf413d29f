"""What of a watch needs a look though nothing is wrong with it today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from affineur.model.alerts import AlertKind
from affineur.operations.context import Context
from affineur.operations.fields import number
from affineur.operations.lookout import known_of
from affineur.operations.operation import argument
from affineur.operations.watched import readable, releases_of

_YEAR = timedelta(days=365.25)


class MonitorReport(msgspec.Struct, frozen=True):
    """List what of a watch had no release for years, or lost its attestation."""

    name: Annotated[str, argument("The name of the lock or watch.")]
    years: Annotated[float, number("Years without a release.", 0, 100)] = 2.0


class Aged(msgspec.Struct, frozen=True):
    """A release in use that deserves a look."""

    project: str
    version: str
    last_release: datetime | None
    """Of the project, whichever version."""
    why: str


async def report(context: Context, request: MonitorReport) -> list[Aged]:
    """Return what of a watch deserves a look, by what is held; no upstream is asked.

    Raises:
        NotFound: there is no such lock of who asks.
    """
    lock = await readable(context, request.name)
    releases = await context.catalog.read(releases_of, lock)
    known = await known_of(context, {(lock.index, project): () for project, _ in releases})
    now, found = datetime.now(UTC), []
    for project, version in releases:
        about = known[lock.index, project]
        last = about.last_release()
        if last is not None and now - last > request.years * _YEAR:
            years = (now - last) / _YEAR
            found.append(Aged(project, version, last, f"no release for {years:.1f} years"))
        found += [
            Aged(project, version, last, cause.sentence)
            for cause in about.causes(version)
            if cause.kind is AlertKind.PUBLISHER
        ]
    return found
