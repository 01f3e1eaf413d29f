"""poetry.lock, of Poetry 1 (lock-version 1.x) and 2 (lock-version 2.x)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from affineur.model.locks import Lock, LockedFile, LockKind, Pin
from affineur.model.names import ProjectName, normalize
from affineur.standards.locks.tables import Table
from affineur.standards.locks.values import (
    either,
    located,
    one_index,
    read_hash,
    read_marker,
    read_name,
    without_own_extras,
)

_ALWAYS = "main"
_CARET = re.compile(r"\A(\^|~)\s*([0-9][0-9A-Za-z.+!-]*)\Z")


def read_poetry(root: Table) -> Lock:
    """Read the document.

    Raises:
        InvalidDocument: it is not as Poetry writes it.
    """
    metadata = root.table("metadata")
    packages = root.tables("package")
    extras = {name: [normalize(_first_word(one)) for one in root.table("extras").texts(name)]
              for name in root.table("extras").values}  # fmt: skip
    brought = _brought_by(extras, packages)
    files = metadata.table("files")
    index, pins = one_index([_pin(package, files, brought) for package in packages])
    unread = []
    if not any("markers" in package for package in packages) and _older(metadata.text("lock-version")):
        unread.append(
            f"{root.document}: a lock of this version does not say on which platforms and Pythons an entry is "
            "wanted; every entry is taken as wanted everywhere"
        )
    python = metadata.text("python-versions")
    return Lock(
        LockKind.POETRY,
        pins,
        requires_python="" if python == "*" else _specifier(python) or "",
        extras=tuple(normalize(name) for name in extras),
        index_url=index,
        extra_index_urls=tuple(dict.fromkeys(pin.index for pin in pins if pin.index)),
        unread=tuple(unread),
    )


def _older(version: str) -> bool:
    try:
        return Version(version) < Version("2.1")
    except InvalidVersion:
        return True


def _pin(package: Table, files: Table, brought: Mapping[ProjectName, tuple[str, ...]]) -> Pin:
    name = read_name(package.needed("name"), package.document, package.place("name"))
    listed = package.tables("files") if "files" in package else files.tables(package.text("name"))
    source = package.table("source")
    legacy = source.text("type") == "legacy"
    listed_groups = _groups(package)
    groups = () if _ALWAYS in listed_groups else listed_groups
    of_extras = brought.get(name, ()) if package.flag("optional") and not groups else ()
    if of_extras:
        groups = (*of_extras, *(group for group in listed_groups if group != _ALWAYS))
    python = package.text("python-versions")
    marker = _marker(package, of_extras)
    requires = tuple(_requires(package.table("dependencies")))
    return Pin(
        name,
        package.needed("version"),
        marker=marker,
        files=tuple(
            LockedFile(
                file.text("file"), (read_hash(file.needed("hash"), file.document, file.where),), file.text("url")
            )
            for file in listed
        ),
        origin="" if legacy else _origin(source),
        editable=package.flag("develop"),
        index=source.text("url") if legacy else "",
        groups=groups,
        requires=requires,
        requires_python="" if python in {"", "*"} else _specifier(python) or "",
    )


def _groups(package: Table) -> tuple[str, ...]:
    return package.texts("groups") if "groups" in package else (package.text("category") or _ALWAYS,)


def _marker(package: Table, of_extras: tuple[str, ...]) -> str:
    """Return the marker; a table of groups, each with its own, is what holds for any of them.

    That an extra of the project is asked for is no part of it where the groups say so.
    """
    value = package.values.get("markers", "")
    if isinstance(value, str):
        found = [read_marker(value, package.document, package.place("markers"))]
    else:
        table = package.table("markers")
        groups = package.texts("groups") or tuple(table.values)
        found = [read_marker(table.text(group), package.document, table.place(group)) for group in groups]
    return either(without_own_extras(marker) if of_extras else marker for marker in found)


def _origin(source: Table) -> str:
    kind, url = source.text("type"), source.text("url")
    subdirectory = source.text("subdirectory")
    if kind in {"git", "hg"}:
        commit = source.text("resolved_reference") or source.text("reference")
        return located(url, commit, kind=kind, subdirectory=subdirectory)
    return url + (subdirectory and f"#subdirectory={subdirectory}")


def _requires(dependencies: Table) -> Iterator[str]:
    for name, value in dependencies.values.items():
        for one in value if isinstance(value, list) else [value]:
            yield _requirement(name, one, dependencies)


def _requirement(name: str, value: Any, dependencies: Table) -> str:
    """Return a dependency as PEP 508 writes it; a version of Poetry's own grammar that cannot be is left open."""
    if isinstance(value, str):
        value = {"version": value}
    if not isinstance(value, dict):
        raise dependencies.wrong(name, "a version or a table is wanted")
    table = Table(value, dependencies.document, dependencies.place(name))
    extras = ",".join(table.texts("extras"))
    marker = read_marker(table.text("markers"), table.document, table.place("markers"))
    address = table.text("git") or table.text("url") or table.text("path")
    specifier = "" if address else _specifier(table.text("version")) or ""
    made = name + (f"[{extras}]" if extras else "")
    if address and "://" in address:
        made += f" @ {located(address, table.text('rev')) if table.text('git') else address}"
    else:
        made += specifier
    return made + (f" ; {marker}" if marker and " @ " in made else f"; {marker}" if marker else "")


def _specifier(text: str) -> str | None:
    """Return a version constraint of Poetry as a specifier; None where it has no such form."""
    text = text.strip()
    if text in {"", "*"}:
        return ""
    parts = []
    for part in re.split(r"\s*,\s*|\s+(?=[<>=!~^])", text):
        found = _CARET.match(part)
        if found and not part.startswith("~="):
            parts.append(_caret(found[1], found[2]))
        elif part[:1].isdigit():
            parts.append(f"=={part}")
        else:
            parts.append(part)
    try:
        return str(SpecifierSet(",".join(parts)))
    except InvalidSpecifier:
        return None


def _caret(sign: str, text: str) -> str:
    try:
        release = Version(text).release
    except InvalidVersion:
        return text
    if sign == "~":
        upto = release[:1] if len(release) == 1 else release[:2]
    else:
        significant = next((at for at, number in enumerate(release) if number), len(release) - 1)
        upto = release[: significant + 1]
    above = ".".join(map(str, (*upto[:-1], upto[-1] + 1)))
    return f">={text},<{above}"


def _first_word(text: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", text)
    return found[0] if found else text


def _brought_by(extras: Mapping[str, Iterable[str]], packages: list[Table]) -> dict[ProjectName, tuple[str, ...]]:
    """Return which extras of the project bring in each optional package, directly or by what they name."""
    needs: dict[str, list[str]] = {}
    for package in packages:
        needs.setdefault(normalize(package.text("name")), []).extend(
            normalize(name) for name in package.table("dependencies").values
        )
    brought: dict[ProjectName, list[str]] = {}
    for extra, names in extras.items():
        waiting, seen = list(names), set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            brought.setdefault(ProjectName(name), []).append(normalize(extra))
            waiting += needs.get(name, [])
    return {name: tuple(found) for name, found in brought.items()}
