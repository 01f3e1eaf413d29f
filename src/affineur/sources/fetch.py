"""One fetch of one file for everybody who asks: stored, hashed and streamed at once."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import structlog

from affineur.errors import AffineurError, DigestMismatch, StorageUnavailable, UpstreamBroken, UpstreamUnavailable
from affineur.model.files import File
from affineur.sources.stored import Stored
from affineur.sources.unanswered import reason
from affineur.sources.upstream import Upstream
from affineur.standards.archives import looks_like_archive
from affineur.storage.failing import failure

if TYPE_CHECKING:
    import aiohttp

_log = structlog.get_logger("affineur.sources")
CHUNK = 256 * 1024
_HELD_BACK = 1
"""Bytes kept from clients until the hash is known to be right."""
_GATHERED_FOR = 0.01
"""Seconds in which new bytes are gathered before they are given out, so that many readers cost little."""
_FOLLOW_EVERY = 0.01
"""Seconds between looks at a partial file that another process writes."""


class Keep(Protocol):
    """What is done with a fetched file: `arrived` false asks whether it is in the store already."""

    async def __call__(self, fetch: Fetch, *, arrived: bool) -> Stored | None:
        """Store the verified partial file, or look for it in the store; None if it is not there."""
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
    its clients hang up. What a process that died left behind is continued, never trusted: the hash
    is taken over all of it.
    """

    def __init__(self, upstream: Upstream, file: File, partial: Path, keep: Keep) -> None:
        self.upstream, self.file, self.partial, self._keep = upstream, file, partial, keep
        self._lease = partial.with_suffix(".lease")
        self.size: int | None = file.size
        self.sha256 = file.sha256
        self.digests: dict[str, str] = {}
        self.written = 0
        self.verified = False
        """Whether all bytes came and were found right; storing them may still be under way."""
        self.error: AffineurError | None = None
        self.started, self.finished = asyncio.Event(), asyncio.Event()
        self._grown = asyncio.Event()
        self._owning = False
        self.stored: Stored | None = None
        self.task = asyncio.create_task(self._run(), name=f"fetch {file.filename}")

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

    async def _run(self) -> None:
        try:
            await self._locked()
        except AffineurError as error:
            self.error = error
        except asyncio.CancelledError:
            self.error = UpstreamUnavailable(self.upstream.base, "the fetch was ended")
        except OSError as error:
            self.error = failure(f"{self.file.filename} could not be kept", error)
        except Exception:  # noqa: BLE001 - clients wait for what comes of it, whatever happened
            _log.exception("fetch failed for a fault of ours", file=self.file.filename)
            self.error = AffineurError(f"{self.file.filename} could not be fetched; the server's log says why")
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
                self.stored = await self._keep(self, arrived=False)
                if self.stored is None:
                    await self._transfer(lease)
                elif self.stored.size is not None:
                    self.written = self.size = self.stored.size
                    self.verified = True
                return
            except asyncio.CancelledError:
                self._owning = False
                raise
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
                self._follow(lease)
                await asyncio.sleep(_FOLLOW_EVERY)
            else:
                return os.fstat(lease).st_nlink > 0

    def _follow(self, lease: int) -> None:
        """Give out what the process that holds the lease has written so far; it noted the size in the lease."""
        if self.size is None and (noted := os.pread(lease, 20, 0)):
            self.size = int(noted)
        with contextlib.suppress(FileNotFoundError):
            there = self.partial.stat().st_size
            if self.size is not None and there > self.written:
                self.written = there
                self.started.set()
                self._wake()

    def _left_behind(self) -> int:
        """Return how many bytes of the file are here from a process that died.

        Raises:
            UpstreamBroken: the process that was followed gave the file up.
        """
        try:
            held = self.partial.stat().st_size
        except FileNotFoundError:
            held = 0
        if held < self.written:
            raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: another process found it wrong")
        if held and not self.file.hashes:
            self.partial.unlink()
            return 0
        return held

    async def _transfer(self, lease: int) -> None:
        hashers: dict[str, Hasher] = {name: hashlib.new(name) for name in {*self.file.hashes, "sha256", "md5"}}
        hashers["blake2b_256"] = hashlib.blake2b(digest_size=32)
        held = self._left_behind()
        if held and held == self.size:
            with self.partial.open("rb") as source:
                await asyncio.to_thread(_hash_held, source, held, hashers)
            self.written = held
        else:
            await self._ask_for(held, lease, hashers)
        await asyncio.to_thread(self._verify, {name: hasher.hexdigest() for name, hasher in hashers.items()})
        self._wake()
        self.stored = await self._keep(self, arrived=True)

    async def _ask_for(self, held: int, lease: int, hashers: dict[str, Hasher]) -> None:
        """Ask for the file, or for the rest of what is held."""
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={held}-"} if held else {})}
        async with self.upstream.get(self.file.url, headers, raw=True) as response:
            with self.partial.open("r+b" if held else "w+b") as target:
                if held and response.status == 206:
                    await asyncio.to_thread(_hash_held, target, held, hashers)
                    came = held
                elif response.status == 200:
                    came = 0
                else:
                    raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: it answered {response.status}")
                self._agree_on_size(response.content_length, came)
                if self.size is not None:
                    os.pwrite(lease, str(self.size).encode(), 0)
                await self._pour(response, target, hashers, came)

    def _agree_on_size(self, stated: int | None, came: int) -> None:
        if stated is not None and self.file.size is not None and stated + came != self.file.size:
            problem = f"{self.file.filename}: {stated + came} bytes are offered, {self.file.size} were promised"
            raise UpstreamBroken(self.upstream.base, problem)
        if self.file.size is None and stated is not None:
            self.size = stated + came

    async def _pour(
        self, response: aiohttp.ClientResponse, target: BinaryIO, hashers: dict[str, Hasher], came: int
    ) -> None:
        """Write the body behind what is here; what comes a second time must be the same."""
        import aiohttp

        try:
            async for chunk in response.content.iter_any():
                if self.size is not None and came + len(chunk) > self.size:
                    raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: more bytes than promised")
                if came == 0 and not self.file.hashes and chunk[:1] in (b"<", b"{"):
                    raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: a page came instead of the file")
                if len(chunk) > 65536:
                    same = await asyncio.to_thread(_write, chunk, target, came, hashers)
                else:
                    same = _write(chunk, target, came, hashers)
                if not same:
                    raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: other bytes than the first time")
                came += len(chunk)
                if came > self.written:
                    self.written = came
                    self.started.set()
                    self._wake()
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = reason(error)
            raise UpstreamBroken(
                self.upstream.base, f"{self.file.filename}: cut short after {came} bytes ({problem})"
            ) from error
        if self.size is not None and came != self.size:
            problem = f"{self.file.filename}: {came} bytes came, {self.size} were promised"
            raise UpstreamBroken(self.upstream.base, problem)

    def _verify(self, digests: dict[str, str]) -> None:
        for name, wanted in self.file.hashes.items():
            if digests[name] != wanted:
                raise DigestMismatch(self.upstream.base, self.file.filename, name, wanted, digests[name])
        if not looks_like_archive(self.partial, self.file.filename):
            raise UpstreamBroken(self.upstream.base, f"{self.file.filename}: what came is not an archive")
        self.size, self.sha256, self.digests = self.written, digests["sha256"], digests
        self.verified = True

    async def wait(self) -> None:
        """Wait until the file is stored.

        Raises:
            UpstreamBroken: what came is wrong, nothing was stored.
            UpstreamUnavailable: it did not come.
            StorageUnavailable: it could not be kept.
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
        try:
            source = os.open(self.partial, os.O_RDONLY)
        except FileNotFoundError:
            await self.wait()
            if self.stored is None:
                raise StorageUnavailable(f"{self.file.filename} was lost on its way into the store") from None
            async for chunk in self.stored.read(start, stop):
                yield chunk
            return
        try:
            async for chunk in self._read_growing(source, start, stop):
                yield chunk
        finally:
            os.close(source)

    async def _read_growing(self, source: int, start: int, stop: int | None) -> AsyncIterator[bytes]:
        async for position, end in self.spans(start, stop):
            for at in range(position, end, CHUNK):
                chunk = os.pread(source, min(CHUNK, end - at), at)
                if len(chunk) < min(CHUNK, end - at):
                    raise StorageUnavailable(f"{self.file.filename} was cut while it was read")
                yield chunk

    async def spans(self, position: int, stop: int | None) -> AsyncIterator[tuple[int, int]]:
        """Yield (from, to) of bytes that may be given out, as they come; the last one only when all were found right.

        Raises:
            UpstreamBroken: what came is wrong.
            UpstreamUnavailable: no more comes.
            StorageUnavailable: it cannot be kept.
        """
        while True:
            grown = self._grown
            done = self.verified or self.finished.is_set()
            if done and not self.verified and self.error is not None:
                raise self.error
            end = self.written if done else self.written - _HELD_BACK
            end = end if stop is None else min(end, stop)
            if position < end:
                yield position, end
                position = end
            if done or (stop is not None and position >= stop):
                return
            await grown.wait()
            if not (self.verified or self.finished.is_set()):
                await asyncio.sleep(_GATHERED_FOR)


class Arriving:
    """A file on its way as one of those sees it who asked for it."""

    path: Path | None = None
    """None: the bytes are still on their way; read them."""

    def __init__(self, fetch: Fetch, *, cold: bool) -> None:
        self._fetch, self.cold = fetch, cold

    @property
    def size(self) -> int | None:
        """The length in bytes, where it is known."""
        return self._fetch.size

    @property
    def sha256(self) -> str | None:
        """The digest in hex, where it is known."""
        return self._fetch.sha256

    def open(self) -> BinaryIO | None:
        """Open the file that is being written; None where it is finished or moved away by now."""
        try:
            return self._fetch.partial.open("rb")
        except FileNotFoundError:
            return None

    def spans(self, start: int, stop: int) -> AsyncIterator[tuple[int, int]]:
        """Yield (from, to) of the bytes in the opened file that may be given out, as they come."""
        return self._fetch.spans(start, stop)

    async def wait(self) -> None:
        """Wait until the file is stored; raises as `Fetch.wait` does."""
        await self._fetch.wait()

    def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes as they come, the last one only when all were found right."""
        return self._fetch.read(start, stop)


def _hash_held(target: BinaryIO, held: int, hashers: dict[str, Hasher]) -> None:
    while (left := held - target.tell()) > 0:
        chunk = target.read(min(left, CHUNK))
        for hasher in hashers.values():
            hasher.update(chunk)


def _write(chunk: bytes, target: BinaryIO, position: int, hashers: dict[str, Hasher]) -> bool:
    """Hash a chunk and write it at its place; False when other bytes lie there already."""
    for hasher in hashers.values():
        hasher.update(chunk)
    before = os.pread(target.fileno(), len(chunk), position)
    if not chunk.startswith(before):
        return False
    if len(before) < len(chunk):
        os.pwrite(target.fileno(), chunk[len(before) :], position + len(before))
    return True
