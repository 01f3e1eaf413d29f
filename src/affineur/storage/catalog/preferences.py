"""How people want to be told: where, when not, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from affineur.storage.catalog import principals
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import preferences


@dataclass(frozen=True, slots=True)
class Preferences:
    """What an owner of locks chose."""

    owner: str
    tell: tuple[str, ...] = ()
    """Where news of locks go that name no place of their own."""
    timezone: str = "UTC"
    quiet: str = ""
    """Hours without messages that are not urgent, in the time zone: `22:00-07:00`; empty: none."""
    digest: float = 0.0
    """Seconds for which news are gathered into one message; urgent ones do not wait."""


def keep(change: Change, chosen: Preferences) -> None:
    """Keep what an owner chose in place of what it chose before."""
    change.connection.execute(sa.delete(preferences).where(preferences.c.owner == chosen.owner))
    change.connection.execute(
        sa.insert(preferences).values(
            owner=chosen.owner, tell=msgspec.json.encode(chosen.tell).decode(), timezone=chosen.timezone,
            quiet=chosen.quiet, digest=chosen.digest,
        )
    )  # fmt: skip


def of(connection: sa.Connection, owners: Sequence[str]) -> dict[str, Preferences]:
    """Return what each owner chose; the usual where it chose nothing: news to its mail address, if it has one."""
    mails = principals.mails(connection, owners)
    found = {owner: Preferences(owner, (f"mail:{mails[owner]}",) if mails.get(owner) else ()) for owner in owners}
    rows = connection.execute(sa.select(preferences).where(preferences.c.owner.in_(owners)))
    for row in rows:
        tell = tuple(msgspec.json.decode(row.tell, type=list[str]))
        found[row.owner] = Preferences(row.owner, tell, row.timezone, row.quiet, row.digest)
    return found
