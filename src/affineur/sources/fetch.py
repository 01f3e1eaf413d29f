"""One fetch of one file for everybody who asks: stored, hashed and streamed at once."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Protocol

import aiohttp

from affineur.errors import AffineurError, DigestMismatch, UpstreamBroken, UpstreamUnavailable
from affineur.model.files import File
from affineur.sources.upstream import Upstream
from affineur.standards.archives import looks_like_archive

CHUNK = 256 * 1024
_HELD_BACK = 1
"""Bytes kept from clients until the hash is known to be right."""
_FOLLOW_EVERY = 0.01
"""Seconds between looks at a partial file that another process writes."""


class Keep(Protocol):
    """What is done with a fetched file: `arrived` false asks whether it is in the store already."""

    async def __call__(self, fetch: Fetch, *, arrived: bool) -> bool:
        """Store the verified partial file, or look for it in the store; True if it is there."""
        ...


class Hasher(Protocol):
    """The part of `hashlib`'s objects used here."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes in."""
        ...

    def hexdigest(self) -> str:
        """Return the digest in hex."""
        ...


class Fetch:
    """A file on its way from the upstream into the store.

    Clients read from the partial file as it grows; the last byte is given out only when size and
    hashes were found right, so that a wrong file never arrives complete. The fetch goes on when
    its clients hang up.
    """

    def __init__(self, upstream: Upstream, file: File, partial: Path, keep: Keep) -> None:
        self.upstream, self.file, self.partial, self._keep = upstream, file, partial, keep
        self._lease = partial.with_suffix(".lease")
        self.size: int | None = file.size
        self.sha256 = file.sha256
        self.digests: dict[str, str] = {}
        self.written = 0
        self.error: AffineurError | None = None
        self.started, self.finished = asyncio.Event(), asyncio.Event()
        self._grown = asyncio.Event()
        self._owning = False
        self.stored: Path | None = None
        self.task = asyncio.create_task(self._run(), name=f"fetch {file.filename}")

    @property
    def path(self) -> Path | None:
        """None: the bytes are still on their way; read them."""
        return None

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

    async def _run(self) -> None:
        try:
            await self._locked()
        except AffineurError as error:
            self.error = error
        except (OSError, asyncio.CancelledError) as error:
            self.error = UpstreamUnavailable(self.upstream.base, str(error) or "the fetch was ended")
        finally:
            self.started.set()
            self.finished.set()
            self._wake()

    async def _locked(self) -> None:
        """Hold the file's lease while fetching, so that one process of the machine fetches.

        A process that does not get the lease follows the partial file of the one that has it, and
        takes over where that one died.
        """
        while True:
            lease = os.open(self._lease, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._owning = await self._leased(lease)
                if not self._owning:
                    continue
                if await self._keep(self, arrived=False):
                    return
                await self._transfer()
                return
            finally:
                if self._owning:
                    self.partial.unlink(missing_ok=True)
                    self._lease.unlink(missing_ok=True)
                os.close(lease)

    async def _leased(self, lease: int) -> bool:
        """Wait for the lease; False when its file was removed meanwhile by the one who had it."""
        while True:
            try:
                fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._follow()
                await asyncio.sleep(_FOLLOW_EVERY)
            else:
                return os.fstat(lease).st_nlink > 0

    def _follow(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            there = self.partial.stat().st_size
            if self.file.size is not None and there > self.written:
                self.written = there
                self.started.set()
                self._wake()

    async def _transfer(self) -> None:
        hashers: dict[str, Hasher] = {name: hashlib.new(name) for name in {*self.file.hashes, "sha256", "md5"}}
        hashers["blake2b_256"] = hashlib.blake2b(digest_size=32)
        async with self.upstream.get(self.file.url, {"Accept-Encoding": "identity"}) as response:
            if response.status != 200:
                raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: it answered {response.status}")
            if "Content-Encoding" in response.headers and response.headers["Content-Encoding"] != "identity":
                raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: it came in a content encoding")
            self._agree_on_size(response.content_length)
            with self.partial.open("wb") as target:
                await self._pour(response, target, hashers)
                await asyncio.to_thread(target.flush)
        self._verify({name: hasher.hexdigest() for name, hasher in hashers.items()})
        await self._keep(self, arrived=True)

    def _agree_on_size(self, stated: int | None) -> None:
        if stated is not None and self.file.size is not None and stated != self.file.size:
            problem = f"{self.file.filename}: {stated} bytes are offered, {self.file.size} were promised"
            raise UpstreamBroken(self.upstream.base, problem)
        self.size = self.file.size if self.file.size is not None else stated

    async def _pour(self, response: aiohttp.ClientResponse, target: BinaryIO, hashers: dict[str, Hasher]) -> None:
        try:
            async for chunk in response.content.iter_any():
                if self.size is not None and self.written + len(chunk) > self.size:
                    raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: more bytes than promised")
                if self.written == 0 and not self.file.hashes and chunk[:1] in (b"<", b"{"):
                    raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: a page came instead of the file")
                if len(chunk) > 65536:
                    await asyncio.to_thread(_write, chunk, target, hashers)
                else:
                    _write(chunk, target, hashers)
                target.flush()
                self.written += len(chunk)
                self.started.set()
                self._wake()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UpstreamBroken(
                self.upstream.base, f"{self.file.filename}: the body was cut short ({error})"
            ) from error

    def _verify(self, digests: dict[str, str]) -> None:
        if self.size is not None and self.written != self.size:
            problem = f"{self.file.filename}: {self.written} bytes came, {self.size} were promised"
            raise UpstreamBroken(self.upstream.base, problem)
        for name, wanted in self.file.hashes.items():
            if digests[name] != wanted:
                raise DigestMismatch(self.upstream.base, self.file.filename, name, wanted, digests[name])
        if not looks_like_archive(self.partial, self.file.filename):
            raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: what came is not an archive")
        self.size, self.sha256, self.digests = self.written, digests["sha256"], digests

    async def wait(self) -> None:
        """Wait until the file is stored.

        Raises:
            UpstreamBroken: what came is wrong, nothing was stored.
            UpstreamUnavailable: it did not come.
        """
        await self.finished.wait()
        if self.error is not None:
            raise self.error

    async def begun(self) -> None:
        """Wait for the first bytes or the failure to get them."""
        await self.started.wait()
        if self.error is not None:
            raise self.error

    async def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield bytes as they come, up to the last one only when they were found right."""
        await self.begun()
        source = await asyncio.to_thread(self._open)
        position = start
        try:
            while True:
                grown = self._grown
                done = self.finished.is_set()
                if done and self.error is not None:
                    raise self.error
                end = self.written if done else self.written - _HELD_BACK
                end = end if stop is None else min(end, stop)
                while position < end:
                    chunk = os.pread(source, min(CHUNK, end - position), position)
                    position += len(chunk)
                    yield chunk
                if done or (stop is not None and position >= stop):
                    return
                await grown.wait()
        finally:
            os.close(source)

    def _open(self) -> int:
        try:
            return os.open(self.partial, os.O_RDONLY)
        except FileNotFoundError:
            if self.stored is None:
                raise
            return os.open(self.stored, os.O_RDONLY)


def _write(chunk: bytes, target: BinaryIO, hashers: dict[str, Hasher]) -> None:
    target.write(chunk)
    for hasher in hashers.values():
        hasher.update(chunk)
