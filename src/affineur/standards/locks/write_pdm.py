"""pdm.lock, with the markers and groups of every entry in it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import tomli_w
from packaging.requirements import Requirement

from affineur.model.locks import Lock, Pin
from affineur.model.names import normalize
from affineur.standards.locks.for_project import asked_for, named_files, project_pins
from affineur.standards.locks.project import Project
from affineur.standards.locks.values import extras_in, parsed

_FILENAME = "pdm.lock"


def write_pdm(lock: Lock, project: Project | None) -> str:
    """Return the lock as pdm.lock of a project.

    Raises:
        Invalid: the project is not given, or the lock lacks what PDM wants.
    """
    pins = project_pins(lock, project, _FILENAME)
    assert project is not None
    root = project.root
    groups = sorted({"default", *(name for name, _ in (*root.extras, *root.groups))})
    asked: dict[str, set[str]] = {}
    for _, text in asked_for(project):
        requirement = Requirement(text)
        asked.setdefault(normalize(requirement.name), set()).update(requirement.extras)
    packages = []
    for pin in pins:
        packages.append(_package(pin, ()))
        if extras := tuple(sorted({*pin.extras, *asked.get(pin.project, ())})):
            packages.append(_package(pin, extras))
    metadata: dict[str, Any] = {
        "groups": groups,
        "strategy": ["inherit_metadata"],
        "lock_version": "4.5.0",
        "content_hash": f"sha256:{content_hash(project.values)}",
        "targets": [{"requires_python": project.requires_python or "*"}],
    }
    return tomli_w.dumps({"metadata": metadata, "package": packages})


def _package(pin: Pin, extras: tuple[str, ...]) -> dict[str, Any]:
    table: dict[str, Any] = {"name": pin.project, "version": pin.version}
    if extras:
        table["extras"] = list(extras)
    if pin.requires_python:
        table["requires_python"] = pin.requires_python
    table["summary"] = ""
    table["groups"] = sorted(pin.groups) or ["default"]
    if pin.marker:
        table["marker"] = pin.marker
    requires = [*([f"{pin.project}=={pin.version}"] if extras else []), *_requires(pin, extras)]
    if requires:
        table["dependencies"] = requires
    table["files"] = [{"file": file.filename, "hash": stated} for file, stated in named_files(pin, _FILENAME)]
    return table


def _requires(pin: Pin, extras: tuple[str, ...]) -> list[str]:
    """Return what an entry asks for: without extras what it always does, with extras what these do besides."""
    made = []
    for asked in parsed(pin.requires):
        needed = set(extras_in(str(asked.marker or "")))
        if bool(needed) != bool(extras) or normalize(asked.name) == pin.project:
            continue
        if not needed or needed & set(map(normalize, extras)):
            text = str(asked)
            made.append(text.partition(";")[0].strip() if needed else text)
    return made


def content_hash(values: dict[str, Any]) -> str:
    """Return what PDM knows a pyproject.toml by: the SHA-256 of what decides about the lock, in hex."""
    project, pdm = values.get("project", {}), values.get("tool", {}).get("pdm", {})
    groups = {normalize(name): list(texts) for name, texts in values.get("dependency-groups", {}).items()}
    for name, texts in pdm.get("dev-dependencies", {}).items():
        groups.setdefault(normalize(name), []).extend(texts)
    relevant = {
        "sources": pdm.get("source", []),
        "dependencies": project.get("dependencies", []),
        "dev-dependencies": groups,
        "optional-dependencies": project.get("optional-dependencies", {}),
        "requires-python": project.get("requires-python", ""),
        "resolution": pdm.get("resolution", {}),
    }
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()
