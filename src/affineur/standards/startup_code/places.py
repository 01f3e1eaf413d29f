"""Which members of an archive run on their own, and when."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from affineur.model.scans import Moment

_SITE_FOLDERS = ("purelib", "platlib")
_AT_START = frozenset({"sitecustomize.py", "usercustomize.py"})
_NOT_SHIPPED = frozenset(
    {"tests", "test", "docs", "doc", "examples", "example", "benchmarks", "scripts", "tools", "samples"}
)
_DEEPEST_PACKAGE = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A member that runs; `name` is its path in the archive as written."""

    name: str
    moment: Moment


def installed_path(name: str) -> str | None:
    """Return where a wheel's member lands below the site directory; None for what lands elsewhere."""
    top, _, rest = name.partition("/")
    if top.endswith(".data"):
        folder, _, inner = rest.partition("/")
        return inner if folder in _SITE_FOLDERS or (folder == "data" and "site-packages/" in inner) else None
    return name


def is_start_file(path: str) -> bool:
    """Whether Python reads the file at every start, by its place below the site directory."""
    return "/" not in posixpath.normpath(path) and path.lower().endswith((".pth", ".start"))


def in_wheel(names: Iterable[str]) -> list[Place]:
    """Return what runs of a wheel, start-up files left out."""
    landed = {path: name for name in names if (path := installed_path(name)) is not None}
    return _modules(landed)


def in_sdist(names: Iterable[str], bodies: Mapping[str, bytes]) -> list[Place]:
    """Return what runs of an sdist: what builds it, and what it would install as far as one can see."""
    inside = {rest: name for name in names if (rest := posixpath.normpath(name).partition("/")[2])}
    found = [Place(inside[path], Moment.INSTALL) for path in builders(inside, bodies) if path in inside]
    below = {
        path.removeprefix("src/"): name for path, name in inside.items() if path.partition("/")[0] not in _NOT_SHIPPED
    }
    taken = {place.name for place in found}
    packages = {path: name for path, name in below.items() if "/" in path}
    return found + [place for place in _modules(packages) if place.name not in taken]


def _modules(landed: Mapping[str, str]) -> list[Place]:
    """Return the modules that an import of any top-level name runs, given by where they land."""
    packages = {path.rpartition("/")[0] for path in landed if path.endswith("/__init__.py")}
    found = []
    for path, name in landed.items():
        folder, _, base = path.rpartition("/")
        if path in _AT_START:
            found.append(Place(name, Moment.START))
        elif base == "__init__.py":
            if folder.count("/") < _DEEPEST_PACKAGE and not _has_parent(folder, packages):
                found.append(Place(name, Moment.IMPORT))
        elif not folder and base.endswith(".py"):
            found.append(Place(name, Moment.IMPORT))
    return found


def _has_parent(folder: str, packages: set[str]) -> bool:
    parts = folder.split("/")
    return any("/".join(parts[:count]) in packages for count in range(1, len(parts)))


def builders(inside: Mapping[str, str], bodies: Mapping[str, bytes]) -> list[str]:
    """Return the paths, below the top folder of an sdist, of the code that builds it."""
    found = ["setup.py"]
    try:
        project = tomllib.loads(bodies.get(inside.get("pyproject.toml", ""), b"").decode("utf-8", "replace"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return found
    system = _table(project, "build-system")
    backend = str(system.get("build-backend", "")).partition(":")[0].replace(".", "/")
    folders = system.get("backend-path", [])
    for folder in folders if isinstance(folders, list) else []:
        base = posixpath.normpath(posixpath.join(str(folder), backend))
        found += [f"{base}.py", f"{base}/__init__.py"]
    tool = _table(project, "tool")
    hooks = _table(tool, "hatch", "build", "hooks", "custom") or _table(tool, "hatch", "metadata", "hooks", "custom")
    found.append(str(hooks.get("path", "hatch_build.py")))
    script = _table(tool, "poetry").get("build") or _table(tool, "poetry", "build").get("script")
    found += [str(script)] if isinstance(script, str) else []
    found.append(str(_table(tool, "pdm", "build").get("custom-hook", "pdm_build.py")))
    return [posixpath.normpath(path) for path in dict.fromkeys(found)]


def _table(document: Mapping[str, object], *path: str) -> Mapping[str, object]:
    here: object = document
    for part in path:
        here = here.get(part) if isinstance(here, dict) else None
    return here if isinstance(here, dict) else {}


def module_paths(imported: str, importer: str, names: Mapping[str, str]) -> list[str]:
    """Return the members that an import may mean; `names` maps places below the import root to members."""
    level = len(imported) - len(imported.lstrip("."))
    parts = [part for part in imported.lstrip(".").split(".") if part]
    if level:
        package = importer.split("/")[:-1]
        if level > 1:
            package = package[: 1 - level] if level - 1 < len(package) else []
        parts = [*package, *parts]
    if not parts:
        return []
    base = "/".join(parts)
    return [names[path] for path in (f"{base}.py", f"{base}/__init__.py") if path in names]
