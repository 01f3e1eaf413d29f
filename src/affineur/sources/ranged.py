"""Core metadata of a wheel at the upstream, read by a few ranges instead of the whole file."""

from __future__ import annotations

import asyncio
import io
import re
from typing import IO, Final, cast

from affineur.errors import InvalidArchive, UpstreamBroken
from affineur.model.files import File
from affineur.sources.upstream import Upstream
from affineur.standards.archives import read_wheel_metadata

_FIRST: Final = 32 * 1024
"""Bytes asked for at first, from the end, where a ZIP file keeps its directory and wheels their metadata."""
_LARGEST: Final = 8 * 2**20
_MOST_REQUESTS: Final = 8
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)\Z")


class NoRanges(Exception):
    """The upstream gives whole files only."""


class _Missing(Exception):
    def __init__(self, start: int, stop: int) -> None:
        super().__init__(f"bytes {start} to {stop}")
        self.start, self.stop = start, stop


class _Sparse(io.RawIOBase):
    """A file of which only some parts are here; reading another raises `_Missing`."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self._at = size, 0
        self._parts: list[tuple[int, bytes]] = []

    def put(self, start: int, part: bytes) -> None:
        self._parts.append((start, part))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if at < 0:
            raise OSError("before the beginning")
        self._at = at
        return at

    def read(self, length: int | None = -1, /) -> bytes:
        stop = self.size if length is None or length < 0 else min(self.size, self._at + length)
        found = bytearray()
        while (at := self._at + len(found)) < stop:
            part = next((p[at - s : stop - s] for s, p in self._parts if s <= at < s + len(p)), None)
            if part is None:
                raise _Missing(at, stop)
            found += part
        self._at += len(found)
        return bytes(found)


async def read_metadata(upstream: Upstream, file: File) -> bytes:
    """Return METADATA of a wheel that lies at an upstream, byte for byte; nothing vouches for it but the upstream.

    Raises:
        NoRanges: the upstream gives whole files only.
        InvalidArchive: the wheel cannot be read, holds no METADATA, or too much would have to be asked for.
        UpstreamBroken: what came is not the range of the file that was asked for.
        UpstreamUnavailable: the upstream does not answer.
    """
    start, stop, part = await _range(upstream, file, f"bytes=-{_FIRST}", file.size)
    sparse = _Sparse(stop)
    sparse.put(start, part)
    fetched, step = len(part), _FIRST
    for _ in range(_MOST_REQUESTS):
        try:
            return await asyncio.to_thread(read_wheel_metadata, cast("IO[bytes]", sparse), file.filename)
        except _Missing as missing:
            first, last = missing.start, min(sparse.size, max(missing.stop, missing.start + step)) - 1
        if (fetched := fetched + last + 1 - first) > _LARGEST:
            break
        start, _, part = await _range(upstream, file, f"bytes={first}-{last}", sparse.size)
        if start != first:
            raise UpstreamBroken(upstream.base, f"{file.filename}: another range came than was asked for")
        sparse.put(start, part)
        step *= 2
    raise InvalidArchive(file.filename, "metadata", "METADATA lies too far apart to be read by ranges")


async def _range(upstream: Upstream, file: File, wanted: str, size: int | None) -> tuple[int, int, bytes]:
    """Return where the range begins, the size of the whole file, and the bytes."""
    async with upstream.get(file.url, {"Accept-Encoding": "identity", "Range": wanted}) as response:
        if response.status != 206:
            raise NoRanges
        stated = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        if stated is None:
            raise NoRanges
        start, last, whole = (int(number) for number in stated.groups())
        if size is not None and whole != size:
            raise UpstreamBroken(upstream.base, f"{file.filename}: {whole} bytes are offered, {size} were promised")
        part = await upstream.bounded(response, _LARGEST)
    if len(part) != last + 1 - start:
        raise UpstreamBroken(upstream.base, f"{file.filename}: a range came cut short")
    return start, whole, part
