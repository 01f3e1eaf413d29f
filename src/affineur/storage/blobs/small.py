"""Blobs small enough to be held in memory: metadata, signatures, provenance."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from pathlib import Path

from affineur.storage.blobs.store import Blobs


async def keep(blobs: Blobs, raw: bytes) -> str:
    """Store bytes that are not there yet, or are not as they were stored; return their SHA-256 in hex.

    Raises:
        StorageUnavailable: they could not be stored.
    """
    digest = hashlib.sha256(raw).hexdigest()
    if await whole(blobs, digest) is None:
        staged = blobs.staging() / f"{uuid.uuid4().hex}.side"
        await asyncio.to_thread(Path.write_bytes, staged, raw)
        await blobs.put(staged, digest)
    return digest


async def whole(blobs: Blobs, sha256: str) -> bytes | None:
    """Return the bytes of a blob, or None when it is not here, or not as it was stored."""
    if await blobs.has(sha256) is None:
        return None
    raw = b"".join([part async for part in blobs.read(sha256)])
    return raw if hashlib.sha256(raw).hexdigest() == sha256 else None
