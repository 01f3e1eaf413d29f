"""A body that lies verified in the blob store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from affineur.storage.blobs.store import Blobs


class Stored:
    """A stored file, opened."""

    def __init__(self, blobs: Blobs, sha256: str, size: int | None) -> None:
        self._blobs = blobs
        self.sha256: str | None = sha256
        self.size = size

    @property
    def path(self) -> Path | None:
        """Where the bytes lie on this machine; None when the store is remote."""
        return self._blobs.path(self.sha256 or "")

    def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `stop` (exclusive)."""
        return self._blobs.read(self.sha256 or "", start, stop)
