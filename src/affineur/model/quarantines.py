"""Releases and projects that a person put under quarantine here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from affineur.model.waivers import Scope


@dataclass(frozen=True, slots=True)
class Quarantine:
    """What is held until somebody lifts it: which releases, where, by whom and why."""

    scope: Scope
    """One project, with or without a range of versions."""
    source: str
    """The mirror or hosted source whose files it is about; empty: any."""
    by: str
    """Who said so; empty: the server."""
    at: datetime
    reason: str
