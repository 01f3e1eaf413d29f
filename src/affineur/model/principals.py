"""Who is asking: a person, a token, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Right(StrEnum):
    """What a token may be allowed to do in an index."""

    READ = "read"
    UPLOAD = "upload"
    PROMOTE = "promote"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking, with the rights of the token presented."""

    name: str = ""
    """The user's name; "" is nobody."""
    token_id: str = ""
    indexes: frozenset[str] = frozenset()
    """Indexes and hosted sources the rights hold for; "*" is all."""
    rights: frozenset[Right] = frozenset()
    projects: frozenset[str] = frozenset()
    """Normalised names that uploads are limited to; empty: no limit."""
    expires: datetime | None = None

    def may(self, right: Right, place: str | None) -> bool:
        """Whether this principal holds `right` in the index or source named `place`; None: in any at all."""
        if place is not None and not ("*" in self.indexes or place in self.indexes):
            return False
        return right in self.rights or Right.ADMIN in self.rights


NOBODY = Principal()
