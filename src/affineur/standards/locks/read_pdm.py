"""pdm.lock."""

from __future__ import annotations

from affineur.model.locks import Lock, LockedFile, LockKind, Pin
from affineur.standards.locks.tables import Table
from affineur.standards.locks.values import (
    filename_of,
    located,
    read_hash,
    read_marker,
    read_name,
)

_ALWAYS = "default"


def read_pdm(root: Table) -> Lock:
    """Read the document.

    Raises:
        InvalidDocument: it is not as PDM writes it.
    """
    metadata = root.table("metadata")
    targets = metadata.tables("targets")
    files = metadata.table("files")
    python = {target.text("requires_python") for target in targets}
    return Lock(
        LockKind.PDM,
        tuple(_pin(package, files) for package in root.tables("package")),
        requires_python=python.pop() if len(python) == 1 else "",
        environments=tuple(made for target in targets if (made := _environment(target))),
    )


def _environment(target: Table) -> str:
    """Return a target as a marker, as far as it names more than Python."""
    system = {"linux": "linux", "manylinux": "linux", "musllinux": "linux", "macos": "darwin", "windows": "win32"}
    platform, implementation = target.text("platform").split("_")[0], target.text("implementation")
    parts = []
    if platform and platform != "any":
        parts.append(f'sys_platform == "{system.get(platform, platform)}"')
    if implementation:
        parts.append(f'implementation_name == "{implementation}"')
    return read_marker(" and ".join(parts), target.document, target.where)


def _pin(package: Table, files: Table) -> Pin:
    name = package.needed("name")
    groups = package.texts("groups") if "groups" in package else (_ALWAYS,)
    older = f"{name} {package.text('version')}"
    listed = package.tables("files") if "files" in package else files.tables(older) if older in files else []
    marker = read_marker(package.text("marker"), package.document, package.place("marker"))
    return Pin(
        read_name(name, package.document, package.place("name")),
        package.text("version"),
        marker=marker,
        extras=tuple(sorted(package.texts("extras"))),
        files=tuple(map(_file, listed)),
        origin=_origin(package),
        editable=package.flag("editable"),
        groups=() if _ALWAYS in groups else groups,
        requires=package.texts("dependencies") if isinstance(package.values.get("dependencies", []), list) else (),
        requires_python=package.text("requires_python"),
    )


def _file(file: Table) -> LockedFile:
    url = file.text("url")
    return LockedFile(
        file.text("file") or filename_of(url), (read_hash(file.needed("hash"), file.document, file.where),), url
    )


def _origin(package: Table) -> str:
    if git := package.text("git"):
        commit = package.text("revision") or package.text("ref")
        return located(git, commit, subdirectory=package.text("subdirectory"))
    subdirectory = package.text("subdirectory")
    return (package.text("url") or package.text("path")) + (subdirectory and f"#subdirectory={subdirectory}")
