"""Keys that the server signs with: its own, and one for each webhook of a user."""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import server_secrets, webhook_secrets
from affineur.storage.catalog.upsert import insert


def server_secret(change: Change, name: str) -> bytes:
    """Return the server's own secret of that name, 256 bits, made on the first call."""
    query = sa.select(server_secrets.c.secret).where(server_secrets.c.name == name)
    found = change.connection.execute(query).scalar()
    if found is None:
        row = {"name": name, "secret": secrets.token_bytes(32)}
        change.connection.execute(insert(change.connection, server_secrets).values(row).on_conflict_do_nothing())
        found = change.connection.execute(query).scalar_one()
    return bytes(found)


def known_secret(connection: sa.Connection, name: str) -> bytes | None:
    """Return the server's own secret of that name, or None where none was made yet."""
    found = connection.execute(sa.select(server_secrets.c.secret).where(server_secrets.c.name == name)).scalar()
    return bytes(found) if found is not None else None


def name_of(connection: sa.Connection, secret: bytes) -> str | None:
    """Return the name of one of the server's own secrets, or None: for secrets that stand in addresses."""
    return connection.execute(sa.select(server_secrets.c.name).where(server_secrets.c.secret == secret)).scalar()


def forget_secret(change: Change, name: str) -> None:
    """Forget one of the server's own secrets, so that what was signed or addressed with it is void."""
    change.connection.execute(sa.delete(server_secrets).where(server_secrets.c.name == name))


def new_webhook_secret(change: Change, owner: str, target: str, *, replace: bool = False) -> bytes | None:
    """Make the secret with which messages of a user to a webhook are signed.

    Return it, or None where there is one already and it is not to be replaced: it is shown only when made.
    """
    if webhook_secret(change.connection, owner, target) is not None:
        if not replace:
            return None
        change.connection.execute(sa.delete(webhook_secrets).where(*_of(owner, target)))
    made = secrets.token_bytes(32)
    change.connection.execute(
        sa.insert(webhook_secrets).values(owner=owner, target=target, secret=made, created_at=change.now.timestamp())
    )
    return made


def webhook_secret(connection: sa.Connection, owner: str, target: str) -> bytes | None:
    """Return the secret with which messages of a user to a webhook are signed, or None."""
    found = connection.execute(sa.select(webhook_secrets.c.secret).where(*_of(owner, target))).scalar()
    return bytes(found) if found is not None else None


def _of(owner: str, target: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return webhook_secrets.c.owner == owner, webhook_secrets.c.target == target
