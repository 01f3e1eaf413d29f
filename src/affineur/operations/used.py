"""What people whose downloads are watched took of late: no entry of the ledger tells of a download."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from affineur.operations.concerns import Concerned
from affineur.operations.watched import used_by
from affineur.storage.catalog import locks
from affineur.storage.catalog.database import Catalog

_LOOK_EVERY = 5.0
"""Seconds between looks at the record, which is itself written once a second or so."""
_WHOLE_EVERY = 86400.0
"""Seconds after which each watch is looked at whole: what was downloaded too long ago leaves it by time alone."""
_OVERLAP = timedelta(seconds=15)
"""How much later than it happened a download may be written down."""
_NOTHING = Concerned(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the record found, to be given to `Uses.done` once it was looked after."""

    at: datetime
    whole: bool
    used: frozenset[tuple[str, str, str]]
    """Lock, project and version."""
    concerned: Concerned


class Uses:
    """Finds what is used that was not used before, in this process."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._seen: frozenset[tuple[str, str, str]] = frozenset()
        self._until: datetime | None = None
        self._next = self._whole_next = 0.0

    async def look(self) -> Look | None:
        """Return what is new in the record; None where nothing is, or the last look was a moment ago."""
        now = time.monotonic()
        if now < self._next:
            return None
        self._next = now + _LOOK_EVERY
        whole = now >= self._whole_next
        look = await self._catalog.read(self._looked, whole=whole)
        if look is not None and not look.concerned:
            self.done(look)
            return None
        return look

    def done(self, look: Look) -> None:
        """Take note that what a look found was looked after."""
        self._until = look.at
        self._seen = look.used if look.whole else self._seen | look.used
        if look.whole:
            self._whole_next = time.monotonic() + _WHOLE_EVERY

    def _looked(self, connection: sa.Connection, *, whole: bool) -> Look | None:
        uses = locks.uses(connection)
        if not uses:
            return None
        since = None if whole or self._until is None else self._until - _OVERLAP
        at = datetime.now(UTC)
        used = frozenset((name, use.project, use.version) for name, use in used_by(connection, uses, since=since))
        if whole:
            return Look(at, whole, used, Concerned(frozenset(), frozenset(lock.name for lock in uses)))
        fresh = used - self._seen
        return Look(at, whole, used, Concerned(frozenset(project for _, project, _ in fresh), frozenset()))
