"""Lists of requirements: requirements files as pip reads them, and lock files (pylock.toml)."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.pylock import Pylock, PylockValidationError
from packaging.requirements import InvalidRequirement, Requirement

from affineur.errors import InvalidDocument

_COMMENT = re.compile(r"(^|\s)#.*$")
_OPTION = re.compile(r"\s(?=--?[A-Za-z])")
_FILES = {"-r", "--requirement", "-c", "--constraint"}
_LOCAL = {"-e", "--editable"}
_NAMED = re.compile(r"(-r|-c|--requirement|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(?P<path>\S.*)")
_NOT_REQUIREMENTS = (".toml", ".lock", ".json")


@dataclass(frozen=True, slots=True)
class RequirementList:
    """The requirements of a file; a lock names everything that is needed. `left_out` says what was not taken."""

    requirements: tuple[Requirement, ...]
    locked: bool = False
    left_out: tuple[str, ...] = ()


def read_requirement_list(text: str, name: str = "the file") -> RequirementList:
    """Read a requirements file or, where it is TOML with a lock version, a lock file.

    Raises:
        InvalidDocument: a line cannot be read, or names another file, a folder or an address.
    """
    if re.search(r"^\s*lock-version\s*=", text, re.MULTILINE):
        return _lock(text, name)
    requirements: list[Requirement] = []
    left_out: list[str] = []
    for number, line in _lines(text):
        where = f"line {number}"
        if line.startswith("-"):
            option = re.split(r"[\s=]", line, maxsplit=1)[0]
            if option in _FILES or option.startswith(("-r", "-c")):
                raise InvalidDocument(name, f"{line!r} names another file: give that file by itself", where)
            if option in _LOCAL:
                raise InvalidDocument(name, f"{line!r} is not a project of an index", where)
            left_out.append(line)
            continue
        requirements.append(requirement(_OPTION.split(line, maxsplit=1)[0], name, where))
    return RequirementList(tuple(requirements), left_out=tuple(left_out))


def files_named_in(text: str, name: str) -> list[str]:
    """Return the paths of the files that a requirements file named `name` names with `-r` and `-c`.

    They are seen from where `name` is; addresses are left out.
    """
    if name.endswith(_NOT_REQUIREMENTS):
        return []
    named = [_NAMED.fullmatch(line) for _, line in _lines(text)]
    paths = [match["path"] for match in named if match is not None]
    return [beside(name, path) for path in paths if "://" not in path]


def beside(name: str, path: str) -> str:
    """Return the path that the file `name` means by `path`, seen from where `name` is."""
    return path if posixpath.isabs(path) else posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def requirement(text: str, name: str = "the requirement", where: str = "") -> Requirement:
    """Read one requirement of a project of an index.

    Raises:
        InvalidDocument: it cannot be read, or is an address.
    """
    try:
        made = Requirement(text.strip())
    except InvalidRequirement as error:
        problem = str(error).partition("\n")[0]
        raise InvalidDocument(name, f"{text.strip()[:80]!r} is no requirement: {problem}", where) from None
    if made.url is not None:
        raise InvalidDocument(name, f"{text.strip()[:80]!r} is an address, not a project of an index", where)
    return made


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers, continued ones joined, comments and empty ones left out."""
    joined, first = "", 0
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        first = first or number
        line = _COMMENT.sub("", raw)
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        whole = (joined + line).strip()
        if whole:
            yield first, whole
        joined, first = "", 0
    if joined.strip():
        yield first, joined.strip()


def _lock(text: str, name: str) -> RequirementList:
    try:
        lock = Pylock.from_dict(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, PylockValidationError) as error:
        raise InvalidDocument(name, str(error)) from None
    requirements, left_out = [], []
    for package in lock.packages:
        if package.version is None or not (package.wheels or package.sdist):
            left_out.append(str(package.name))
        else:
            requirements.append(Requirement(f"{package.name}=={package.version}"))
    return RequirementList(tuple(requirements), locked=True, left_out=tuple(left_out))
