"""What the user's pip and uv are configured with: the default upstream and how to reach it."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import ssl
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from affineur.errors import InvalidConfig, UpstreamUnavailable

_REPORTED = ("extra-index-url", "find-links", "trusted-host", "no-index")
"""Options of pip that affineur does not follow: other places for files would mix what names mean,
and TLS is always verified."""
_SECTIONS = ("global", "install", "download")
"""The sections of pip's files that matter, the later ones winning, in whichever file they stand."""


@dataclass(frozen=True, slots=True)
class PipSettings:
    """The settings of pip that an upstream connection uses; `ignored` are reported, never adopted."""

    index_url: str
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    ignored: tuple[str, ...] = ()

    def upstream(self) -> str:
        """Return the address that a mirror of "pip" stands over.

        Raises:
            InvalidConfig: it is not one of HTTP, for example a folder.
        """
        if not self.index_url.startswith(("http://", "https://")):
            raise InvalidConfig(
                "pip's configuration",
                [f"index-url {self.index_url!r} is not an HTTP address: name an upstream with --upstream"],
            )
        return self.index_url

    @property
    def proxy_address(self) -> str | None:
        """The proxy with its scheme, which pip lets people leave out."""
        return f"http://{self.proxy}" if self.proxy and "://" not in self.proxy else self.proxy

    def tls(self, address: str) -> ssl.SSLContext:
        """Return the context for TLS to an address: always verified, against the system's or pip's certificates.

        Raises:
            UpstreamUnavailable: the certificates cannot be read.
        """
        trusted = Path(self.cert) if self.cert else None
        try:
            context = ssl.create_default_context(
                cafile=trusted if trusted and not trusted.is_dir() else None,
                capath=trusted if trusted and trusted.is_dir() else None,
            )
            if self.client_cert:
                context.load_cert_chain(self.client_cert)
        except OSError as error:
            files = " and ".join(filter(None, (self.cert, self.client_cert)))
            raise UpstreamUnavailable(
                address, f"the certificates pip is configured with ({files}) cannot be read: {error}"
            ) from error
        return context


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield pip's configuration files in its order: global, the user's (unless one is named), environment, named."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    for folder in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    if not (named and Path(named).exists()):
        home = Path(environment.get("HOME") or Path.home())
        yield home / ".pip" / "pip.conf"
        yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if named:
        yield Path(named)


def _pip_default() -> str:
    """Return the address that pip asks where nothing is configured, from the library that states it.

    It is read out of the library's source: importing it would bring three other libraries along.
    """
    found = importlib.util.find_spec("pypi_simple")
    text = Path(found.origin).read_text(encoding="utf-8") if found is not None and found.origin else ""
    if stated := re.search(r'^PYPI_SIMPLE_ENDPOINT\b[^=\n]*= *"([^"]+)"', text, re.MULTILINE):
        return stated[1]
    from pypi_simple import PYPI_SIMPLE_ENDPOINT

    return PYPI_SIMPLE_ENDPOINT


def read_pip_settings(environment: Mapping[str, str] | None = None) -> PipSettings:
    """Read pip's configuration files and environment, the later ones winning as in pip."""
    environment = os.environ if environment is None else environment
    sections: dict[str, dict[str, str]] = {name: {} for name in _SECTIONS}
    for path in _files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue
        for name in sections:
            if parser.has_section(name):
                sections[name] |= {key.lower().replace("_", "-"): value for key, value in parser.items(name)}
    merged = {key: value for name in _SECTIONS for key, value in sections[name].items()}
    for key, value in environment.items():
        if key.startswith("PIP_") and value:
            merged[key[4:].lower().replace("_", "-")] = value
    index_url = environment.get("PIP_INDEX_URL") or environment.get("UV_DEFAULT_INDEX") or merged.get("index-url")
    cert = merged.get("cert") or environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE")
    return PipSettings(
        (index_url or _pip_default()).strip(), cert or None, merged.get("client-cert") or None,
        merged.get("proxy") or None, tuple(key for key in _REPORTED if merged.get(key)),
    )  # fmt: skip
