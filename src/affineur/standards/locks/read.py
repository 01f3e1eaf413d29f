"""A lock file of any format, told apart by content and name."""

from __future__ import annotations

import re

from affineur.errors import InvalidDocument
from affineur.model.locks import Lock, LockKind
from affineur.standards.locks.read_pdm import read_pdm
from affineur.standards.locks.read_pipfile import read_pipfile
from affineur.standards.locks.read_poetry import read_poetry
from affineur.standards.locks.read_pylock import read_pylock
from affineur.standards.locks.read_requirements import Other, read_requirements
from affineur.standards.locks.read_uv import read_uv
from affineur.standards.locks.tables import Table, read_json, read_toml

_TABLE = re.compile(r"^(?:\[\[?packages?\]?\]|lock-version\s*=|\[metadata\])", re.MULTILINE)
_PYLOCK_NAME = re.compile(r"\Apylock(?:\.[^.]+)?\.toml\Z")
_BY_NAME = {
    "Pipfile.lock": LockKind.PIPFILE,
    "poetry.lock": LockKind.POETRY,
    "uv.lock": LockKind.UV,
    "pdm.lock": LockKind.PDM,
}


def kind_by_name(filename: str) -> LockKind | None:
    """Return the format that a file's name stands for; None where any text may be in it."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    if _PYLOCK_NAME.match(name):
        return LockKind.PYLOCK
    if name.endswith((".txt", ".in")):
        return LockKind.REQUIREMENTS
    return _BY_NAME.get(name)


def reads_as_requirements(text: str, filename: str) -> bool:
    """Whether a file is taken for a requirements file: neither JSON nor TOML, by content before name."""
    if text.removeprefix("\ufeff").lstrip().startswith("{") or _TABLE.search(text):
        return False
    return not filename.endswith(".toml") and kind_by_name(filename) in {None, LockKind.REQUIREMENTS}


def read_lock(text: str, filename: str, other: Other | None = None) -> Lock:
    """Read a lock file, a requirements file or what `pip freeze` prints.

    Args:
        text: what it holds.
        filename: its name, which errors name; the content counts more when formats are told apart.
        other: how files are had that a requirements file names (-r, -c); without it they are listed as unread.

    Raises:
        InvalidDocument: it cannot be read; the error says where.
    """
    try:
        return _read(text.removeprefix("\ufeff"), filename, other)
    except RecursionError:
        raise InvalidDocument(filename, "it is nested too deeply") from None


def _read(text: str, filename: str, other: Other | None) -> Lock:
    if reads_as_requirements(text, filename):
        return read_requirements(text, filename, other)
    if text.lstrip().startswith("{"):
        root = read_json(text, filename)
        if "_meta" in root:
            return read_pipfile(root)
        raise InvalidDocument(filename, "it is JSON, but no Pipfile.lock (it has no _meta)")
    return _read_toml(read_toml(text, filename))


def _read_toml(root: Table) -> Lock:
    if "lock-version" in root:
        return read_pylock(root)
    metadata = root.table("metadata")
    if "lock-version" in metadata:
        return read_poetry(root)
    if "lock_version" in metadata:
        return read_pdm(root)
    if "version" in root and ("package" in root or "requires-python" in root):
        return read_uv(root)
    if {"project", "build-system", "tool"} & root.values.keys():
        raise InvalidDocument(root.document, "it says what a project needs, but is no lock file: lock it first")
    raise InvalidDocument(root.document, "it is TOML, but no lock file of pip, uv, Poetry or PDM")
