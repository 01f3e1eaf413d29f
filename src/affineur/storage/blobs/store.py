"""The protocol of blob stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol


class Blobs(Protocol):
    """Bytes by their SHA-256 digest in hex. What `put` took is durable when it returns."""

    async def has(self, sha256: str) -> int | None:
        """Return the size in bytes, or None when it is not here."""
        ...

    async def put(self, staged: Path, sha256: str) -> None:
        """Take ownership of a verified staged file.

        Raises:
            StorageUnavailable: it could not be stored.
        """
        ...

    def path(self, sha256: str) -> Path | None:
        """Return where the bytes lie on this machine; None when they do not."""
        ...

    def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `stop` (exclusive).

        Raises:
            StorageUnavailable: they are not here, or the store does not answer.
        """
        ...

    async def remove(self, sha256: str) -> None:
        """Remove the bytes; nothing happens when they are not here."""
        ...

    async def kept_since(self, sha256: str) -> float | None:
        """Return when the bytes came (seconds of Unix time), or None when they are not here."""
        ...

    def walk(self) -> AsyncIterator[str]:
        """Yield the digest of everything held."""
        ...

    def staging(self) -> Path:
        """Return the folder for partial files."""
        ...
