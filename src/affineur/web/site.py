"""What every handler works with: configuration, storage, the pipelines, and who is asking."""

from __future__ import annotations

import asyncio
import functools
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import structlog

from affineur.config import Config
from affineur.errors import Forbidden, IndexUnknown, StorageUnavailable
from affineur.model.events import Event
from affineur.model.names import IndexName, ProjectName
from affineur.model.principals import NOBODY, Principal, Right
from affineur.operations.background import Background
from affineur.operations.context import Context, Progress, silent
from affineur.operations.examiners import Examiners
from affineur.operations.resolver import Reached, Resolver
from affineur.policy.evidence import Witness
from affineur.policy.journal import Journal
from affineur.sources.gated import Gated
from affineur.sources.rendered import Rendered
from affineur.sources.source import Source
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import advisories, hosted, ledger
from affineur.storage.catalog.database import Catalog
from affineur.storage.changes import ChangeCounter
from affineur.storage.known_advisories import KnownAdvisories
from affineur.web.access import Access
from affineur.web.noted import Noted

if TYPE_CHECKING:
    from aiohttp.web_request import BaseRequest

_log = structlog.get_logger("affineur")
_LOOK_EVERY = 0.5
"""Seconds between looks at the ledger for what other machines changed."""
PROVEN: ContextVar[Principal | None] = ContextVar("proven", default=None)
"""Who asks, while a request is answered for which that was proven otherwise than by a token."""
_TOUCHING_ALL = frozenset({"waiver.granted", "waiver.revoked", "policy.changed", "names.updated"})
"""Events that may change decisions about any project, where they name none."""


@dataclass
class Counts:
    """What this process served since it started."""

    bytes_sent: int = 0
    requests: int = 0


class SiteReach(Protocol):
    """Opens a way to a site for a program that an operation started; as `operations.context.Reach`."""

    def __call__(self, site: Site, principal: Principal, *, held_only: bool) -> AbstractAsyncContextManager[Reached]:
        """Answer on loopback with the rights of `principal`."""
        ...


@dataclass
class Site:
    """One configuration, served."""

    config: Config
    catalog: Catalog
    blobs: Blobs
    sources: dict[str, Source]
    indexes: dict[IndexName, Gated]
    rendered: Rendered
    access: Access
    counter: ChangeCounter
    examiners: Examiners
    advisories: KnownAdvisories
    witness: Witness
    journal: Journal
    noted: Noted
    origin: str
    """The origin for addresses that must be absolute."""
    reach: SiteReach
    resolver: Resolver
    counts: Counts = field(default_factory=Counts)
    background: Background = field(default_factory=Background)
    active: int = 0
    """Requests that are being answered."""
    seen: int = -1
    serial: int = 0
    _catching_up: asyncio.Lock = field(default_factory=asyncio.Lock)

    def index(self, name: str | None) -> IndexName:
        """Return the named index, or the default one for None.

        Raises:
            IndexUnknown: it is not configured.
        """
        wanted = IndexName(name or self.config.default_index)
        if wanted not in self.indexes:
            raise IndexUnknown(wanted, sorted(self.indexes))
        return wanted

    def context(self, principal: Principal, progress: Progress = silent, *, at_hand: bool = False) -> Context:
        """Return what an operation asked for by `principal` works with."""
        return Context(
            self.config,
            self.catalog,
            self.blobs,
            self.sources,
            self.indexes,
            self.journal,
            self.notice,
            functools.partial(self.reach, self),
            self.resolver,
            self.origin,
            principal,
            progress,
            at_hand,
        )

    def caching(self, index: IndexName, *varying: str) -> dict[str, str]:
        """Return the headers that tell caches when to ask again, and what an answer depends on.

        Everything is asked for again before it is used, so that a refusal is seen at once. What
        only some may read is not kept for others.
        """
        if self.config.indexes[index].anonymous:
            return {"Cache-Control": "no-cache", **({"Vary": ", ".join(varying)} if varying else {})}
        return {"Cache-Control": "private, no-cache", "Vary": ", ".join((*varying, "Authorization"))}

    async def reader(self, request: BaseRequest, index: IndexName) -> Principal:
        """Return who reads, after checking that the index lets them.

        Raises:
            Unauthenticated: the index is not anonymous and no valid token was presented.
            Forbidden: the token may not read here.
        """
        if (proven := PROVEN.get()) is not None:
            if not (self.config.indexes[index].anonymous or proven.may(Right.READ, index)):
                raise Forbidden(f"this token may not read in {index}")
            return proven
        header = request.headers.get("Authorization")
        if self.config.indexes[index].anonymous:
            return await self.access.recognised(header) if header else NOBODY
        return await self.access.require(header, Right.READ, index, request.remote or "")

    async def catch_up(self) -> None:
        """Evict what the ledger says has changed since the last look, by whichever process."""
        stamp = self.counter.read()
        if stamp == self.seen:
            return
        async with self._catching_up:
            if stamp == self.seen:
                return
            await self._read_ledger()
            self.seen = stamp

    async def notice(self) -> None:
        """Take notice of every change so far, also those made on other machines."""
        async with self._catching_up:
            await self._read_ledger()

    async def _read_ledger(self) -> None:
        while True:
            entries = await self.catalog.read(ledger.after, self.serial, 1000)
            for entry in entries:
                await self._take(entry.event, entry.serial)
                self.serial = entry.serial
            if len(entries) < 1000:
                return

    async def _take(self, event: Event, serial: int) -> None:
        """Forget what an entry of the ledger makes untrue."""
        if event.kind in {advisories.CHANGED, advisories.CHECKED}:
            for project in await asyncio.to_thread(self.advisories.take, event):
                self.witness.forget(project)
                self.rendered.forget(project)
            if event.data.get("renewed"):
                self.rendered.forget(None)
        if event.kind == hosted.COMPARED:
            for project in event.data["projects"]:
                self.witness.forget(project)
                self.rendered.forget(ProjectName(project))
        if event.kind.startswith(("token.", "user.")):
            self.access.forget()
            self.rendered.memory.forget_answers()
        if event.kind in _TOUCHING_ALL and not event.project:
            self.witness.forget("")
            self.rendered.forget(None)
        elif event.project:
            self.witness.forget(event.project)
            self.journal.forget(event.project)
            self.rendered.forget(ProjectName(event.project), (event.place, serial))

    async def watch(self) -> None:
        """Look for changes made on other machines, and write what was noted, twice a second."""
        lost = False
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                await self.notice()
                await self.write_noted()
            except StorageUnavailable as error:
                if not lost:
                    _log.error("the database fails; what is in memory is served", problem=error.sentence)
                lost = True
            else:
                if lost:
                    _log.info("the database is back")
                lost = False

    async def write_noted(self) -> None:
        """Write the judgements, downloads and page requests noted since the last time.

        Raises:
            StorageUnavailable: the database cannot be written; they are kept for the next time.
        """
        await self.journal.write()
        await self.noted.write()
