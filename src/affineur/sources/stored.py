"""A body that lies verified in the blob store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from affineur.storage.blobs.store import Blobs


class Stored:
    """A stored file, opened."""

    def __init__(self, blobs: Blobs, sha256: str, size: int | None, *, cold: bool = False) -> None:
        self._blobs, self.cold = blobs, cold
        self.sha256: str | None = sha256
        self.size = size
        self.path: Path | None = blobs.path(sha256)
        """Where the bytes lay on this machine when it was opened; None when the store is remote."""

    async def wait(self) -> None:
        """Return at once: it was verified before it was stored."""

    def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `stop` (exclusive)."""
        return self._blobs.read(self.sha256 or "", start, stop)
