"""Users and their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from affineur.errors import Conflict, NotFound
from affineur.model.events import Event
from affineur.model.principals import Principal, Right
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import tokens
from affineur.storage.catalog.schema import users as user_table

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as listed: everything but the secret."""

    id: str
    user: str
    indexes: str
    rights: str
    created_at: str
    revoked: bool


def users(connection: sa.Connection) -> list[str]:
    """Return the names of the users."""
    return list(connection.execute(sa.select(user_table.c.name).order_by(user_table.c.name)).scalars())


def mails(connection: sa.Connection, names: Sequence[str] | None = None) -> dict[str, str]:
    """Return the mail address of each user, or of those of some names; "" where it has none."""
    query = sa.select(user_table.c.name, user_table.c.mail).order_by(user_table.c.name)
    if names is not None:
        query = query.where(user_table.c.name.in_(names))
    return {row.name: row.mail or "" for row in connection.execute(query)}


def mail_of(connection: sa.Connection, name: str) -> str:
    """Return the mail address of a user; "" where there is none."""
    return str(connection.execute(sa.select(user_table.c.mail).where(user_table.c.name == name)).scalar() or "")


def set_mail(change: Change, name: str, mail: str, actor: str = "") -> None:
    """Set the mail address of a user; `actor` is who does it.

    Raises:
        NotFound: there is no such user.
    """
    result = change.connection.execute(sa.update(user_table).where(user_table.c.name == name).values(mail=mail))
    if result.rowcount == 0:
        raise _unknown(name)
    change.enter(Event("user.changed", actor=actor, data={"name": name}))


def _unknown(user: str) -> NotFound:
    return NotFound(f"{user}: no such user; add it with: affineur user add {user}")


def add_user(change: Change, name: str, mail: str = "", actor: str = "") -> None:
    """Add a user; `actor` is who does it.

    Raises:
        Conflict: the name is taken.
    """
    if name in users(change.connection):
        raise Conflict(f"there is a user {name} already")
    change.connection.execute(sa.insert(user_table).values(name=name, created_at=change.now.timestamp(), mail=mail))
    change.enter(Event("user.added", actor=actor, data={"name": name}))


def add_token(
    change: Change,
    token_id: str,
    user: str,
    digest: str,
    indexes: Sequence[str],
    rights: Sequence[str],
    projects: Sequence[str],
    expires: datetime | None,
    actor: str = "",
) -> None:
    """Add a token by the SHA-256 digest of its secret; `actor` is who does it.

    Raises:
        NotFound: there is no such user.
    """
    if user not in users(change.connection):
        raise _unknown(user)
    change.connection.execute(
        sa.insert(tokens).values(
            id=token_id, user=user, digest=digest, indexes=" ".join(indexes), rights=" ".join(rights),
            projects=" ".join(projects), created_at=change.now.timestamp(),
            expires_at=expires.timestamp() if expires else None,
        )
    )  # fmt: skip
    data = {"id": token_id, "user": user, "indexes": list(indexes), "rights": list(rights)}
    change.enter(Event("token.created", actor=actor, data=data))


def revoke(change: Change, token_id: str, actor: str = "") -> None:
    """Revoke a token; `actor` is who does it.

    Raises:
        NotFound: there is no such token.
    """
    result = change.connection.execute(
        sa.update(tokens).where(tokens.c.id == token_id).values(revoked_at=change.now.timestamp())
    )
    if result.rowcount == 0:
        raise NotFound(f"{token_id}: no such token")
    change.enter(Event("token.revoked", actor=actor, data={"id": token_id}))


def find(connection: sa.Connection, digest: str) -> Principal | None:
    """Return who holds the token with this digest, or None when there is none or it was revoked."""
    row = connection.execute(sa.select(tokens).where(tokens.c.digest == digest)).first()
    if row is None or row.revoked_at is not None:
        return None
    return Principal(
        row.user,
        row.id,
        frozenset(row.indexes.split()),
        frozenset(Right(right) for right in row.rights.split()),
        frozenset(row.projects.split()),
        datetime.fromtimestamp(row.expires_at, UTC) if row.expires_at else None,
    )


def reading(connection: sa.Connection, names: Sequence[str], now: datetime) -> dict[str, set[str]]:
    """Return where the tokens of each of some users may read at a moment; who is no user is left out."""
    found: dict[str, set[str]] = {}
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        for name in connection.execute(sa.select(user_table.c.name).where(user_table.c.name.in_(part))).scalars():
            found[name] = set()
        standing = (
            tokens.c.user.in_(part),
            tokens.c.revoked_at.is_(None),
            sa.or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now.timestamp()),
        )
        for row in connection.execute(sa.select(tokens.c.user, tokens.c.indexes, tokens.c.rights).where(*standing)):
            if not {Right.READ, Right.ADMIN}.isdisjoint(row.rights.split()):
                found[row.user].update(row.indexes.split())
    return found


def list_tokens(connection: sa.Connection) -> list[TokenRow]:
    """Return every token without its secret."""
    rows = connection.execute(sa.select(tokens).order_by(tokens.c.created_at))
    return [
        TokenRow(
            row.id, row.user, row.indexes, row.rights,
            datetime.fromtimestamp(row.created_at, UTC).isoformat(timespec="seconds"), row.revoked_at is not None,
        )
        for row in rows
    ]  # fmt: skip
