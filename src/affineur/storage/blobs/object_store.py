"""Blobs in an S3-compatible object store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import from_url

from affineur.errors import BytesMissing, StorageUnavailable

if TYPE_CHECKING:
    from obstore import OffsetRange

_MISSING = (FileNotFoundError, NotFoundError)


class ObjectStoreBlobs:
    """Objects named by digest under the address of a bucket and prefix.

    Credentials and endpoint come from the usual AWS_ variables of the environment.
    """

    def __init__(self, address: str, staging: Path, patience: float = 60.0) -> None:
        """Take an address s3://bucket/prefix, a local folder for partial files, and the seconds to try again for."""
        self.address = address
        self._store = from_url(address, retry_config={"retry_timeout": timedelta(seconds=patience)})
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
        """Return the size in bytes, or None when it is not there.

        Raises:
            StorageUnavailable: the store does not answer.
        """
        with _said():
            try:
                return int((await obstore.head_async(self._store, sha256))["size"])
            except _MISSING:
                return None

    async def put(self, staged: Path, sha256: str) -> None:
        """Upload the staged file and remove it here; the object is there whole or not at all.

        Raises:
            StorageUnavailable: it could not be stored.
        """
        try:
            await obstore.put_async(self._store, sha256, staged)
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"the file could not be stored: {_in_one_line(error)}") from error
        await asyncio.to_thread(staged.unlink, missing_ok=True)

    async def read(self, sha256: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `stop` (exclusive).

        Raises:
            BytesMissing: they are not there.
            StorageUnavailable: the store does not answer.
        """
        if stop is not None and stop <= start:
            return
        span: tuple[int, int] | OffsetRange = (start, stop) if stop is not None else {"offset": start}
        with _said():
            try:
                result = await obstore.get_async(
                    self._store, sha256, options={"range": span} if start or stop else None
                )
            except _MISSING as error:
                raise BytesMissing(sha256) from error
            async for part in result.stream():
                yield bytes(part)

    async def remove(self, sha256: str) -> None:
        """Remove the object.

        Raises:
            StorageUnavailable: the store does not answer.
        """
        with _said(), contextlib.suppress(*_MISSING):
            await obstore.delete_async(self._store, sha256)

    async def kept_since(self, sha256: str) -> float | None:
        """Return when the bytes came (seconds of Unix time), or None when they are not there.

        Raises:
            StorageUnavailable: the store does not answer.
        """
        with _said():
            try:
                return (await obstore.head_async(self._store, sha256))["last_modified"].timestamp()
            except _MISSING:
                return None

    async def walk(self) -> AsyncIterator[str]:
        """Yield the digest of every object.

        Raises:
            StorageUnavailable: the store does not answer.
        """
        with _said():
            async for batch in obstore.list(self._store):
                for item in batch:
                    yield str(item["path"]).rpartition("/")[2]


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Turn what the library raises into an error with a sentence."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise StorageUnavailable(f"the object store does not answer: {_in_one_line(error)}") from error


def _in_one_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
