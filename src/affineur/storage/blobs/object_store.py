"""Blobs in an S3-compatible object store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from affineur.errors import StorageUnavailable


class ObjectStoreBlobs:
    """Objects named by digest under the address of a bucket and prefix.

    Credentials and endpoint come from the usual AWS_ variables of the environment.
    """

    def __init__(self, address: str, staging: Path, store: ObjectStore | None = None) -> None:
        self._store = store or from_url(address)
        self._staging = staging
        staging.mkdir(parents=True, exist_ok=True)

    def staging(self) -> Path:
        """Return the local folder for partial files."""
        return self._staging

    def path(self, sha256: str) -> Path | None:
        """Return None: the bytes are remote."""
        del sha256
        return None

    async def has(self, sha256: str) -> int | None:
        """Return the size in bytes, or None when it is not there."""
        try:
            return int((await obstore.head_async(self._store, sha256))["size"])
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise StorageUnavailable(f"the object store does not answer: {error}") from error

    async def put(self, staged: Path, sha256: str) -> None:
        """Upload the staged file and remove it here."""
        try:
            await obstore.put_async(self._store, sha256, staged)
        except BaseError as error:
            raise StorageUnavailable(f"the file could not be stored: {error}") from error
        await asyncio.to_thread(staged.unlink, missing_ok=True)

    async def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `stop` (exclusive)."""
        if stop is not None:
            yield bytes(await obstore.get_range_async(self._store, sha256, start=start, end=stop))
            return
        result = await obstore.get_async(self._store, sha256)
        skip = start
        async for part in result.stream():
            chunk = bytes(part)
            if skip < len(chunk):
                yield chunk[skip:]
            skip = max(0, skip - len(chunk))

    async def remove(self, sha256: str) -> None:
        """Remove the object."""
        await obstore.delete_async(self._store, sha256)

    async def walk(self) -> AsyncIterator[str]:
        """Yield the digest of every object."""
        async for batch in obstore.list(self._store):
            for item in batch:
                yield str(item["path"]).rpartition("/")[2]
