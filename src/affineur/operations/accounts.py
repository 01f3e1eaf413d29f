"""Users and tokens: added, listed, revoked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from affineur.errors import Invalid
from affineur.model.principals import Right
from affineur.storage.catalog import principals
from affineur.storage.catalog.database import Catalog

_PREFIX = "affineur-"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token with its secret, shown once."""

    id: str
    secret: str


def add_user(catalog: Catalog, name: str, *, admin: bool = False) -> None:
    """Add a user.

    Raises:
        Conflict: the name is taken.
    """
    catalog.write_now(principals.add_user, name, admin=admin)


def create_token(
    catalog: Catalog,
    user: str,
    indexes: Sequence[str],
    rights: Sequence[str],
    projects: Sequence[str] = (),
    days: float | None = None,
) -> NewToken:
    """Create a token of 256 random bits; only its digest is kept.

    Raises:
        Invalid: a right does not exist.
        NotFound: the user does not exist.
    """
    known = {right.value for right in Right}
    if unknown := sorted(set(rights) - known):
        raise Invalid(f"{unknown[0]!r} is not a right; there are {', '.join(sorted(known))}")
    secret = _PREFIX + secrets.token_urlsafe(32)
    token_id = secrets.token_hex(6)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    catalog.write_now(principals.add_token, token_id, user, digest, indexes, rights, projects, expires)
    return NewToken(token_id, secret)
