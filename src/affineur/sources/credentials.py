"""Whom to be to which host: an address's user and password, else netrc; nothing crosses hosts."""

from __future__ import annotations

import base64
import netrc
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import structlog
from yarl import URL

_log = structlog.get_logger("affineur.sources")


class Credentials:
    """The credentials for one upstream: of its address for its own origin, of netrc for each host named there.

    The `default` entry of netrc is not used: it would be sent to any host that a page links to.
    """

    def __init__(self, address: str, environment: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(address)
        self.base = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
        self._origin = URL(self.base).origin()
        self._own = _basic(unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._hosts = _netrc(os.environ if environment is None else environment)

    @property
    def needed(self) -> bool:
        """Whether the upstream itself is asked with credentials."""
        return self.of(self._origin) is not None

    def of(self, url: URL) -> str | None:
        """Return the Authorization header for the host of an address."""
        if self._own is not None and url.origin() == self._origin:
            return self._own
        return self._hosts.get(url.host or "")


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _netrc(environment: Mapping[str, str]) -> dict[str, str]:
    named = environment.get("NETRC")
    path = Path(named) if named else Path.home() / ".netrc"
    try:
        hosts = netrc.netrc(str(path)).hosts
    except FileNotFoundError:
        return {}
    except (OSError, netrc.NetrcParseError) as error:
        _log.warning("netrc is not used", file=str(path), problem=str(error))
        return {}
    return {
        host: _basic(login or account, password or "")
        for host, (login, account, password) in hosts.items()
        if host != "default"
    }
