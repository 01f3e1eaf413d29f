"""Requirements of projects of an index, taken from a requirements file or a lock file of any tool."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from affineur.errors import Invalid, InvalidDocument
from affineur.model.locks import LockKind, Pin
from affineur.standards.locks.read import read_lock
from affineur.standards.locks.read_requirements import is_place
from affineur.standards.locks.values import without_secret


@dataclass(frozen=True, slots=True)
class RequirementList:
    """The requirements of a file; a lock names everything that is needed. `left_out` says what was not taken."""

    requirements: tuple[Requirement, ...]
    locked: bool = False
    left_out: tuple[str, ...] = ()


def read_requirement_list(text: str, name: str = "the file") -> RequirementList:
    """Read a requirements file or a lock file.

    Raises:
        InvalidDocument: it cannot be read, or a line of a requirements file names another file, a folder or an address.
    """

    def other(path: str) -> str:
        raise Invalid(f"{path!r} is another file: give that file by itself")

    lock = read_lock(text, name, other)
    locked = lock.kind is not LockKind.REQUIREMENTS
    left_out = [*lock.unread, *lock.options]
    if lock.index_url and not locked:
        left_out.append(f"--index-url {without_secret(lock.index_url)}")
    left_out += [f"--extra-index-url {without_secret(url)}" for url in lock.extra_index_urls if not locked]
    left_out += [f"--find-links {without_secret(place)}" for place in lock.find_links]
    requirements = []
    for pin in lock.pins:
        if not pin.origin:
            requirements.append(_requirement_of(pin, locked=locked))
        elif locked:
            left_out.append(pin.project)
        else:
            raise InvalidDocument(
                name, f"{without_secret(pin.origin)!r} is not a project of an index", f"line {pin.line}"
            )
    return RequirementList(tuple(requirements), locked, tuple(left_out))


def _requirement_of(pin: Pin, *, locked: bool) -> Requirement:
    asked = f"[{','.join(pin.extras)}]" if pin.extras else ""
    marker = f"; {pin.marker}" if pin.marker and not locked else ""
    return Requirement(f"{pin.project}{asked}" + (f"=={pin.version}" if pin.version else pin.specifier) + marker)


def requirement(text: str, name: str = "the requirement", where: str = "") -> Requirement:
    """Read one requirement of a project of an index.

    Raises:
        InvalidDocument: it cannot be read, or is an address.
    """
    text = text.strip()
    shown = without_secret(text)[:80]
    if is_place(text):
        raise InvalidDocument(name, f"{shown!r} is an address or a path, not a project of an index", where)
    try:
        made = Requirement(text)
    except InvalidRequirement as error:
        problem = str(error).partition("\n")[0]
        raise InvalidDocument(name, f"{shown!r} is no requirement: {problem}", where) from None
    if made.url is not None:
        raise InvalidDocument(name, f"{shown!r} is an address, not a project of an index", where)
    return made
