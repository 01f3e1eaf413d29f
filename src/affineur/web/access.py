"""Who is asking, from the Authorization header."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import UTC, datetime

from affineur.errors import Forbidden, Unauthenticated
from affineur.model.principals import NOBODY, Principal, Right
from affineur.storage.catalog import principals
from affineur.storage.catalog.database import Catalog


def token_in(header: str | None) -> str | None:
    """Return the token presented, from Basic (the password) or Bearer; None where there is none.

    Raises:
        Unauthenticated: the header cannot be read.
    """
    if not header:
        return None
    scheme, _, rest = header.partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return rest.strip()
    if scheme.lower() != "basic":
        raise Unauthenticated
    try:
        _, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unauthenticated from error
    return password


class Access:
    """Resolves tokens to principals; what was resolved is remembered until something changes."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._known: dict[str, Principal] = {}

    def forget(self) -> None:
        """Forget every resolved token."""
        self._known.clear()

    async def principal(self, header: str | None) -> Principal:
        """Return who presents this Authorization header; nobody without one.

        Tokens are 256 random bits and looked up by their SHA-256, so that nothing secret is compared.

        Raises:
            Unauthenticated: the token is unknown, revoked or expired.
        """
        token = token_in(header)
        if token is None:
            return NOBODY
        digest = hashlib.sha256(token.encode()).hexdigest()
        found = self._known.get(digest)
        if found is None:
            found = await self.catalog.read(principals.find, digest)
            if found is None:
                raise Unauthenticated
            self._known[digest] = found
        if found.expires is not None and found.expires <= datetime.now(UTC):
            raise Unauthenticated
        return found

    async def require(self, header: str | None, right: Right, place: str) -> Principal:
        """Return the principal if it holds `right` in `place`.

        Raises:
            Unauthenticated: nobody, or a token that is not valid.
            Forbidden: the token lacks the right.
        """
        principal = await self.principal(header)
        if principal is NOBODY:
            raise Unauthenticated
        if not principal.may(right, place):
            raise Forbidden(f"this token may not {right} in {place}")
        return principal
