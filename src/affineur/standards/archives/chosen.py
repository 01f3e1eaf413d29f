"""Some members of a wheel, sdist or other archive, read within bounds and whatever its faults."""

from __future__ import annotations

import bz2
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from affineur.standards.archives.inflate import PIECE
from affineur.standards.archives.sdists import guarded
from affineur.standards.archives.values import Broken

_ZIPS = (".whl", ".zip", ".egg", ".exe")
_OUTPUT = 256 * 1024
_FAULTS = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError,
    NotImplementedError, RuntimeError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is read; sizes in bytes."""

    member: int = 2**20
    """The largest member that is read."""
    total: int = 64 * 2**20
    """The sum of what is read."""
    unpacked: int = 2 * 2**30
    """How far into a compressed tar archive the reading goes."""
    members: int = 200_000


@dataclass(slots=True)
class Chosen:
    """What was read."""

    names: list[str] = field(default_factory=list)
    """Every member that is a file, in order, as written."""
    bodies: dict[str, bytes] = field(default_factory=dict)
    """Those that were chosen and within the bounds."""
    left_out: list[str] = field(default_factory=list)
    """Those that were chosen and not read, for their size or a fault of their own."""
    problem: str = ""
    """Why the archive was not read to its end; "" when it was."""


def read_chosen(path: Path, filename: str, wanted: Callable[[str], bool], bounds: Bounds) -> Chosen:
    """Read the members of the archive at `path` for whose name `wanted` says so."""
    chosen = Chosen()
    try:
        if filename.lower().endswith(_ZIPS):
            _read_zip(path, wanted, bounds, chosen)
        else:
            _read_tar(path, wanted, bounds, chosen)
    except Broken as broken:
        chosen.problem = broken.problem
    except _FAULTS as error:
        chosen.problem = f"the archive cannot be read: {str(error)[:200] or type(error).__name__}"
    return chosen


def _read_zip(path: Path, wanted: Callable[[str], bool], bounds: Bounds, chosen: Chosen) -> None:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > bounds.members:
            raise Broken("bomb", f"it has more than {bounds.members} members")
        left = bounds.total
        for info in infos:
            if info.is_dir():
                continue
            chosen.names.append(info.filename)
            if not wanted(info.filename):
                continue
            limit = min(bounds.member, left)
            try:
                with archive.open(info) as source:
                    body = source.read(limit + 1) if info.file_size <= limit else b""
            except _FAULTS:
                chosen.left_out.append(info.filename)
                continue
            if info.file_size > limit or len(body) > limit:
                chosen.left_out.append(info.filename)
                continue
            left -= len(body)
            chosen.bodies[info.filename] = body


class _Plain:
    """The unpacked tar archive as a file that is only read forwards."""

    def __init__(self, source: IO[bytes], limit: int) -> None:
        self._pieces = _unpacked(source)
        self._chunk = b""
        self._position = 0
        self._limit = limit

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; fewer only at the end."""
        parts: list[bytes] = []
        while size > 0:
            if not self._chunk:
                self._chunk = next(self._pieces, b"")
                if not self._chunk:
                    break
            parts.append(self._chunk[:size])
            self._chunk = self._chunk[size:]
            size -= len(parts[-1])
            self._position += len(parts[-1])
            if self._position > self._limit:
                raise Broken("bomb", f"it unpacks to more than {self._limit} bytes")
        return b"".join(parts)

    def tell(self) -> int:
        """Return the position in the unpacked data."""
        return self._position

    def seek(self, position: int) -> int:
        """Skip forwards to `position`."""
        if position < self._position:
            raise Broken("framing", "the sizes in the tar archive point backwards")
        while self._position < position and self.read(min(position - self._position, _OUTPUT)):
            pass
        return self._position


def _unpacked(source: IO[bytes]) -> Iterator[bytes]:
    """Yield the unpacked data of a gzip, bzip2, xz or plain stream in bounded pieces; streams may follow each other."""
    start = source.read(6)
    source.seek(0)
    make = _engine(start)
    if make is None:
        while piece := source.read(PIECE):
            yield piece
        return
    engine, rest = make(), b""
    while piece := rest or source.read(PIECE):
        rest = b""
        output = engine.decompress(piece, _OUTPUT)
        while output:
            yield output
            output = b"" if engine.eof else engine.decompress(_pending(engine), _OUTPUT)
        if engine.eof:
            rest = engine.unused_data.lstrip(b"\0")
            if rest and _engine(rest[:6]) is None:
                raise Broken("framing", "bytes follow the compressed data")
            engine = make()


def _pending(engine: Any) -> bytes:
    """Return what a zlib engine has not looked at yet; the others keep it themselves."""
    return getattr(engine, "unconsumed_tail", b"")


def _engine(start: bytes) -> Callable[[], Any] | None:
    if start.startswith(b"\x1f\x8b"):
        return lambda: zlib.decompressobj(16 + zlib.MAX_WBITS)
    if start.startswith(b"BZh"):
        return bz2.BZ2Decompressor
    if start.startswith(b"\xfd7zXZ"):
        return lambda: lzma.LZMADecompressor(memlimit=2**28)
    return None


def _read_tar(path: Path, wanted: Callable[[str], bool], bounds: Bounds, chosen: Chosen) -> None:
    left, seen = bounds.total, 0
    with path.open("rb") as source:
        plain = _Plain(source, bounds.unpacked)
        with tarfile.open(fileobj=plain, mode="r:", tarinfo=guarded(), encoding="utf-8") as tar:  # type: ignore[call-overload]
            while (member := tar.next()) is not None:
                tar.members = []
                seen += 1
                if seen > bounds.members:
                    raise Broken("bomb", f"it has more than {bounds.members} members")
                if member.issym() or member.islnk():
                    chosen.names.append(member.name)
                    if wanted(member.name):
                        chosen.left_out.append(member.name)
                if not member.isreg():
                    continue
                chosen.names.append(member.name)
                if not wanted(member.name):
                    continue
                if member.size > min(bounds.member, left):
                    chosen.left_out.append(member.name)
                    continue
                handle = tar.extractfile(member)
                body = handle.read() if handle is not None else b""
                left -= len(body)
                chosen.bodies[member.name] = body
