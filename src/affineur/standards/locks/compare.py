"""What one lock says and another, made from it, does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from affineur.model.locks import Lock, Pin
from affineur.model.names import normalize
from affineur.standards.locks.merge import merged, without_extras
from affineur.standards.locks.values import without_secret

_DETAILS: tuple[tuple[str, Callable[[Pin], Iterable[object]]], ...] = (
    ("names of files", lambda pin: (file.filename for file in pin.files if file.filename)),
    ("addresses of files", lambda pin: (file.url for file in pin.files if file.url)),
    ("sizes of files", lambda pin: (file.size for file in pin.files if file.size is not None)),
    ("upload times of files", lambda pin: (file.upload_time for file in pin.files if file.upload_time)),
    ("which hash is of which file", lambda pin: (
        (file.filename, file.hashes) for file in pin.files if file.filename and file.hashes)),
    ("what entries depend on", lambda pin: map(_name, pin.requires)),
    ("under which conditions entries depend on others", lambda pin: map(_condition, pin.requires)),
    ("which Pythons entries allow", lambda pin: filter(None, [pin.requires_python])),
    ("what asked for an entry", lambda pin: pin.via),
    # What an extra brings in is an entry of the lock itself.
    ("which extras are asked for", lambda pin: pin.extras),
    ("versions of direct addresses", lambda pin: filter(None, [pin.version if pin.origin else ""])),
)  # fmt: skip
"""What changes nothing about which bytes are installed where."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is missing from a lock, in sentences."""

    lost: tuple[str, ...] = ()
    """What decides about what is installed, or by which hashes it is known."""
    left_out: tuple[str, ...] = ()
    """What tells more about it."""


def difference(before: Lock, after: Lock, elsewhere: Sequence[str] = ()) -> Difference:
    """Return what `before` says and `after` does not; the project itself names the indexes `elsewhere`."""
    lost: list[str] = list(before.unread)
    details: dict[str, None] = {}
    had, has = without_extras(merged(before.pins)), without_extras(merged(after.pins))
    remaining = {id(pin): pin for pin in has}
    for pin in had:
        found = _match(pin, remaining.values())
        if found is None:
            lost.append(f"{_called(pin)}: the whole entry" + _hashes(pin.hashes))
            continue
        del remaining[id(found)]
        lost += _of_entry(pin, found, before, after)
        for what, values in _DETAILS:
            if set(values(pin)) - set(values(found)):
                details[what] = None
    if before.requires_python and before.requires_python != after.requires_python:
        details["which Pythons the lock is for"] = None
    lost += _of_lock(before, after, elsewhere)
    return Difference(tuple(lost), tuple(details))


def _match(pin: Pin, pins: Iterable[Pin]) -> Pin | None:
    """Return the entry that stands for one: of the same release, and the likest in the rest."""
    same = [
        one for one in pins
        if one.project == pin.project and one.editable == pin.editable and _place(one) == _place(pin)
        and (pin.origin or (one.version, one.specifier) == (pin.version, pin.specifier))
    ]  # fmt: skip
    return max(same, key=lambda one: (one.index == pin.index, one.marker == pin.marker), default=None)


def _place(pin: Pin) -> str:
    return pin.origin.partition("#")[0]


def _of_entry(pin: Pin, found: Pin, before: Lock, after: Lock) -> Iterator[str]:
    name = _called(pin)
    if gone := [pair for pair in pin.hashes if pair not in found.hashes]:
        yield f"{name}:" + _hashes(gone)
    if pin.marker != found.marker:
        yield f"{name}: the marker {pin.marker}" if pin.marker else f"{name}: that it is wanted everywhere"
    if sorted(pin.groups) != sorted(found.groups):
        wanted = f"the groups {', '.join(pin.groups)}" if pin.groups else "that it is always wanted"
        yield f"{name}: {wanted}"
    if pin.index and pin.index.rstrip("/") != (found.index or after.index_url).rstrip("/"):
        yield f"{name}: the index {without_secret(pin.index)}"
    if "#subdirectory=" in pin.origin and "subdirectory=" not in found.origin:
        yield f"{name}: the subdirectory"


def _of_lock(before: Lock, after: Lock, elsewhere: Sequence[str]) -> Iterator[str]:
    for what, field in (
        ("the environments it is for", "environments"),
        ("places of files", "find_links"),
        ("options", "options"),
    ):
        old, new = getattr(before, field), getattr(after, field)
        if gone := [one for one in old if one not in new]:
            yield f"{what}: {', '.join(map(without_secret, gone))}"
    named = (after.index_url, *after.extra_index_urls, *(pin.index for pin in after.pins), *elsewhere)
    indexes = {url.rstrip("/") for url in named}
    asked = any(not pin.origin for pin in before.pins)
    had = [url for url in (before.index_url, *before.extra_index_urls) if asked and url]
    if gone := [url for url in had if url.rstrip("/") not in indexes]:
        yield f"addresses of indexes: {', '.join(map(without_secret, gone))}"


def _called(pin: Pin) -> str:
    return f"{pin.project or without_secret(pin.origin)} {pin.version or pin.specifier}".rstrip()


def _hashes(hashes: Iterable[tuple[str, str]]) -> str:
    told = [f"{algorithm}:{digest}" for algorithm, digest in hashes]
    return f" the hashes {', '.join(told)}" if told else ""


def _name(text: str) -> str:
    try:
        return normalize(Requirement(text).name)
    except InvalidRequirement:
        return text


def _condition(text: str) -> tuple[str, ...]:
    try:
        asked = Requirement(text)
    except InvalidRequirement:
        return (text,)
    return (normalize(asked.name), str(asked.specifier), str(asked.marker or ""), *sorted(asked.extras))
