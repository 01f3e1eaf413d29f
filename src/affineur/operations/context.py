"""What an operation is given: storage, pipelines, who asks, and a way to tell how far it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from affineur.config import Config
from affineur.errors import IndexUnknown, Invalid
from affineur.model.jobs import Job
from affineur.model.names import IndexName
from affineur.model.principals import Principal
from affineur.operations.resolver import Reached, Resolver
from affineur.policy.journal import Journal
from affineur.sources.gated import Gated
from affineur.sources.source import Source
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import jobs
from affineur.storage.catalog.database import Catalog, Change

Progress = Callable[[int, int, str], None]
"""Told (done, total, what is done now); total 0 where it is not known."""


def silent(done: int, total: int, text: str) -> None:
    """Take progress and say nothing."""
    del done, total, text


class Reach(Protocol):
    """Opens a way to the indexes over HTTP for a program that an operation started."""

    def __call__(self, principal: Principal, *, held_only: bool) -> AbstractAsyncContextManager[Reached]:
        """Answer on loopback, with the rights of `principal`, for as long as the block runs.

        With `held_only` pages list only files whose bytes are held here.
        """
        ...


@dataclass(frozen=True)
class Context:
    """The same for a command on a data folder and for a request to a server."""

    config: Config
    catalog: Catalog
    blobs: Blobs
    sources: Mapping[str, Source]
    """Mirrors and hosted sources by name, raw: without a gate."""
    indexes: Mapping[IndexName, Gated]
    journal: Journal
    catch_up: Callable[[], Awaitable[None]]
    """Takes notice of everything that was changed so far, by whichever process."""
    reach: Reach
    """Lets programs that an operation starts ask the indexes."""
    resolver: Resolver
    origin: str
    """The origin for addresses that must be absolute."""
    principal: Principal
    progress: Progress = silent
    at_hand: bool = False
    """Whether who asks sits at this machine, so that they could do here themselves whatever is done for them."""
    job: Job | None = None
    """The job whose work this is, where it is one."""

    @property
    def actor(self) -> str:
        """The name that is written into the ledger."""
        return self.principal.name

    def fence(self, change: Change) -> None:
        """Make a change depend on the lease of the job that makes it; nothing where there is none.

        Raises:
            Conflict: another worker has the job now.
        """
        if self.job is not None:
            jobs.fence(change, self.job)

    def index(self, name: str) -> Gated:
        """Return the index of that name.

        Raises:
            IndexUnknown: it is not configured.
        """
        found = self.indexes.get(IndexName(name))
        if found is None:
            raise IndexUnknown(name, sorted(self.indexes))
        return found

    def origin_at(self, server: str) -> str:
        """Return the origin that addresses in a file have: public_url, else where its reader finds the server.

        Args:
            server: the address by which commands act on this server; empty: on its data folder.

        Raises:
            Invalid: this is no address.
        """
        if self.config.public_url or not server:
            return self.origin
        try:
            parts = urlsplit(server)
            named = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            named = False
        if not named:
            raise Invalid("--server: this is no address of a server")
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    def hosted(self, name: str) -> str:
        """Return the hosted source that an upload to `name` would go to.

        Raises:
            IndexUnknown: there is none.
        """
        found = self.config.hosted_of(name)
        if found is None:
            raise IndexUnknown(name, sorted(self.config.hosted))
        return found
