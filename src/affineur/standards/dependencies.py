"""What a release needs, by its core metadata, wherever it may be installed."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from functools import lru_cache

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement

from affineur.errors import InvalidDocument

_PLATFORMS = (
    {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    {"os_name": "posix", "sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"},
)
_PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
_IMPLEMENTATIONS = ("cpython", "pypy")
_STATED_SINCE = (2, 2)
"""The version of core metadata from which on an sdist's requirements can be relied on (PEP 643)."""


def _environments() -> Iterator[dict[str, str]]:
    for platform, python, implementation in itertools.product(_PLATFORMS, _PYTHONS, _IMPLEMENTATIONS):
        yield {
            **platform,
            "python_version": python,
            "python_full_version": f"{python}.0",
            "implementation_name": implementation,
            "implementation_version": f"{python}.0",
            "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}[implementation],
            "platform_release": "24.0.0",
            "platform_version": "",
        }


_ENVIRONMENTS = tuple(_environments())


@lru_cache(maxsize=4096)
def _somewhere(marker: str, extra: str) -> bool:
    try:
        parsed = Marker(marker)
        return any(parsed.evaluate({**environment, "extra": extra}) for environment in _ENVIRONMENTS)
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
        return True


def needed(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Whether a requirement applies anywhere: on Linux, macOS or Windows under a Python from 3.9 to 3.14."""
    if requirement.marker is None:
        return True
    return any(_somewhere(str(requirement.marker), extra) for extra in ("", *extras))


def stated(raw: bytes) -> list[Requirement]:
    """Return every requirement that core metadata states and that can be read, extras' ones too.

    Raises:
        InvalidDocument: it is no core metadata.
    """
    return list(_requirements(_fields(raw)[0]))


def dependencies(raw: bytes, extras: Iterable[str], *, sdist: bool = False) -> list[Requirement] | None:
    """Return what a release with these extras may need; None where an sdist does not tell before it is built.

    Requirements that cannot be read, and those for an address instead of a version, are left out.

    Raises:
        InvalidDocument: it is no core metadata.
    """
    fields, version = _fields(raw)
    dynamic = {name.lower() for name in fields.get("dynamic", [])}
    if sdist and (version < _STATED_SINCE or "requires-dist" in dynamic):
        return None
    wanted = tuple(extras)
    return [one for one in _requirements(fields) if one.url is None and needed(one, wanted)]


def _fields(raw: bytes) -> tuple[RawMetadata, tuple[int, ...]]:
    """Return the fields of core metadata, and the version of it that they are written in."""
    try:
        fields, _ = parse_email(raw)
        return fields, tuple(int(part) for part in fields.get("metadata_version", "1.0").split("."))
    except (ValueError, TypeError, LookupError) as error:
        raise InvalidDocument("core metadata", f"cannot be read: {str(error)[:200]}") from None


def _requirements(fields: RawMetadata) -> Iterator[Requirement]:
    for text in fields.get("requires_dist", []):
        with contextlib.suppress(InvalidRequirement):
            yield Requirement(text)
