"""Pipfile.lock of pipenv."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from affineur.errors import Invalid
from affineur.model.locks import Lock, Pin
from affineur.model.names import normalize
from affineur.standards.locks.merge import merged, without_extras
from affineur.standards.locks.project import Project

_FILENAME = "Pipfile.lock"
_SECTIONS = ("source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop")


def write_pipfile(lock: Lock, project: Project | None) -> str:
    """Return the lock as Pipfile.lock beside a Pipfile.

    Raises:
        Invalid: the Pipfile is not given, or the lock lacks what pipenv wants.
    """
    if project is None or not project.pipfile:
        raise Invalid(f"{_FILENAME} repeats what the Pipfile says: give it with --project")
    values = project.values
    sources = values.get("source", [])
    if not sources:
        raise Invalid("the Pipfile names no [[source]], which Pipfile.lock repeats")
    pins = without_extras(merged(lock.pins))
    _asked(values, pins)
    names = {source.get("url", "").rstrip("/"): source.get("name", "") for source in sources}
    table: dict[str, dict[str, Any]] = {
        "_meta": {
            "hash": {"sha256": content_hash(values)},
            "pipfile-spec": 6,
            "requires": values.get("requires", {}),
            "sources": sources,
        },
        "default": {},
        "develop": {},
    }
    for pin in pins:
        for group in pin.groups or ("default",):
            section = table.setdefault("develop" if group == "dev" else group, {})
            if pin.project in section:
                raise Invalid(f"{pin.project}: the lock pins it twice, and {_FILENAME} has room for one version")
            section[pin.project] = _entry(pin, names)
    return json.dumps(table, indent=4, sort_keys=True) + "\n"


def _asked(values: dict[str, Any], pins: list[Pin]) -> None:
    """Make sure that everything that the Pipfile asks for is there."""
    held = {pin.project for pin in pins}
    for section in ("packages", "dev-packages"):
        for name in values.get(section, {}):
            if normalize(name) not in held:
                raise Invalid(f"the lock does not hold {name}, which the Pipfile asks for in [{section}]")


def _entry(pin: Pin, names: dict[str, str]) -> dict[str, Any]:
    if pin.origin:
        raise Invalid(f"{pin.project or pin.origin}: comes from a direct address, which {_FILENAME} gets from its tool")
    if not pin.version:
        raise Invalid(f"{pin.project}: it is not pinned to a version, as {_FILENAME} wants it: lock it first")
    table: dict[str, Any] = {"version": f"=={pin.version}"}
    if pin.extras:
        table["extras"] = list(pin.extras)
    if pin.hashes:
        table["hashes"] = sorted(f"{algorithm}:{digest}" for algorithm, digest in pin.hashes)
    if name := names.get(pin.index.rstrip("/")):
        table["index"] = name
    if pin.marker:
        table["markers"] = pin.marker.replace('"', "'")
    return table


def content_hash(values: dict[str, Any]) -> str:
    """Return what pipenv knows a Pipfile by: the SHA-256 of what decides about the lock, in hex."""
    relevant = {
        "_meta": {"sources": values.get("source", []), "requires": values.get("requires", {})},
        "default": values.get("packages", {}),
        "develop": values.get("dev-packages", {}),
        **{name: value for name, value in values.items() if name not in _SECTIONS},
    }
    return hashlib.sha256(json.dumps(relevant, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
