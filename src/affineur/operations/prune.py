"""The store kept in order: what belongs to nothing is found and removed, the least used is given up."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from affineur.model.events import Event
from affineur.operations.context import Context
from affineur.operations.fields import BYTES, number
from affineur.operations.operation import option
from affineur.sources import kept
from affineur.storage import presence
from affineur.storage.catalog import cache, hosted
from affineur.storage.catalog.cache import Held
from affineur.storage.catalog.database import Change

_AT_ONCE = 500
_ROOM = 0.9
"""The part of the limit that is left after giving up, so that the next file does not begin it again."""


class Prune(msgspec.Struct, frozen=True):
    """Remove what belongs to nothing; with --keep give up the least used mirrored files.

    What belongs to nothing: bytes that no file refers to, those of uploads deleted longer ago than
    delete_grace, partial files of transfers that ended.
    Files that are pinned by `mirror add` stay, and so do those that the upstream offers no more,
    unless --vanished is given. A file given up is fetched again when it is asked for.
    """

    check: Annotated[bool, option("Only say what would be removed; exit code 3 when there is something.")] = False
    older_than: Annotated[
        float, number("Seconds since when it must lie there: what is younger may be in use.", 0, BYTES)
    ] = 3600
    keep: Annotated[int | None, number("Bytes of mirrored files to keep, the most recently used.", 0, BYTES)] = None
    vanished: Annotated[
        bool, option("Give up files too that the upstream offers no more. They cannot be had again.")
    ] = False


class CacheTrim(msgspec.Struct, frozen=True):
    """Give up the least used mirrored files beyond cache_limit."""


class Pruned(msgspec.Struct, frozen=True):
    """What was (or would be) removed. `lost` are files whose bytes should be here and are not."""

    checked: bool
    orphans: list[str]
    leftovers: list[str]
    evicted: list[str]
    lost: list[str]
    bytes: int


def say(result: Pruned) -> str:
    """Return the result in words."""
    verb = "would be removed" if result.checked else "removed"
    lines = [f"orphan {digest} {verb}" for digest in result.orphans]
    lines += [f"leftover {name} {verb}" for name in result.leftovers]
    lines += [f"file {name} {verb.replace('removed', 'given up')}" for name in result.evicted]
    lines += [f"lost: the bytes of {name} should be here and are not" for name in result.lost]
    return "\n".join([*lines, f"{result.bytes} bytes {verb}"])


def found(result: Pruned) -> bool:
    """Whether a check found something, or something is lost."""
    return bool(result.lost or (result.checked and (result.orphans or result.leftovers or result.evicted)))


@dataclass
class _Tally:
    orphans: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    evicted: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    bytes: int = 0


async def prune(context: Context, request: Prune) -> Pruned:
    """Look through the whole store; remove unless only a check is wanted."""
    tally = _Tally()
    if not request.check:
        await context.catalog.write(hosted.expire, time.time() - context.config.delete_grace)
    await _orphans(context, request, tally)
    await _leftovers(context, request, tally)
    await _lost(context, request, tally)
    if request.keep is not None:
        await _give_up(context, request.keep, tally, vanished=request.vanished, check=request.check)
    return Pruned(request.check, tally.orphans, tally.leftovers, tally.evicted, tally.lost, tally.bytes)


async def trim(context: Context, request: CacheTrim) -> None:
    """Keep the cache within its limit."""
    del request
    limit = int(context.config.cache_limit)
    if limit and await context.catalog.read(cache.total) > limit:
        await _give_up(context, int(limit * _ROOM), _Tally(), vanished=False, check=False)


async def _orphans(context: Context, request: Prune, tally: _Tally) -> None:
    batch: list[str] = []
    seen = 0
    async for digest in context.blobs.walk():
        batch.append(digest)
        if len(batch) == _AT_ONCE:
            seen += len(batch)
            context.progress(seen, 0, "looking through the store")
            await _orphans_among(context, batch, request, tally)
            batch = []
    await _orphans_among(context, batch, request, tally)


async def _orphans_among(context: Context, digests: list[str], request: Prune, tally: _Tally) -> None:
    known = await context.catalog.read(cache.referenced, digests)
    for digest in digests:
        if digest in known:
            continue
        kept_since = await context.blobs.kept_since(digest)
        if kept_since is None or time.time() - kept_since < request.older_than:
            continue
        tally.orphans.append(digest)
        tally.bytes += await context.blobs.has(digest) or 0
        if not request.check:
            await context.blobs.remove(digest)


async def _leftovers(context: Context, request: Prune, tally: _Tally) -> None:
    def look() -> None:
        for path in sorted(context.blobs.staging().iterdir()):
            with contextlib.suppress(FileNotFoundError):
                stat = path.stat()
                if time.time() - stat.st_mtime < request.older_than or presence.is_held(path.with_suffix(".lease")):
                    continue
                tally.leftovers.append(path.name)
                tally.bytes += stat.st_size
                if request.check:
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()

    await asyncio.to_thread(look)


async def _lost(context: Context, request: Prune, tally: _Tally) -> None:
    """Find files whose bytes are gone; mirrored ones are fetched again, so they are only noted."""
    after, gone = "", []
    while rows := await context.catalog.read(cache.stored, after, _AT_ONCE):
        for digest, origin in rows:
            if await context.blobs.has(digest) is None:
                tally.lost.append(digest)
                if origin == cache.MIRROR:
                    gone.append(digest)
        after = rows[-1][0]
    if gone and not request.check:
        await context.catalog.write(cache.lost, gone)


async def _give_up(context: Context, limit: int, tally: _Tally, *, vanished: bool, check: bool) -> None:
    """Give up the longest unused files until at most `limit` bytes of mirrored files are left."""
    over = await context.catalog.read(cache.total) - limit
    after, removed = (0.0, ""), 0
    listings: dict[tuple[str, str], set[str]] = {}
    while over > 0 and (rows := await context.catalog.read(cache.least_used, after, _AT_ONCE)):
        for used_at, files in rows:
            after = (used_at, files[0].sha256)
            if over <= 0:
                break
            if not vanished and not await _offered(context, files, listings):
                continue
            if not check:
                if not await context.catalog.write(cache.evict, files[0].sha256, used_at):
                    continue
                await context.blobs.remove(files[0].sha256)
            over -= files[0].size
            removed += files[0].size
            tally.evicted.append(files[0].filename or files[0].sha256)
    tally.bytes += removed
    if removed and not check:
        data = {"files": len(tally.evicted), "bytes": removed}
        await context.catalog.write(_enter, Event("cache.evicted", actor=context.actor, data=data))


async def _offered(context: Context, files: list[Held], listings: dict[tuple[str, str], set[str]]) -> bool:
    """Whether the upstream of each listing still offers exactly these bytes."""
    for file in files:
        if not file.source:
            return False
        key = (file.source, file.project)
        if key not in listings:
            listing = await context.catalog.read(kept.load, *key)
            listings[key] = {f"{f.filename} {f.sha256}" for f in listing.files if not f.vanished and not f.conflict}
        if f"{file.filename} {file.sha256}" not in listings[key]:
            return False
    return True


def _enter(change: Change, event: Event) -> None:
    change.enter(event)
