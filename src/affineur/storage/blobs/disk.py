"""Blobs in a folder: temporary name, fsync, rename, fsync of the folder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from affineur.errors import BytesMissing
from affineur.storage.failing import failure

_CHUNK = 256 * 1024


class DiskBlobs:
    """A folder of blobs, spread over two levels of folders by digest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._staging = folder / "staging"
        self._staging.mkdir(parents=True, exist_ok=True)

    def staging(self) -> Path:
        """Return the folder for partial files, on the same disk."""
        return self._staging

    def _place(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256[2:4] / sha256

    def path(self, sha256: str) -> Path | None:
        """Return where the bytes lie, or None when they are not here."""
        place = self._place(sha256)
        return place if place.is_file() else None

    async def has(self, sha256: str) -> int | None:
        """Return the size in bytes, or None when it is not here."""
        try:
            return self._place(sha256).stat().st_size
        except FileNotFoundError:
            return None

    async def put(self, staged: Path, sha256: str) -> None:
        """Make the staged file durable under its digest."""
        try:
            await asyncio.to_thread(_settle, staged, self._place(sha256))
        except OSError as error:
            raise failure("the file could not be stored", error) from error

    async def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `stop` (exclusive).

        Raises:
            BytesMissing: they are not here.
        """
        try:
            opened = self._place(sha256).open("rb")
        except FileNotFoundError as error:
            raise BytesMissing(sha256) from error
        with opened as source:
            source.seek(start)
            left = stop - start if stop is not None else None
            while left is None or left > 0:
                chunk = await asyncio.to_thread(source.read, _CHUNK if left is None else min(_CHUNK, left))
                if not chunk:
                    return
                left = left - len(chunk) if left is not None else None
                yield chunk

    async def remove(self, sha256: str) -> None:
        """Remove the bytes."""
        await asyncio.to_thread(self._place(sha256).unlink, missing_ok=True)

    async def kept_since(self, sha256: str) -> float | None:
        """Return when the bytes came (seconds of Unix time), or None when they are not here."""
        try:
            return self._place(sha256).stat().st_mtime
        except FileNotFoundError:
            return None

    async def walk(self) -> AsyncIterator[str]:
        """Yield the digest of everything held."""
        for folder in await asyncio.to_thread(lambda: sorted(self.folder.glob("??"))):
            for name in await asyncio.to_thread(_names, folder):
                yield name


def _names(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.glob("??/*"))


def _settle(staged: Path, place: Path) -> None:
    with staged.open("rb") as source:
        os.fsync(source.fileno())
    if not place.parent.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        _sync(place.parent.parent.parent)
        _sync(place.parent.parent)
    staged.replace(place)
    _sync(place.parent)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
