"""How far the ledger was looked through for what concerns locks; one process at a time does it, for a lease."""

from __future__ import annotations

import uuid
from datetime import timedelta

import sqlalchemy as sa

from affineur.errors import Conflict
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import lookout
from affineur.storage.catalog.upsert import insert

LEASE = timedelta(seconds=60)
_NAME = "locks"


def serial(connection: sa.Connection) -> int:
    """Return the serial of the last entry that was looked at; 0: none was."""
    return int(connection.execute(sa.select(lookout.c.serial).where(lookout.c.name == _NAME)).scalar() or 0)


def leased(connection: sa.Connection) -> str:
    """Return the lease that a process has or had; "" where the last one gave it back."""
    return str(connection.execute(sa.select(lookout.c.lease).where(lookout.c.name == _NAME)).scalar() or "")


def claim(change: Change, lease: str = "", gone: str = "") -> str | None:
    """Return a lease, or None while another process has one. One further away than a lease can be is void.

    `lease` is what it shall be called, `gone` one whose holder is known to be gone: it need not end first.
    """
    now = change.now.timestamp()
    row = {"name": _NAME, "serial": 0, "lease": "", "leased_until": 0.0}
    change.connection.execute(insert(change.connection, lookout).values(row).on_conflict_do_nothing())
    lease, until = lease or uuid.uuid4().hex, now + LEASE.total_seconds()
    free = [lookout.c.leased_until <= now, lookout.c.leased_until > until]
    if gone:
        free.append(lookout.c.lease == gone)
    result = change.connection.execute(
        sa.update(lookout).where(lookout.c.name == _NAME, sa.or_(*free)).values(lease=lease, leased_until=until)
    )
    return lease if result.rowcount == 1 else None


def fence(change: Change, lease: str) -> None:
    """Make a change depend on the lease, which it prolongs.

    Raises:
        Conflict: another process has it now; nothing of the change is kept.
    """
    _update(change, lease, leased_until=change.now.timestamp() + LEASE.total_seconds())


def done(change: Change, lease: str, until: int) -> None:
    """Note how far the ledger was looked through, and let others look.

    Raises:
        Conflict: another process has the lease now.
    """
    _update(change, lease, serial=until, lease="", leased_until=0.0)


def _update(change: Change, held: str, **values: object) -> None:
    where = (lookout.c.name == _NAME, lookout.c.lease == held)
    if change.connection.execute(sa.update(lookout).where(*where).values(**values)).rowcount != 1:
        raise Conflict("another process looks after the locks now")
