"""poetry.lock as Poetry 2.3 and later write it (lock-version 2.1)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import tomli_w

from affineur.model.locks import Lock, Pin
from affineur.model.names import normalize
from affineur.standards.locks.for_project import named_files, project_pins
from affineur.standards.locks.project import Project
from affineur.standards.locks.values import both, extras_in, parsed

_FILENAME = "poetry.lock"
_OF_PROJECT = ("requires-python", "dependencies", "optional-dependencies")
_OF_POETRY = ("dependencies", "source", "extras", "dev-dependencies", "group")


def write_poetry(lock: Lock, project: Project | None) -> str:
    """Return the lock as poetry.lock of a project.

    Raises:
        Invalid: the project is not given, or the lock lacks what Poetry wants.
    """
    pins = project_pins(lock, project, _FILENAME)
    assert project is not None
    source = _source(project)
    extras = {name for name, _ in project.root.extras}
    table: dict[str, Any] = {"package": [_package(pin, extras, lock, source) for pin in pins]}
    if extras:
        table["extras"] = {
            name: sorted(pin.project for pin in pins if name in pin.groups) for name in sorted(extras)
        }  # fmt: skip
    table["metadata"] = {
        "lock-version": "2.1",
        "python-versions": project.requires_python or "*",
        "content-hash": content_hash(project.values),
    }
    return tomli_w.dumps(table)


def _source(project: Project) -> dict[str, str]:
    """Return the source that Poetry asks first; empty where the project names none."""
    listed = project.values.get("tool", {}).get("poetry", {}).get("source", [])
    first = [one for one in listed if one.get("priority", "primary") == "primary" and one.get("url")]
    if not first:
        return {}
    return {"type": "legacy", "url": first[0]["url"].rstrip("/"), "reference": first[0].get("name", "")}


def _package(pin: Pin, extras: set[str], lock: Lock, source: dict[str, str]) -> dict[str, Any]:
    of_extras = sorted(extras & set(pin.groups))
    groups = sorted(set(pin.groups) - extras)
    table: dict[str, Any] = {
        "name": pin.project,
        "version": pin.version,
        "description": "",
        "optional": bool(of_extras),
        "python-versions": pin.requires_python or "*",
        "groups": ["main", *groups] if of_extras or not groups else groups,
    }
    in_main = both(pin.marker, " or ".join(f'extra == "{name}"' for name in of_extras))
    if of_extras and groups:
        table["markers"] = {"main": in_main} | (dict.fromkeys(groups, pin.marker) if pin.marker else {})
    elif in_main:
        table["markers"] = in_main
    table["files"] = [{"file": file.filename, "hash": stated} for file, stated in named_files(pin, _FILENAME)]
    if dependencies := _dependencies(pin):
        table["dependencies"] = dependencies
    if extras_of := _extras(pin):
        table["extras"] = extras_of
    if source:
        table["source"] = source
    return table


def _dependencies(pin: Pin) -> dict[str, Any]:
    """Return what an entry asks for: a version each, or a table, or a list of these."""
    found: dict[str, list[Any]] = {}
    for asked in parsed(pin.requires):
        version = str(asked.specifier) or "*"
        table: dict[str, Any] = {"version": version}
        if asked.extras:
            table["extras"] = sorted(asked.extras)
        if asked.marker is not None:
            table |= {"optional": True} if "extra ==" in str(asked.marker) else {}
            table["markers"] = str(asked.marker)
        found.setdefault(normalize(asked.name), []).append(version if len(table) == 1 else table)
    return {name: values[0] if len(values) == 1 else values for name, values in sorted(found.items())}


def _extras(pin: Pin) -> dict[str, list[str]]:
    """Return the extras of an entry, each with what it brings in."""
    found: dict[str, list[str]] = {}
    for asked in parsed(pin.requires):
        for name in extras_in(str(asked.marker or "")):
            found.setdefault(name, []).append(f"{asked.name}{f' ({asked.specifier})' if asked.specifier else ''}")
    return found


def content_hash(values: dict[str, Any]) -> str:
    """Return what Poetry knows a pyproject.toml by: the SHA-256 of what decides about the lock, in hex."""
    project, poetry = values.get("project", {}), values.get("tool", {}).get("poetry", {})
    groups = values.get("dependency-groups", {})
    relevant: dict[str, Any] = {"project": {key: project[key] for key in _OF_PROJECT if key in project}}
    if groups:
        relevant["dependency-groups"] = groups
    if not relevant["project"]:
        del relevant["project"]
    of_poetry = {key: poetry.get(key) for key in _OF_POETRY if key in poetry}
    if relevant:
        relevant["tool"] = {"poetry": of_poetry}
    else:
        relevant = {key: poetry.get(key) for key in _OF_POETRY if key in poetry or key != "group"}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()
