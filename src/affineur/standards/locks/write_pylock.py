"""pylock.toml (PEP 751)."""

from __future__ import annotations

import re
from typing import Any

import tomli_w
from packaging.pylock import Pylock, PylockValidationError

from affineur.errors import Invalid
from affineur.model.locks import Lock, LockedFile, Pin
from affineur.model.names import normalize
from affineur.standards.locks.merge import merged, without_extras
from affineur.standards.locks.values import both, meets, parsed

_REPOSITORY = re.compile(r"\A(git|hg|svn|bzr)\+(.*?)(?:@([^@#/]+))?(?:#(.*))?\Z")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""What tells a file from a folder."""


def write_pylock(lock: Lock) -> str:
    """Return the lock as pylock.toml.

    Raises:
        Invalid: it lacks what the format demands: versions, and name, address and hash of every file.
    """
    pins = without_extras(merged(lock.pins))
    named = list(dict.fromkeys(group for pin in pins for group in pin.groups))
    groups = [name for name in named if name not in lock.extras]
    table: dict[str, Any] = {"lock-version": "1.0"}
    if lock.environments:
        table["environments"] = list(lock.environments)
    if lock.requires_python:
        table["requires-python"] = lock.requires_python
    if lock.extras:
        table["extras"] = sorted(lock.extras)
    if groups:
        table["dependency-groups"] = sorted(groups)
    table["created-by"] = "affineur"
    by_name: dict[str, list[Pin]] = {}
    for pin in pins:
        by_name.setdefault(pin.project, []).append(pin)
    table["packages"] = [package_table(pin, lock, by_name) for pin in pins]
    try:
        Pylock.from_dict(table)
    except PylockValidationError as error:
        at = re.match(r"packages\[(\d+)\]", error.context or "")
        what = f"{pins[int(at[1])].project}: " if at else ""
        raise Invalid(f"pylock.toml cannot hold it: {what}{error}") from None
    return tomli_w.dumps(table, multiline_strings=False)


def package_table(pin: Pin, lock: Lock, by_name: dict[str, list[Pin]]) -> dict[str, Any]:
    """Return the table of an entry.

    Args:
        pin: the entry.
        lock: the lock that it is of.
        by_name: the entries by project, of which it may ask for some.

    Raises:
        Invalid: it lacks a version, or the name, address or hash of a file.
    """
    if not pin.project:
        raise Invalid(f"{pin.origin}: pylock.toml wants a name for every entry")
    if not pin.version and not pin.origin:
        raise Invalid(f"{pin.project}: it is not pinned to a version, as pylock.toml wants it: lock it first")
    table: dict[str, Any] = {"name": pin.project}
    if pin.version:
        table["version"] = pin.version
    if marker := both(_asked_for(pin, lock), pin.marker):
        table["marker"] = marker
    if pin.requires_python:
        table["requires-python"] = pin.requires_python
    if dependencies := list(_dependencies(pin, by_name)):
        table["dependencies"] = dependencies
    if pin.origin:
        return table | _direct(pin)
    index = pin.index or lock.index_url
    if index and "@" not in index.partition("://")[2].partition("/")[0]:
        table["index"] = index
    files = [_file(pin, file) for file in pin.files]
    wheels = [file for file in files if file["name"].endswith(".whl")]
    sdists = [file for file in files if not file["name"].endswith(".whl")]
    if sdists:
        # The format has room for one: the kind that every tool builds from.
        table["sdist"] = next((one for one in sdists if one["name"].endswith(".tar.gz")), sdists[0])
    if wheels:
        table["wheels"] = wheels
    return table


def _asked_for(pin: Pin, lock: Lock) -> str:
    parts = [
        f'"{name}" in {"extras" if name in lock.extras else "dependency_groups"}' for name in dict.fromkeys(pin.groups)
    ]
    return " or ".join(parts)


def _file(pin: Pin, file: LockedFile) -> dict[str, Any]:
    if not (file.filename and file.url and file.hashes):
        lacks = "name" if not file.filename else "address" if not file.url else "hash"
        raise Invalid(
            f"{pin.project} {pin.version}: a file's {lacks} is not in the source, and pylock.toml wants name, "
            "address and hash of every file: name an index with --index, where they are looked up"
        )
    table: dict[str, Any] = {"name": file.filename}
    if file.upload_time is not None:
        table["upload-time"] = file.upload_time
    table["url" if "://" in file.url else "path"] = file.url
    if file.size is not None:
        table["size"] = file.size
    table["hashes"] = dict(file.hashes)
    return table


def _direct(pin: Pin) -> dict[str, Any]:
    """Return what stands for an address, repository or folder."""
    if found := _REPOSITORY.match(pin.origin):
        kind, url, commit, fragment = found.groups()
        if not commit:
            raise Invalid(f"{pin.project}: pylock.toml wants the commit of a repository, which {pin.origin} lacks")
        table = {"type": kind, "url": url, "commit-id": commit, "subdirectory": _subdirectory(fragment or "")}
        return {"vcs": {key: value for key, value in table.items() if value}}
    place, _, fragment = pin.origin.partition("#")
    subdirectory = _subdirectory(fragment)
    extra = {"subdirectory": subdirectory} if subdirectory else {}
    hashes = dict(pin.hashes) or dict(re.findall(r"(sha256|sha384|sha512)=([0-9a-f]+)", fragment))
    if hashes:
        size = next((file.size for file in pin.files if file.size is not None), None)
        uploaded = next((file.upload_time for file in pin.files if file.upload_time is not None), None)
        known = {"size": size, "upload-time": uploaded}
        where = {"url" if "://" in place else "path": place}
        return {"archive": {**where, "hashes": hashes, **{k: v for k, v in known.items() if v is not None}, **extra}}
    if ("://" in place and not place.startswith("file:")) or place.endswith(_ARCHIVES):
        raise Invalid(f"{pin.project}: pylock.toml wants a hash of what is at {place}")
    return {"directory": {"path": place, **({"editable": True} if pin.editable else {}), **extra}}


def _subdirectory(fragment: str) -> str:
    parts = dict(part.split("=", 1) for part in fragment.split("&") if "=" in part)
    return parts.get("subdirectory", "")


def _dependencies(pin: Pin, by_name: dict[str, list[Pin]]) -> list[dict[str, str]]:
    """Return the entries that an entry depends on; what the lock does not hold is left out, as the format wants it."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for asked in parsed(pin.requires):
        name = normalize(asked.name)
        several = by_name.get(name, [])
        for one in several:
            if len(several) == 1:
                found[name, ""] = {"name": name}
            elif meets(one.version, asked):
                found[name, one.version] = {"name": name, "version": one.version}
    return list(found.values())
