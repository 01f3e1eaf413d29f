"""Entries of a lock about the same release made one, for formats that list a release once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from affineur.model.locks import LockedFile, Pin
from affineur.standards.locks.values import either


def merged(pins: Iterable[Pin]) -> list[Pin]:
    """Return the entries with those of the same release, from the same place, made one, in the order of the first."""
    together: dict[tuple[object, ...], list[Pin]] = {}
    for pin in pins:
        key = (pin.project, pin.version, pin.specifier, pin.origin, pin.index, pin.extras, pin.editable)
        together.setdefault(key, []).append(pin)
    return [_one(group) for group in together.values()]


def without_extras(pins: Iterable[Pin]) -> list[Pin]:
    """Return the entries with those that differ in the extras asked for made one, which asks for all of them."""
    pins = list(pins)
    asked: dict[tuple[str, ...], dict[str, None]] = {}
    for pin in pins:
        asked.setdefault((pin.project, pin.version, pin.origin), {}).update(dict.fromkeys(pin.extras))
    return merged(replace(pin, extras=tuple(sorted(asked[pin.project, pin.version, pin.origin]))) for pin in pins)


def _one(pins: Sequence[Pin]) -> Pin:
    first = pins[0]
    if len(pins) == 1:
        return first
    always = [pin for pin in pins if not pin.groups]
    return replace(
        first,
        # Too much is installed where groups want it under other markers, never too little.
        marker=either(pin.marker for pin in pins),
        groups=() if always else tuple(dict.fromkeys(group for pin in pins for group in pin.groups)),
        files=_files(pins),
        requires=tuple(dict.fromkeys(text for pin in pins for text in pin.requires)),
        via=tuple(dict.fromkeys(text for pin in pins for text in pin.via)),
    )


def _files(pins: Sequence[Pin]) -> tuple[LockedFile, ...]:
    return tuple(dict.fromkeys(file for pin in pins for file in pin.files))
