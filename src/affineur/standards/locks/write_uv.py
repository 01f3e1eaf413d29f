"""uv.lock: a graph, so that the source must say what asks for each entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tomli_w
from packaging.markers import Marker
from packaging.requirements import Requirement

from affineur.errors import Invalid
from affineur.model.locks import Lock, LockedFile, Pin
from affineur.model.names import normalize
from affineur.standards.locks.for_project import by_project, named_files, project_pins
from affineur.standards.locks.project import Project
from affineur.standards.locks.values import both, extras_in, meets, parsed, without_own_extras

_FILENAME = "uv.lock"
_Edges = dict[str, dict[str, list[Requirement]]]
"""By project and extra, what is asked for."""


def write_uv(lock: Lock, project: Project | None) -> str:
    """Return the lock as uv.lock of a project.

    Raises:
        Invalid: the project is not given, or the lock lacks what uv wants.
    """
    pins = project_pins(lock, project, _FILENAME)
    assert project is not None
    if "workspace" in project.values.get("tool", {}).get("uv", {}):
        raise Invalid("a workspace is locked by uv alone: its lock holds all members")
    edges = _edges(pins)
    _reached(project, edges, pins)
    table: dict[str, Any] = {"version": 1, "revision": 3}
    table["requires-python"] = project.requires_python
    if not project.requires_python:
        raise Invalid("the pyproject.toml has no requires-python, which uv.lock repeats")
    held = by_project(pins)
    packages = [_root(project, held), *(_package(pin, lock, project, edges, held) for pin in pins)]
    table["package"] = sorted(packages, key=lambda one: (one["name"], one.get("version", "")))
    return tomli_w.dumps(table)


def _edges(pins: list[Pin]) -> _Edges:
    """Return what asks for what: by the requirements that the lock records, else by its comments."""
    edges: _Edges = {pin.project: {"": []} for pin in pins}
    if any(pin.requires for pin in pins):
        for pin in pins:
            for asked in parsed(pin.requires):
                if normalize(asked.name) in edges and normalize(asked.name) != pin.project:
                    extra = next(extras_in(str(asked.marker or "")), "")
                    edges[pin.project].setdefault(extra, []).append(asked)
        return edges
    for pin in pins:
        for name in pin.via:
            if (by := normalize(name.partition(" ")[0])) in edges:
                edges[by][""].append(Requirement(pin.project + (f"; {pin.marker}" if pin.marker else "")))
    return edges


def _reached(project: Project, edges: _Edges, pins: list[Pin]) -> None:
    """Make sure that a way leads from the project to every entry; uv installs no others."""
    root = project.root
    waiting = [Requirement(text) for texts in (root.requires, *dict(root.extras).values(), *dict(root.groups).values())
               for text in texts]  # fmt: skip
    seen: set[tuple[str, str]] = set()
    while waiting:
        asked = waiting.pop()
        for extra in ("", *map(normalize, asked.extras)):
            place = (str(normalize(asked.name)), str(extra))
            if place not in seen:
                seen.add(place)
                waiting += edges.get(place[0], {}).get(place[1], [])
    if lone := sorted({pin.project for pin in pins} - {name for name, _ in seen}):
        raise Invalid(
            f"uv.lock says what asks for each entry, and the source does not say it of {', '.join(lone)}: "
            "let uv lock the project (`uv lock`), or convert from a format that tells"
        )


def _root(project: Project, held: dict[str, list[Pin]]) -> dict[str, Any]:
    root, uv = project.root, project.values.get("tool", {}).get("uv", {})
    packaged = uv.get("package", project.packaged)
    table: dict[str, Any] = {"name": normalize(root.name)}
    if root.version:
        table["version"] = root.version
    table["source"] = {"editable" if packaged else "virtual": "."}
    if root.requires:
        table["dependencies"] = list(_leading(map(Requirement, root.requires), held))
    for key, listed in (("optional-dependencies", root.extras), ("dev-dependencies", root.groups)):
        if listed:
            table[key] = {normalize(name): list(_leading(map(Requirement, texts), held)) for name, texts in listed}
    metadata: dict[str, Any] = {}
    rows = [_stated(text, "") for text in root.requires]
    rows += [_stated(text, normalize(name)) for name, texts in root.extras for text in texts]
    if rows:
        metadata["requires-dist"] = sorted(rows, key=lambda row: str(row["name"]))
    if root.extras:
        metadata["provides-extras"] = [normalize(name) for name, _ in root.extras]
    if root.groups:
        metadata["requires-dev"] = {
            normalize(name): [_stated(text, "") for text in texts] for name, texts in root.groups
        }
    if metadata:
        table["metadata"] = metadata
    return table


def _stated(text: str, extra: str) -> dict[str, Any]:
    """Return a requirement of the project as it is repeated in its metadata."""
    asked = Requirement(text)
    table: dict[str, Any] = {"name": normalize(asked.name)}
    if asked.extras:
        table["extras"] = sorted(map(normalize, asked.extras))
    if marker := both(str(asked.marker or ""), f'extra == "{extra}"' if extra else ""):
        table["marker"] = marker
    if asked.specifier:
        table["specifier"] = str(asked.specifier)
    return table


def _leading(asked: Iterator[Requirement], held: dict[str, list[Pin]]) -> Iterator[dict[str, Any]]:
    """Yield the entries that requirements lead to."""
    for one in asked:
        name = normalize(one.name)
        several = held.get(name, [])
        for pin in several:
            if not meets(pin.version, one):
                continue
            table: dict[str, Any] = {"name": name}
            if len(several) > 1:
                table["version"] = pin.version
            if one.extras:
                table["extra"] = sorted(map(normalize, one.extras))
            own = without_own_extras(str(one.marker or ""))
            if marker := both(own, pin.marker if len(several) > 1 else ""):
                table["marker"] = str(Marker(marker))
            yield table


def _package(pin: Pin, lock: Lock, project: Project, edges: _Edges, held: dict[str, list[Pin]]) -> dict[str, Any]:
    table: dict[str, Any] = {
        "name": pin.project,
        "version": pin.version,
        "source": {"registry": _registry(pin, lock, project)},
    }
    for extra, asked in edges[pin.project].items():
        if not (leading := list(_leading(iter(asked), held))):
            continue
        if extra:
            table.setdefault("optional-dependencies", {})[extra] = leading
        else:
            table["dependencies"] = leading
    files = list(named_files(pin, _FILENAME))
    wheels = [_file(pin, file, stated) for file, stated in files if file.filename.endswith(".whl")]
    sdists = [_file(pin, file, stated) for file, stated in files if not file.filename.endswith(".whl")]
    if sdists:
        table["sdist"] = next((one for one in sdists if ".tar.gz" in one["url"]), sdists[0])
    if wheels:
        table["wheels"] = wheels
    return table


def _registry(pin: Pin, lock: Lock, project: Project) -> str:
    """Return the address of the index, as the project spells it where it does."""
    uv = project.values.get("tool", {}).get("uv", {})
    spelt = [one["url"] for one in uv.get("index", []) if one.get("url")] + [uv.get("index-url", "")]
    index = pin.index or lock.index_url or next(filter(None, spelt), "")
    if not index:
        raise Invalid(
            f"{pin.project}: uv.lock names the index of every entry, and neither source nor pyproject.toml does"
        )
    return next((url for url in spelt if url.rstrip("/") == index.rstrip("/")), index)


def _file(pin: Pin, file: LockedFile, stated: str) -> dict[str, Any]:
    if not file.url:
        raise Invalid(
            f"{pin.project} {pin.version}: uv.lock wants the addresses of files, which the source does not say: "
            "name an index with --index to look them up"
        )
    table: dict[str, Any] = {"url": file.url, "hash": stated}
    if file.size is not None:
        table["size"] = file.size
    if file.upload_time is not None:
        table["upload-time"] = file.upload_time.isoformat().replace("+00:00", "Z")
    return table
