"""The rules for the names of distribution files and of their members."""

from __future__ import annotations

import re
import unicodedata

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from affineur.standards.archives.values import Broken, FileName, Limits

_LONGEST_FILENAME = 255
_LONGEST_MEMBER = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:")
_LINUX_ARCH = r"(?:x86_64|i686|aarch64|armv6l|armv7l|ppc64|ppc64le|s390x|riscv64|loongarch64)"
_MAC_ARCH = r"(?:ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat32|fat64|universal|universal2)"
_PLATFORM = re.compile(
    r"any|win32|win_amd64|win_arm64|win_arm32|win_ia64"
    rf"|manylinux(?:1|2010|2014)_{_LINUX_ARCH}"
    rf"|(?:manylinux|musllinux)_\d{{1,3}}_\d{{1,3}}_{_LINUX_ARCH}"
    rf"|macosx_\d{{1,3}}_\d{{1,3}}_{_MAC_ARCH}"
    r"|ios_\d{1,3}_\d{1,3}_(?:arm64_iphoneos|arm64_iphonesimulator|x86_64_iphonesimulator)"
    r"|android_\d{1,3}_(?:arm64_v8a|armeabi_v7a|x86|x86_64)"
    r"|(?:pyemscripten|pyodide)_\d{1,5}_\d{1,5}_wasm32"
    r"|linux_armv6l|linux_armv7l",
    re.ASCII,
)
_BARE_LINUX = re.compile(r"linux_\w+", re.ASCII)


def parse_filename(filename: str, limits: Limits) -> FileName:
    """Read the name of a wheel or sdist strictly; raise `Broken` where it is not allowed."""
    if not filename or len(filename) > _LONGEST_FILENAME:
        raise Broken("filename", f"a file name has 1 to {_LONGEST_FILENAME} characters")
    if _CONTROL.search(filename) or "/" in filename or "\\" in filename:
        raise Broken("filename", "a file name has no control characters, '/' or '\\'")
    if filename.endswith(".whl"):
        return _parse_wheel(filename, limits)
    if filename.endswith(".tar.gz"):
        return _parse_sdist(filename)
    raise Broken("filename", "only wheels (.whl) and sdists (.tar.gz) are accepted")


def _parse_wheel(filename: str, limits: Limits) -> FileName:
    try:
        name, version, build, tags = parse_wheel_filename(filename)
    except (InvalidWheelFilename, InvalidVersion, ValueError) as error:
        raise Broken("filename", f"not the name of a wheel: {error}") from None
    wanted = name.replace("-", "_")
    if filename.partition("-")[0] != wanted:
        raise Broken("filename", f"the name of the wheel must begin with '{wanted}-'")
    for tag in tags:
        _check_platform(tag.platform, limits)
    build_text = "".join(str(part) for part in build)
    return FileName(filename[:-4], "bdist_wheel", name, str(version), build_text, tuple(sorted(map(str, tags))))


def _check_platform(platform: str, limits: Limits) -> None:
    if _PLATFORM.fullmatch(platform) or (limits.allow_linux and _BARE_LINUX.fullmatch(platform)):
        return
    hint = ": build for manylinux or musllinux" if platform.startswith("linux_") else ""
    raise Broken("platform", f"the platform tag {platform!r} is not accepted{hint}")


def _parse_sdist(filename: str) -> FileName:
    stem = filename.removesuffix(".tar.gz")
    written, dash, version_text = stem.rpartition("-")
    if not dash or not written:
        raise Broken("filename", "an sdist is named {name}-{version}.tar.gz")
    try:
        version = Version(version_text)
        name = canonicalize_name(written, validate=True)
    except ValueError as error:
        raise Broken("filename", f"not the name of an sdist: {error}") from None
    wanted = f"{name.replace('-', '_')}-{version}"
    if stem != wanted:
        raise Broken("filename", f"the sdist must be named '{wanted}.tar.gz' (PEP 625)")
    return FileName(stem, "sdist", name, str(version))


def check_member_name(name: str) -> None:
    """Raise `Broken` unless `name` is a plain relative path with '/' between its parts."""
    shown = name[:200].encode("ascii", "backslashreplace").decode()
    if len(name) > _LONGEST_MEMBER:
        raise Broken("path", f"a member's path has more than {_LONGEST_MEMBER} characters", shown)
    if _CONTROL.search(name):
        raise Broken("path", "a member's path has control characters or is not UTF-8", shown)
    if "\\" in name:
        raise Broken("path", "a member's path has a backslash", shown)
    if name.startswith("/") or _DRIVE.match(name):
        raise Broken("path", "a member's path is absolute", shown)
    parts = name.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise Broken("path", "a member's path has an empty, '.' or '..' part", shown)


class Tree:
    """The paths seen so far in an archive; refuses those that cannot stand beside each other."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.files: set[str] = set()
        """Everything but directories, as written."""
        self._folded: dict[str, str] = {}
        self._parents: set[str] = set()

    def add(self, name: str, *, directory: bool) -> None:
        """Note a member; raise `Broken` on a bad path, a duplicate or a collision."""
        check_member_name(name)
        path = name.removesuffix("/")
        key = _fold(path)
        if key in self._folded:
            earlier = self._folded[key]
            same = "stands twice in the archive" if earlier == path else f"differs from {earlier!r} only in case"
            raise Broken("duplicate", same, path)
        self._folded[key] = path
        if not directory:
            self.files.add(path)
        self._add_parents(key)

    def _add_parents(self, key: str) -> None:
        cut = key.rfind("/")
        while cut > 0 and key[:cut] not in self._parents:
            self._parents.add(key[:cut])
            cut = key.rfind("/", 0, cut)
        if len(self._parents) > self._limits.members:
            raise Broken("bomb", f"has more than {self._limits.members} directories")

    def close(self) -> None:
        """Raise `Broken` where a file is also used as a directory."""
        for path in self.files:
            if _fold(path) in self._parents:
                raise Broken("duplicate", "is a file and a directory at once", path)


def _fold(path: str) -> str:
    return (
        path.lower() if path.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    )


def is_startup_file(path: str) -> bool:
    """Whether Python reads files of this name at its start from a site directory."""
    return path.lower().endswith((".pth", ".start"))
