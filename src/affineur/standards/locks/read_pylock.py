"""pylock.toml (PEP 751)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock, PylockValidationError

from affineur.errors import InvalidDocument
from affineur.model.locks import Lock, LockedFile, LockKind, Pin
from affineur.model.names import ProjectName
from affineur.standards.locks.tables import Table
from affineur.standards.locks.values import in_utc, located, one_index

_GROUP = r"""(?:"([^"]+)"|'([^']+)') in (extras|dependency_groups)"""
_GROUPS = re.compile(rf"\A(?:{_GROUP}(?: or (?=.+ in (?:extras|dependency_groups)\Z)|\Z))+\Z")
_GROUPS_AND = re.compile(rf"\A(\((?:{_GROUP}(?: or )?)+\)|{_GROUP}) and (.*)\Z", re.DOTALL)


def read_pylock(root: Table) -> Lock:
    """Read the document.

    Raises:
        InvalidDocument: it breaks the specification.
    """
    try:
        lock = Pylock.from_dict(root.values)
    except PylockValidationError as error:
        raise InvalidDocument(root.document, error.message, error.context or "") from None
    index, pins = one_index([_pin(package) for package in lock.packages])
    unread = []
    for pin, package in zip(pins, lock.packages, strict=True):
        if package.attestation_identities:
            unread.append(f"{pin.project}: the identities that attested its files")
    return Lock(
        LockKind.PYLOCK,
        pins,
        requires_python=str(lock.requires_python or ""),
        environments=tuple(str(marker) for marker in lock.environments or ()),
        extras=tuple(lock.extras or ()),
        index_url=index,
        extra_index_urls=tuple(dict.fromkeys(pin.index for pin in pins if pin.index)),
        unread=tuple(unread),
    )


def _pin(package: Package) -> Pin:
    marker, groups = _groups(str(package.marker or ""))
    files = [_file(wheel) for wheel in package.wheels or ()]
    if package.sdist is not None:
        files.insert(0, _file(package.sdist))
    origin, editable = "", False
    if package.vcs is not None:
        vcs = package.vcs
        origin = located(vcs.url or vcs.path or "", vcs.commit_id, kind=vcs.type, subdirectory=vcs.subdirectory or "")
    elif package.directory is not None:
        origin, editable = package.directory.path, bool(package.directory.editable)
        origin += f"#subdirectory={package.directory.subdirectory}" if package.directory.subdirectory else ""
    elif package.archive is not None:
        archive = package.archive
        origin = archive.url or archive.path or ""
        origin += f"#subdirectory={archive.subdirectory}" if archive.subdirectory else ""
        files = [LockedFile("", _hashes(archive.hashes), "", archive.size, in_utc(archive.upload_time))]
    return Pin(
        ProjectName(package.name),
        str(package.version or ""),
        marker=marker,
        files=tuple(files),
        origin=origin,
        editable=editable,
        index=package.index or "",
        groups=groups,
        requires=tuple(map(_dependency, package.dependencies or ())),
        requires_python=str(package.requires_python or ""),
    )


def _file(listed: PackageSdist | PackageWheel) -> LockedFile:
    return LockedFile(
        listed.filename, _hashes(listed.hashes), listed.url or listed.path or "", listed.size,
        in_utc(listed.upload_time),
    )  # fmt: skip


def _hashes(hashes: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), str(digest).lower()) for name, digest in hashes.items())


def _dependency(table: Mapping[str, Any]) -> str:
    version = table.get("version")
    return f"{table.get('name', '')}=={version}" if version else str(table.get("name", ""))


def _groups(marker: str) -> tuple[str, tuple[str, ...]]:
    """Take apart a marker that asks for groups or extras first: the rest, and their names."""
    if _GROUPS.match(marker):
        return "", _named(marker)
    if found := _GROUPS_AND.match(marker):
        rest = found.groups()[-1]
        return rest.removeprefix("(").removesuffix(")") if _enclosed(rest) else rest, _named(found[1])
    return marker, ()


def _named(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one[0] or one[1] for one in re.findall(_GROUP, text)))


def _enclosed(text: str) -> bool:
    """Whether the first parenthesis is closed by the last."""
    if not text.startswith("("):
        return False
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return at == len(text) - 1
    return False
