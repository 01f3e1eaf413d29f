"""Users and tokens: added, listed, revoked."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from affineur.channels import mail
from affineur.errors import Invalid
from affineur.model.principals import Right
from affineur.operations.context import Context
from affineur.operations.fields import CENTURY, number
from affineur.operations.operation import argument, option
from affineur.storage.catalog import principals

_PREFIX = "affineur-"


class UserAdd(msgspec.Struct, frozen=True):
    """Add a user. What somebody may do, administering too, is said by the rights of their tokens."""

    name: Annotated[str, argument("The user's name.")]
    mail: Annotated[str, option("Where news may be sent to the user without further ado.")] = ""


class UserMail(msgspec.Struct, frozen=True):
    """Set the mail address of a user, to which news may be sent without further ado."""

    name: Annotated[str, argument("The user's name.")]
    mail: Annotated[str, argument("The address; empty: none.")] = ""


class UserList(msgspec.Struct, frozen=True):
    """List the users."""


class User(msgspec.Struct, frozen=True):
    """A user as listed."""

    name: str
    mail: str


class TokenCreate(msgspec.Struct, frozen=True):
    """Create a token; its secret is shown once."""

    user: Annotated[str, option("Whose token it is.")]
    index: Annotated[tuple[str, ...], option("Indexes or sources, separated by commas; * for all.")] = ("*",)
    rights: Annotated[tuple[str, ...], option("read, upload, promote, admin, separated by commas.")] = ("read",)
    project: Annotated[tuple[str, ...], option("Limit uploads to these projects.")] = ()
    days: Annotated[float | None, number("Days until it expires.", 0, CENTURY)] = None


class NewToken(msgspec.Struct, frozen=True):
    """A token with its secret, shown once."""

    id: str
    secret: str


class TokenList(msgspec.Struct, frozen=True):
    """List the tokens without their secrets."""


class Token(msgspec.Struct, frozen=True):
    """A token as listed: everything but the secret."""

    id: str
    user: str
    indexes: str
    rights: str
    created_at: str
    revoked: bool


class TokenRevoke(msgspec.Struct, frozen=True):
    """Revoke a token at once."""

    id: Annotated[str, argument("The token's id, as listed.")]


async def add_user(context: Context, request: UserAdd) -> User:
    """Add a user.

    Raises:
        Conflict: the name is taken.
        Invalid: the name is empty or holds spaces or control characters, or the address is none.
    """
    if not request.name or not request.name.isprintable() or " " in request.name:
        raise Invalid(f"{request.name!r} is not a user name: use printable characters without spaces")
    address = _address(request.mail)
    await context.catalog.write(principals.add_user, request.name, address, context.actor)
    return User(request.name, address)


async def set_mail(context: Context, request: UserMail) -> User:
    """Set the mail address of a user.

    Raises:
        NotFound: there is no such user.
        Invalid: the address is none.
    """
    address = _address(request.mail)
    await context.catalog.write(principals.set_mail, request.name, address, context.actor)
    return User(request.name, address)


def _address(text: str) -> str:
    return mail.checked(text) if text.strip() else ""


async def list_users(context: Context, request: UserList) -> list[User]:
    """Return the users."""
    del request
    return [User(name, address) for name, address in (await context.catalog.read(principals.mails)).items()]


async def create_token(context: Context, request: TokenCreate) -> NewToken:
    """Create a token of 256 random bits; only its digest is kept.

    Raises:
        Invalid: a right or an index does not exist.
        NotFound: the user does not exist.
    """
    known = {right.value for right in Right}
    if unknown := sorted(set(request.rights) - known):
        raise Invalid(f"{unknown[0]!r} is not a right; there are {', '.join(sorted(known))}")
    places = {"*", *context.config.indexes, *context.config.hosted, *context.config.mirrors}
    if strange := sorted(set(request.index) - places):
        raise Invalid(f"{strange[0]!r} is no index or source; there are {', '.join(sorted(places - {'*'}))}")
    secret = _PREFIX + secrets.token_urlsafe(32)
    token_id = secrets.token_hex(6)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    await context.catalog.write(
        principals.add_token, token_id, request.user, digest, request.index, request.rights, request.project,
        _end_of(request), context.actor,
    )  # fmt: skip
    return NewToken(token_id, secret)


async def list_tokens(context: Context, request: TokenList) -> list[Token]:
    """Return every token without its secret."""
    del request
    rows = await context.catalog.read(principals.list_tokens)
    return [Token(row.id, row.user, row.indexes, row.rights, row.created_at, row.revoked) for row in rows]


async def revoke_token(context: Context, request: TokenRevoke) -> TokenRevoke:
    """Revoke a token.

    Raises:
        NotFound: there is no such token.
    """
    await context.catalog.write(principals.revoke, request.id, context.actor)
    return request


def _end_of(request: TokenCreate) -> datetime | None:
    return None if request.days is None else datetime.now(UTC) + timedelta(days=request.days)


def say_token(made: NewToken) -> str:
    """Tell a new token to its owner."""
    return f"token {made.id}, shown only now (user name __token__):\n{made.secret}"
