"""Other releases put into a pylock.toml; what the file says besides stays."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w
from packaging.pylock import Pylock, PylockValidationError

from affineur.errors import Invalid
from affineur.model.locks import Lock, Pin
from affineur.standards.locks.write_pylock import package_table

_HEAD = re.compile(r"\A\ufeff?((?:[ \t]*(?:#[^\n]*)?\r?\n)*)")
_OF_THE_RELEASE = frozenset(
    {"version", "requires-python", "dependencies", "index", "sdist", "wheels", "attestation-identities"}
)
"""What an entry says of a release; marker and tables of tools are about the project."""


def edit_pylock(text: str, name: str, lock: Lock, changed: Mapping[Pin, Pin], added: Sequence[Pin]) -> str:
    """Return a pylock.toml with other releases in some entries, and some entries more.

    Comments stay above the first line that is none; those between entries are not kept, as the file is laid out anew.

    Args:
        text: the file.
        name: its name, for errors.
        lock: what was read of it.
        changed: entries with what takes their place.
        added: entries that it does not hold yet.

    Raises:
        Invalid: an entry is not there as it was read, or what takes its place cannot be written.
    """
    document = tomllib.loads(text.removeprefix("\ufeff"))
    packages: list[dict[str, Any]] = document["packages"]
    pins = [changed.get(pin, pin) for pin in lock.pins] + list(added)
    by_name: dict[str, list[Pin]] = {}
    for pin in pins:
        by_name.setdefault(pin.project, []).append(pin)
    for at, old in enumerate(lock.pins):
        if (new := changed.get(old)) is not None:
            kept = {key: value for key, value in packages[at].items() if key not in _OF_THE_RELEASE}
            packages[at] = package_table(new, lock, by_name) | kept
    for package in packages:
        for asked in package.get("dependencies", ()):
            for old, new in changed.items():
                if asked.get("name") == old.project and asked.get("version") == old.version:
                    asked["version"] = new.version
    packages += [package_table(pin, lock, by_name) for pin in added]
    try:
        Pylock.from_dict(document)
    except PylockValidationError as error:
        raise Invalid(f"{name}: it cannot hold what was chosen: {error}") from None
    head = _HEAD.match(text)
    return (head[1] if head else "") + tomli_w.dumps(document, multiline_strings=False)
