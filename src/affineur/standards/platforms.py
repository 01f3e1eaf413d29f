"""Platforms and Pythons that are named by people, and which distribution files fit them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from affineur.errors import Invalid
from affineur.model.filenames import SDIST_SUFFIXES

_SYSTEMS = {
    "linux": ("posix", "linux", "Linux"),
    "musllinux": ("posix", "linux", "Linux"),
    "macos": ("posix", "darwin", "Darwin"),
    "windows": ("nt", "win32", "Windows"),
}
"""What markers call them: os_name, sys_platform, platform_system."""
_TAGS = {
    "linux-x86_64": r"(?:manylinux\w*|linux)_x86_64",
    "linux-aarch64": r"(?:manylinux\w*|linux)_aarch64",
    "linux-armv7l": r"(?:manylinux\w*|linux)_armv7l",
    "linux-ppc64le": r"(?:manylinux\w*|linux)_ppc64le",
    "linux-s390x": r"(?:manylinux\w*|linux)_s390x",
    "linux-riscv64": r"(?:manylinux\w*|linux)_riscv64",
    "musllinux-x86_64": r"(?:musllinux_\d+_\d+|linux)_x86_64",
    "musllinux-aarch64": r"(?:musllinux_\d+_\d+|linux)_aarch64",
    "macos-arm64": r"macosx_\d+_\d+_(?:arm64|universal2)",
    "macos-x86_64": r"macosx_\d+_\d+_(?:x86_64|universal2|universal|intel|fat64|fat3)",
    "windows-amd64": r"win_amd64",
    "windows-arm64": r"win_arm64",
    "windows-x86": r"win32",
}
"""Platform tags by platform. The oldest system that a wheel runs on does not count: what is newer fits too."""
_PATTERNS = {name: re.compile(f"(?:{pattern})\\Z") for name, pattern in _TAGS.items()}
_SHORT = {
    "linux": ("linux-x86_64", "linux-aarch64"),
    "musllinux": ("musllinux-x86_64", "musllinux-aarch64"),
    "macos": ("macos-arm64", "macos-x86_64"),
    "windows": ("windows-amd64", "windows-arm64"),
}
_SAME = {"amd64": "x86_64", "arm64": "aarch64", "x86-64": "x86_64", "win": "windows", "darwin": "macos"}
_PYTHON = re.compile(r"\A3\.(\d{1,2})(t?)\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """A platform and a CPython that something is installed on; empty: any."""

    platform: str = ""
    """One of `PLATFORMS`."""
    python: str = ""
    """`3.11`, or `3.13t` for the free-threaded build."""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.platform, self.python and f"Python {self.python}"))) or "anywhere"

    def fits(self, filename: str, requires_python: str = "") -> bool:
        """Whether a wheel or sdist can be installed there; other kinds of files never can.

        Args:
            filename: the file's name.
            requires_python: what the file says of Python; what is no specifier says nothing.
        """
        if self.python and not _allows(requires_python, self.python.removesuffix("t")):
            return False
        if not filename.endswith(".whl"):
            return filename.endswith(SDIST_SUFFIXES)
        tags = _tags_in(filename)
        return any(self._takes(tag) for tag in tags)

    def _takes(self, tag: Tag) -> bool:
        if self.platform and tag.platform != "any" and not _PATTERNS[self.platform].match(tag.platform):
            return False
        native = "any" if tag.platform == "any" else "native"
        return not self.python or (tag.interpreter, tag.abi, native) in _taken(self.python)

    def environment(self) -> dict[str, str]:
        """Return what markers see there; both platform and Python must be named."""
        system, _, machine = self.platform.partition("-")
        os_name, sys_platform, platform_system = _SYSTEMS[system]
        python = self.python.removesuffix("t")
        return {
            "os_name": os_name,
            "sys_platform": sys_platform,
            "platform_system": platform_system,
            "platform_machine": machine.upper() if machine in {"amd64", "arm64"} and system == "windows" else machine,
            "platform_release": "",
            "platform_version": "",
            "python_version": python,
            "python_full_version": f"{python}.0",
            "implementation_name": "cpython",
            "implementation_version": f"{python}.0",
            "platform_python_implementation": "CPython",
        }


PLATFORMS = tuple(_TAGS)
"""Every platform that can be named."""
USUAL_PLATFORMS = ("linux-x86_64", "macos-arm64", "windows-amd64")
"""Those that most people have."""


def read_targets(platforms: Iterable[str], pythons: Iterable[str]) -> tuple[Target, ...]:
    """Return every combination of platforms (`linux-x86_64`, `macos`, ...) and Pythons (`3.11`); empty: any of all.

    Raises:
        Invalid: one is not known.
    """
    named = list(dict.fromkeys(one for text in platforms for one in _platforms(text))) or [""]
    wanted = list(dict.fromkeys(map(_python, pythons))) or [""]
    if named == [""] and wanted == [""]:
        return ()
    return tuple(Target(platform, python) for platform in named for python in wanted)


def _platforms(text: str) -> Sequence[str]:
    name = text.strip().lower()
    system, _, machine = name.partition("-")
    system = _SAME.get(system, system)
    if "-" not in name and system in _SHORT:
        return _SHORT[system]
    for spelt in (machine, _SAME.get(machine, machine), *(new for new, old in _SAME.items() if old == machine)):
        if f"{system}-{spelt}" in _TAGS:
            return (f"{system}-{spelt}",)
    raise Invalid(f"{text!r} is no platform that is known: use {', '.join(_SHORT)} or one of {', '.join(PLATFORMS)}")


def _python(text: str) -> str:
    if not _PYTHON.match(text.strip()):
        raise Invalid(f"{text!r} is no version of Python such as 3.11, or 3.13t for the free-threaded build")
    return text.strip()


def fits(filename: str, targets: Sequence[Target], requires_python: str = "") -> bool:
    """Whether a file fits one of some targets; without targets every file does."""
    return not targets or any(target.fits(filename, requires_python) for target in targets)


@lru_cache(maxsize=256)
def _allows(requires_python: str, python: str) -> bool:
    if not requires_python:
        return True
    try:
        specifier = SpecifierSet(requires_python)
    except InvalidSpecifier:
        return True
    # Some release of that Python is enough: >=3.11.4 allows 3.11.
    return any(specifier.contains(Version(f"{python}.{patch}"), prereleases=True) for patch in (0, 99))


@lru_cache(maxsize=4096)
def _tags_in(filename: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return frozenset()


@lru_cache(maxsize=64)
def _taken(python: str) -> frozenset[tuple[str, str, str]]:
    """Return the tags that an interpreter takes: interpreter, ABI, and whether it is for any platform or its own."""
    minor = int(python.removesuffix("t").partition(".")[2])
    free = python.endswith("t")
    return frozenset(_generated((3, minor), f"cp3{minor}" + "t" * free))


def _generated(version: tuple[int, int], abi: str) -> Iterator[tuple[str, str, str]]:
    for tag in cpython_tags(version, [abi], ["native"]):
        yield tag.interpreter, tag.abi, tag.platform
    for tag in compatible_tags(version, f"cp{version[0]}{version[1]}", ["native"]):
        yield tag.interpreter, tag.abi, tag.platform
