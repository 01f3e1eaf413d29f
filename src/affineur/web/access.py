"""Who is asking, from the Authorization header."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import time
from collections import OrderedDict, deque
from datetime import UTC, datetime

from affineur.errors import Forbidden, StorageUnavailable, Throttled, Unauthenticated
from affineur.model.principals import NOBODY, Principal, Right
from affineur.storage.catalog import principals
from affineur.storage.catalog.database import Catalog

_WINDOW = 60.0
_MOST_ADDRESSES = 10_000


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


class Failures:
    """Failed logins of each address within the last minute, for as many addresses as fit."""

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def note(self, address: str, now: float) -> int | None:
        """Note a failure at `now` (monotonic seconds); return the seconds to wait where there were too many."""
        times = self._times.setdefault(address, deque(maxlen=self._allowed + 1))
        self._times.move_to_end(address)
        if len(self._times) > _MOST_ADDRESSES:
            self._times.popitem(last=False)
        while times and times[0] <= now - _WINDOW:
            times.popleft()
        times.append(now)
        return max(1, math.ceil(times[0] + _WINDOW - now)) if len(times) > self._allowed else None


class Access:
    """Resolves tokens to principals; what was resolved is remembered until something changes.

    Whoever presents a valid token is let in whatever failed before from the same address: behind a
    proxy all clients share one, and 256 random bits are not found by trying.
    """

    def __init__(self, catalog: Catalog, failures: int) -> None:
        self.catalog = catalog
        self._known: dict[str, Principal] = {}
        self._failures = Failures(failures)

    def forget(self) -> None:
        """Forget every resolved token, those too that are being looked up."""
        self._known = {}

    async def principal(self, header: str | None, address: str = "") -> Principal:
        """Return who presents this Authorization header from `address`; nobody without one.

        Tokens are 256 random bits and looked up by their SHA-256, so that nothing secret is compared.

        Raises:
            Unauthenticated: the token is unknown, revoked or expired.
            Throttled: the same, too often from the same address.
        """
        try:
            return await self._principal(header)
        except Unauthenticated:
            wait = self._failures.note(address, time.monotonic())
            if wait is not None:
                raise Throttled(wait) from None
            raise

    async def recognised(self, header: str | None) -> Principal:
        """Return who presents this Authorization header where none is needed; nobody if it is not valid."""
        try:
            return await self._principal(header)
        except (Unauthenticated, StorageUnavailable):
            return NOBODY

    async def _principal(self, header: str | None) -> Principal:
        token = token_in(header)
        if token is None:
            return NOBODY
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        known = self._known
        found = known.get(digest)
        if found is None:
            found = await self.catalog.read(principals.find, digest)
            if found is None:
                raise Unauthenticated
            known[digest] = found
        if found.expires is not None and found.expires <= datetime.now(UTC):
            raise Unauthenticated
        return found

    async def require(self, header: str | None, right: Right, place: str, address: str = "") -> Principal:
        """Return the principal if it holds `right` in `place`.

        Raises:
            Unauthenticated: nobody, or a token that is not valid.
            Throttled: a token that is not valid, too often.
            Forbidden: the token lacks the right.
        """
        principal = await self.principal(header, address)
        if principal is NOBODY:
            raise Unauthenticated
        if not principal.may(right, place):
            raise Forbidden(f"this token may not {right} in {place}")
        return principal
