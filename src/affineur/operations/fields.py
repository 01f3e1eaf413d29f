"""What the fields of a request may hold: checked once, whether a command, a program or a job asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from affineur.errors import Invalid

WHOLE = 2**31 - 1
"""The largest number of rows, and the largest serial, that both databases can count to."""
BYTES = 2**53
CENTURY = 36_500
"""Days that dates can be counted with, and more than anybody wants."""


def number(text: str, least: float, most: float) -> msgspec.Meta:
    """Describe a field of a number, which commands take by its name, with the bounds it is held to."""
    return msgspec.Meta(
        description=text, extra={"bounds": (least, most)}, extra_json_schema={"minimum": least, "maximum": most}
    )


def bounds_of(field: msgspec.structs.FieldInfo) -> tuple[float, float] | None:
    """Return the least and the most that a field of a number may be; None for other fields."""
    metas = (meta for meta in getattr(field.type, "__metadata__", ()) if isinstance(meta, msgspec.Meta))
    return next((meta.extra["bounds"] for meta in metas if meta.extra and "bounds" in meta.extra), None)


def check(request: msgspec.Struct) -> None:
    """Check what types do not say: numbers are within their bounds, texts can be kept and sent.

    PostgreSQL keeps no text with the character NUL, and UTF-8 has no lone surrogates.

    Raises:
        Invalid: one is not; the field is named.
    """
    for field in msgspec.structs.fields(type(request)):
        value = getattr(request, field.name)
        name = f"--{field.name.replace('_', '-')}"
        if isinstance(value, int | float):
            bounds = bounds_of(field)
            if bounds is not None and not bounds[0] <= value <= bounds[1]:
                raise Invalid(
                    f"{name} {_told(value)}: a number from {_told(bounds[0])} to {_told(bounds[1])} is wanted"
                )
            continue
        for text in _texts(value):
            if "\0" in text:
                raise Invalid(f"{name}: it holds the character NUL, which no text may hold")
            if not (text.isascii() or _has_utf8(text)):
                raise Invalid(f"{name}: it holds what is no character (a lone surrogate); UTF-8 is wanted")


def _told(number: float) -> str:
    """Write a number as people do; one of hundreds of digits in short."""
    if isinstance(number, int):
        return str(number) if abs(number) <= BYTES else f"a number of {number.bit_length()} bits"
    return f"{number:g}"


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, msgspec.Struct):
        yield from _texts([getattr(value, name) for name in value.__struct_fields__])
    elif isinstance(value, Mapping):
        yield from _texts([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _texts(one)
