"""Entries of the ledger: what changed, where, by whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """A change of state to be entered into the ledger.

    `place` is the source or index it happened in ("" for the whole server); `project` the
    normalised name concerned ("" for none). `data` holds JSON values only.
    """

    kind: str
    """A noun phrase with a dot, for example "page.refreshed", "file.uploaded", "token.created"."""
    place: str = ""
    project: str = ""
    actor: str = ""
    """The principal's name; "" for the server itself."""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as it stands in the ledger, chained to the one before it."""

    serial: int
    at: datetime
    event: Event
    previous: str
    """The digest of the entry before, in hex; 64 zeros for the first."""
    digest: str
    """SHA-256 in hex over this entry and `previous`."""
