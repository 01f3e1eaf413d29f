"""Pipfile.lock of pipenv."""

from __future__ import annotations

from affineur.model.locks import Lock, LockedFile, LockKind, Pin
from affineur.standards.locks.tables import Table
from affineur.standards.locks.values import both, located, pinned_version, project_of, read_hash, read_marker, read_name

_ENVIRONMENT = (
    "os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_release",
    "platform_system", "platform_version", "python_version", "python_full_version", "implementation_name",
    "implementation_version",
)  # fmt: skip
"""Markers that older versions of pipenv write as keys of an entry (`"sys_platform": "== 'win32'"`)."""
_REPOSITORIES = ("git", "hg", "svn", "bzr")


def read_pipfile(root: Table) -> Lock:
    """Read the document.

    Raises:
        InvalidDocument: it is not as pipenv writes it.
    """
    meta = root.table("_meta")
    sources = {source.text("name"): source.text("url") for source in meta.tables("sources")}
    urls = list(dict.fromkeys(filter(None, sources.values())))
    first = urls[0] if urls else ""
    pins = []
    for category, entries in root.named_tables():
        if category == "_meta":
            continue
        groups = () if category == "default" else ("dev" if category == "develop" else category,)
        pins += [_pin(name, entry, groups, sources, first) for name, entry in entries.named_tables()]
    python = meta.table("requires")
    requires = python.text("python_full_version") or python.text("python_version")
    exact = "" if python.text("python_full_version") else ".*"
    return Lock(
        LockKind.PIPFILE,
        tuple(pins),
        requires_python=f"=={requires}{exact}" if requires and requires != "*" else "",
        index_url=first,
        extra_index_urls=tuple(urls[1:]),
    )


def _pin(name: str, entry: Table, groups: tuple[str, ...], sources: dict[str, str], first: str) -> Pin:
    where = entry.where
    specifier = entry.text("version")
    specifier = "" if specifier == "*" else specifier
    version = pinned_version(specifier)
    files = tuple(LockedFile(hashes=(read_hash(text, entry.document, where),)) for text in entry.texts("hashes"))
    index = sources.get(entry.text("index"), "")
    markers = [f"{key} {entry.text(key)}" for key in _ENVIRONMENT if key in entry]
    markers = [read_marker(text, entry.document, where) for text in (entry.text("markers"), *markers)]
    origin = _origin(entry)
    return Pin(
        read_name(name, entry.document, where) if not _path(name) else project_of(origin),
        version,
        specifier="" if version else specifier,
        marker=both(*markers),
        extras=tuple(sorted(entry.texts("extras"))),
        files=files,
        origin=origin,
        editable=entry.flag("editable"),
        index="" if index == first else index,
        groups=groups,
    )


def _path(name: str) -> bool:
    return name.startswith(".") or "/" in name


def _origin(entry: Table) -> str:
    for kind in _REPOSITORIES:
        if url := entry.text(kind):
            return located(url, entry.text("ref"), kind=kind, subdirectory=entry.text("subdirectory"))
    return entry.text("file") or entry.text("uri") or entry.text("path")
