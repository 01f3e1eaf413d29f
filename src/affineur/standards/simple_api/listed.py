"""One file of an upstream page, made a value with everything odd about it dropped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, unquote, urljoin

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from affineur.model.filenames import version_in
from affineur.model.files import File, ProjectStatus, Status
from affineur.model.names import ProjectName

_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128, "blake2b": 128}
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_ODD_HOST = re.compile(r"[^A-Za-z0-9.:@_~!$&'()*+,;=%\[\]-]")
_LONGEST_REASON = 500
_LARGEST_SIZE = 2**53


@dataclass(frozen=True, slots=True)
class UpstreamPage:
    """What an upstream lists for a project."""

    files: tuple[File, ...]
    versions: tuple[str, ...]
    status: ProjectStatus


def clean(text: str) -> str:
    """Return text from outside without control characters and bidirectional overrides."""
    return _HARMFUL.sub(" ", text).strip()[:_LONGEST_REASON]


@lru_cache(maxsize=4096)
def requires_python(text: str | None) -> str | None:
    """Return a Requires-Python that can be read, or None."""
    if not text:
        return None
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return None
    return text


def hashes_of(stated: Mapping[str, object]) -> dict[str, str]:
    """Return the hashes that are what they claim to be by algorithm and length."""
    return {
        name: value.lower()
        for name, value in stated.items()
        if isinstance(value, str) and _LENGTHS.get(name) == len(value) and _HEX.match(value)
    }


def size_of(stated: object) -> int | None:
    """Return a size in bytes that can be one, or None."""
    return stated if type(stated) is int and 0 <= stated <= _LARGEST_SIZE else None


def status_of(status: str | None, reason: str | None) -> ProjectStatus:
    """Return a project status; an unknown one counts as active (PEP 792)."""
    try:
        return ProjectStatus(Status(status or "active"), clean(reason or ""))
    except ValueError:
        return ProjectStatus()


def time_of(text: str) -> datetime | None:
    """Return a moment written in ISO 8601, in UTC where it names no zone; None where it cannot be read."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def address_of(url: str, base: str) -> str | None:
    """Return the absolute address of a link, or None where it leads nowhere that can be asked over HTTP.

    What the upstream wrote is kept to the letter; only what no request line can carry is encoded.
    """
    if not (url.isascii() and url.isprintable() and " " not in url):
        url = quote(url, safe="%/:?#[]@!$&'()*+,;=~")
    if not url.startswith(("https://", "http://")):
        try:
            url = urljoin(base, url)
        except ValueError:
            return None
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    return url if scheme in {"https", "http"} and host and not _ODD_HOST.search(host) else None


def name_of(url: str) -> str:
    """Return the file name at the end of an address, decoded once."""
    last = url.partition("?")[0].rpartition("/")[2]
    return unquote(last) if "%" in last else last


def version_of(filename: str, project: ProjectName) -> str | None:
    """Return the version a listed name states; None where it is not a file of the project."""
    if "/" in filename or "\\" in filename or not filename.isprintable():
        return None
    return version_in(filename, project)
