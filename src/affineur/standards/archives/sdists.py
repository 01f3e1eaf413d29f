"""The rules for the inside of an sdist, read as a stream from its first byte to its last."""

from __future__ import annotations

import posixpath
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Self

from affineur.standards.archives.inflate import GZIP, check_count, check_growth, inflate
from affineur.standards.archives.naming import Tree, is_startup_file
from affineur.standards.archives.values import Broken, Contents, FileName, Limits

_LARGEST_HEADER = 32 * 1024
"""Bytes. The standard library reads a crafted header in the square of its length (CVE-2024-6232)."""

_ALL_GLOBAL_HEADERS = 1024 * 1024
_GLOBAL = (tarfile.XGLTYPE,)
_EXTENSIONS = (*_GLOBAL, tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


class _Stream:
    """The unpacked tar archive as a file that can only be read forwards."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._file = path.open("rb")
        self._packed = path.stat().st_size
        self._limits = limits
        self._source = inflate(self._file.read, GZIP)
        self._chunk = memoryview(b"")
        self._unpacked = 0
        self._position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _more(self) -> bool:
        chunk = next(self._source, b"")
        self._chunk = memoryview(chunk)
        self._unpacked += len(chunk)
        check_growth(self._unpacked, self._packed, self._limits)
        return bool(chunk)

    def _take(self, size: int) -> memoryview:
        if not self._chunk and not self._more():
            return memoryview(b"")
        taken, self._chunk = self._chunk[:size], self._chunk[size:]
        self._position += len(taken)
        return taken

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; fewer only at the end."""
        parts: list[bytes] = []
        while size > 0 and (taken := self._take(size)):
            parts.append(bytes(taken))
            size -= len(taken)
        return b"".join(parts)

    def tell(self) -> int:
        """Return the position in the unpacked data."""
        return self._position

    def seek(self, position: int) -> int:
        """Skip forwards to `position`."""
        if position < self._position:
            raise Broken("framing", "the sizes in the tar archive point backwards")
        while self._position < position and self._take(position - self._position):
            pass
        return self._position

    def finish(self) -> None:
        """Read to the end, where only padding may follow."""
        while taken := self._take(1 << 20):
            if bytes(taken).count(0) != len(taken):
                raise Broken("framing", "data follow the end of the tar archive")


def guarded() -> type[tarfile.TarInfo]:
    """Return a `TarInfo` that refuses headers before their data are read into memory."""
    globals_read = 0

    class Guarded(tarfile.TarInfo):
        """A member header under guard."""

        @classmethod
        def frombuf(cls, buf: Any, encoding: str, errors: str) -> Self:
            """Parse a header block; raise `Broken` where it must not be followed."""
            nonlocal globals_read
            try:
                member = super().frombuf(buf, encoding, errors)
            except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
                raise
            except tarfile.HeaderError as error:
                raise Broken("framing", f"the tar archive is damaged: {error}") from None
            if member.type == tarfile.GNUTYPE_SPARSE:
                raise Broken("sparse", "sparse members are refused", member.name[:200])
            if member.size < 0:
                raise Broken("framing", "a member has a negative size", member.name[:200])
            if member.type in _EXTENSIONS and member.size > _LARGEST_HEADER:
                raise Broken("bomb", f"a header of the tar archive is larger than {_LARGEST_HEADER} bytes")
            globals_read += member.size if member.type in _GLOBAL else 0
            if globals_read > _ALL_GLOBAL_HEADERS:
                raise Broken("bomb", f"the global headers are larger than {_ALL_GLOBAL_HEADERS} bytes")
            return member

    return Guarded


class _Reader:
    """What has been seen of an sdist so far."""

    def __init__(self, named: FileName, limits: Limits) -> None:
        self.top = named.stem
        self.limits = limits
        self.tree = Tree(limits)
        self.links: dict[str, str] = {}
        self.regular: set[str] = set()
        self.metadata: bytes | None = None
        self.members = 0
        self.unpacked = 0

    def take(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Check one member, and keep PKG-INFO."""
        self.members += 1
        check_count(self.members, self.limits)
        name = member.name
        self.tree.add(name, directory=member.isdir())
        if name.partition("/")[0] != self.top or (name == self.top and not member.isdir()):
            raise Broken("top-level", f"stands outside the only top-level directory '{self.top}'", name)
        if member.sparse is not None or any(key.startswith("GNU.sparse") for key in member.pax_headers):
            raise Broken("sparse", "sparse members are refused", name)
        if member.issym():
            self.links[name] = member.linkname
        elif member.islnk():
            if member.linkname not in self.regular:
                raise Broken("link", "is a hard link to something that is no earlier file of the archive", name)
            self.regular.add(name)
        elif member.isreg():
            self.regular.add(name)
            self.unpacked += member.size
            if name == f"{self.top}/PKG-INFO":
                self.metadata = self._read_metadata(tar, member)
        elif not member.isdir():
            raise Broken("member", "is a device, fifo or other special file", name)

    def _read_metadata(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
        if member.size > self.limits.metadata:
            raise Broken("bomb", f"is larger than {self.limits.metadata} bytes", member.name)
        handle = tar.extractfile(member)
        raw = handle.read() if handle is not None else b""
        if len(raw) != member.size:
            raise Broken("framing", "the tar archive is cut short", member.name)
        return raw

    def close(self) -> Contents:
        """Check what can be known only at the end."""
        self.tree.close()
        for name, target in self.links.items():
            _check_link(name, target, self.links, self.top)
        if not self.members:
            raise Broken("top-level", "the archive is empty")
        if self.metadata is None:
            raise Broken("metadata", "is missing", f"{self.top}/PKG-INFO")
        startup = tuple(sorted(name for name in self.tree.files if is_startup_file(name)))
        return Contents(self.metadata, self.members, self.unpacked, startup)


def _check_link(name: str, target: str, links: dict[str, str], top: str) -> None:
    """Follow a symbolic link part by part; it may not leave the tree nor pass through another link."""
    if not target or target.startswith("/") or "\\" in target or target[1:2] == ":":
        raise Broken("link", "is a symbolic link to an absolute or malformed path", name)
    here = posixpath.dirname(name)
    parts = [part for part in target.split("/") if part not in ("", ".")]
    for number, part in enumerate(parts):
        here = posixpath.dirname(here) if part == ".." else f"{here}/{part}"
        if here != top and not here.startswith(f"{top}/"):
            raise Broken("link", "is a symbolic link that points out of the tree", name)
        if here in links and number < len(parts) - 1:
            raise Broken("link", "is a symbolic link that passes through another", name)


def read_sdist(path: Path, named: FileName, limits: Limits) -> tuple[Contents, frozenset[str]]:
    """Check an sdist and return what it holds and its files; raise `Broken` on the first broken rule."""
    _refuse_zip(path)
    reader = _Reader(named, limits)
    with _Stream(path, limits) as stream:
        try:
            _read_members(stream, reader)
        except (tarfile.TarError, ValueError, OverflowError, EOFError, RecursionError) as error:
            raise Broken("framing", f"the tar archive cannot be read: {str(error)[:200]}") from None
        stream.finish()
    return reader.close(), frozenset(reader.tree.files)


def _read_members(stream: _Stream, reader: _Reader) -> None:
    with tarfile.open(fileobj=stream, mode="r:", tarinfo=guarded(), encoding="utf-8") as tar:  # type: ignore[call-overload]
        while (member := tar.next()) is not None:
            reader.take(tar, member)
            tar.members = []


def _refuse_zip(path: Path) -> None:
    with path.open("rb") as handle:
        if handle.read(2) != b"\x1f\x8b":
            raise Broken("framing", "is not a gzip file")
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path):
            pass
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return
    raise Broken("polyglot", "can be read as a ZIP file as well as a tar archive")
