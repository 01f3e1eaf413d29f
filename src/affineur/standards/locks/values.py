"""Values that several formats of locks share: hashes, addresses, markers, versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from affineur.errors import InvalidDocument, InvalidName
from affineur.model.filenames import candidate_projects
from affineur.model.locks import Pin
from affineur.model.names import ProjectName, normalize, project_name

_HASH = re.compile(r"\A([A-Za-z0-9_-]+)[:=]([0-9A-Fa-f]+)\Z")


def read_hash(text: str, document: str, where: str) -> tuple[str, str]:
    """Read `sha256:hex`; the algorithm and the digest in lower case.

    Raises:
        InvalidDocument: it is no hash.
    """
    found = _HASH.match(text)
    if found is None:
        raise InvalidDocument(document, f"{text[:80]!r} is no hash such as sha256:0123...", where)
    return found[1].lower(), found[2].lower()


def read_name(text: str, document: str, where: str) -> ProjectName:
    """Read a project's name.

    Raises:
        InvalidDocument: it is none.
    """
    try:
        return project_name(text)
    except InvalidName as error:
        raise InvalidDocument(document, error.sentence, where) from None


def read_marker(text: str, document: str, where: str) -> str:
    """Return a marker in the form in which `packaging` writes it; "" is none.

    Raises:
        InvalidDocument: it is none.
    """
    try:
        return _canonical(text.strip())
    except InvalidMarker as error:
        raise InvalidDocument(document, str(error).partition("\n")[0], where) from None


@lru_cache(maxsize=4096)
def _canonical(marker: str) -> str:
    return str(Marker(marker)) if marker else ""


def both(*markers: str) -> str:
    """Return the marker that holds where all of some hold; "" is one that always does."""
    parts = list(dict.fromkeys(marker for marker in markers if marker))
    if len(parts) <= 1:
        return "".join(parts)
    return _canonical(" and ".join(f"({part})" if " or " in part else part for part in parts))


def either(markers: Iterable[str]) -> str:
    """Return the marker that holds where one of some holds; "" is one that always does."""
    parts = list(dict.fromkeys(markers))
    if not parts or "" in parts:
        return ""
    return _canonical(" or ".join(f"({part})" if " and " in part else part for part in parts))


def one_index(pins: Sequence[Pin]) -> tuple[str, tuple[Pin, ...]]:
    """Return the index that all entries name, and the entries without it; "" and the entries as they are otherwise."""
    named = {pin.index for pin in pins if not pin.origin}
    if len(named) != 1 or named == {""}:
        return "", tuple(pins)
    return named.pop(), tuple(replace(pin, index="") for pin in pins)


_EXTRAS = re.compile(r"""(?:extra == "([^"]+)"(?: or (?=extra == "[^"]+"(?: or extra == "[^"]+")*\Z)|\Z))+\Z""")
_AND_EXTRAS = re.compile(r"""\A(.*) and (extra == "[^"]+"|\((?:extra == "[^"]+"(?: or )?)+\))\Z""", re.DOTALL)


def without_own_extras(marker: str) -> str:
    """Return a marker without the condition, at its end, that an extra of the project itself is asked for."""
    if _EXTRAS.match(marker):
        return ""
    if found := _AND_EXTRAS.match(marker):
        rest = found[1]
        return str(Marker(rest)) if rest.count("(") == rest.count(")") else marker
    return marker


def parsed(requires: Iterable[str]) -> Iterator[Requirement]:
    """Yield requirements that a lock records; those of no known form are left out."""
    for text in requires:
        try:
            yield Requirement(text)
        except InvalidRequirement:
            continue


def meets(version: str, asked: Requirement) -> bool:
    """Whether a version is one that a requirement asks for; one that is no version meets only what asks for any."""
    try:
        return asked.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return not str(asked.specifier) or pinned_version(str(asked.specifier)) == version


def extras_in(marker: str) -> Iterator[str]:
    """Yield the extras that a marker asks for."""
    for name in re.findall(r"""extra == ["']([^"']+)["']""", marker):
        yield normalize(name)


def pinned_version(specifier: str) -> str:
    """Return the version of `==1.0` or `===1.0`; "" where it is not one exact version."""
    try:
        parts = list(SpecifierSet(specifier))
    except InvalidSpecifier:
        return ""
    if len(parts) == 1 and parts[0].operator in {"==", "==="} and not parts[0].version.endswith(".*"):
        return parts[0].version
    return ""


def filename_of(url: str) -> str:
    """Return the file's name at the end of an address or path."""
    path = urlsplit(url).path if "://" in url else url.partition("#")[0]
    return unquote(path.replace("\\", "/").rsplit("/", 1)[-1])


def project_of(origin: str) -> ProjectName:
    """Return the project that a direct address tells by its fragment or file name; empty where it does not."""
    address, _, fragment = origin.partition("#")
    for part in fragment.split("&"):
        if part.startswith("egg="):
            name = re.split(r"[\[=<>!~;]", unquote(part[4:]), maxsplit=1)[0]
            try:
                return project_name(name)
            except InvalidName:
                break
    return next(candidate_projects(filename_of(address)), ProjectName(""))


def in_utc(moment: object) -> datetime | None:
    """Return a moment of a document, or its ISO 8601 text, in UTC; None where it is neither."""
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return None
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def located(url: str, commit: str, *, kind: str = "git", subdirectory: str = "") -> str:
    """Return the address of a commit in a repository as pip takes it."""
    made = url if url.startswith(f"{kind}+") else f"{kind}+{url}"
    return made + (commit and f"@{commit}") + (subdirectory and f"#subdirectory={subdirectory}")


def without_secret(url: str) -> str:
    """Return an address without the user and password it may hold, to be shown."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", url)
