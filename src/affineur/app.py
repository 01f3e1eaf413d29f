"""The composition root: from a configuration to the pipeline of every index.

In order, as a request meets it: the *rendered* pages in memory; the *gate*, which decides about
every file; the *layers*, where the first source that owns a name supplies it alone; at the bottom
the *hosted* stores of uploads and the *mirrors*, each over its *upstream*.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from affineur.config import Config
from affineur.errors import StorageUnavailable
from affineur.model.names import IndexName
from affineur.model.principals import Principal, Right
from affineur.operations.context import Context
from affineur.operations.examiners import Examiners
from affineur.operations.resolver import Reached, Resolver
from affineur.policy.gate import Gate
from affineur.policy.journal import Journal
from affineur.policy.lookalikes.watch import NameWatch
from affineur.policy.policies import policies_of
from affineur.policy.witness import CatalogWitness
from affineur.sources.gated import Gated
from affineur.sources.hosted import Hosted
from affineur.sources.inspector import Inspector
from affineur.sources.layered import Layered
from affineur.sources.mirrored import Mirrored
from affineur.sources.pip_settings import PipSettings, read_pip_settings
from affineur.sources.rendered import Rendered
from affineur.sources.source import Source
from affineur.sources.upstream import Upstream
from affineur.storage.blobs.disk import DiskBlobs
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import ledger
from affineur.storage.catalog.database import Catalog
from affineur.storage.catalog.downloads import AddressKept
from affineur.storage.changes import ChangeCounter
from affineur.storage.known_advisories import KnownAdvisories
from affineur.web.access import Access
from affineur.web.noted import Noted
from affineur.web.site import Site


class App:
    """Everything that was opened for one configuration, and the site made of it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        try:
            config.data_path.mkdir(parents=True, exist_ok=True)
            self.counter = ChangeCounter(config.data_path / "changes")
            self.blobs = _blobs(config)
        except OSError as error:
            raise StorageUnavailable(f"the data folder {config.data_path} cannot be used: {error}") from error
        self.catalog = Catalog.open(config.database_url)
        self.catalog.on_commit(lambda _serial: self.counter.bump())
        self.advisories = KnownAdvisories(self.catalog)
        self.upstreams: dict[str, Upstream] = {}
        self.inspector = Inspector(self.catalog, self.advisories, self.upstreams, config.scan_time)
        self.witness = CatalogWitness(
            self.catalog, self.advisories, _names(config, self.catalog),
            self.inspector.looks, self.inspector.questions, self.inspector.preparations,
        )  # fmt: skip
        self.journal = Journal(self.catalog)
        self.policies = policies_of(config)
        self.sources: dict[str, Source] = {}
        self.pip = read_pip_settings()
        self.site = self._site(self.pip)
        self.site.seen = self.counter.read()
        self.site.serial = self.catalog.read_now(ledger.head)

    def _site(self, pip: PipSettings) -> Site:
        config = self.config
        origin = config.address
        self._open_sources(pip)
        indexes = self._indexes(lambda: origin)
        self.config = config = _with_anonymity(
            config, {u.name for u in self.upstreams.values() if u.credentials.needed}
        )
        rendered = Rendered(indexes, config.page_memory, lambda: origin, config.public_url.rstrip("/"))
        access = Access(self.catalog, config.login_failures)
        kept = AddressKept(config.record_address)
        noted = Noted(self.catalog, recorded=config.record_downloads, address=kept)
        self.examiners = Examiners(config.inspection_time)
        return Site(
            config, self.catalog, self.blobs, self.sources, indexes, rendered, access, self.counter,
            self.examiners, self.advisories, self.witness, self.journal, noted, origin, _reached,
            Resolver(config.lock_time, config.locks_at_once),
        )  # fmt: skip

    def _open_sources(self, pip: PipSettings) -> None:
        config, sources = self.config, self.sources
        for mirror in config.mirrors.values():
            address = pip.upstream() if mirror.upstream == "pip" else mirror.upstream
            upstream = Upstream(mirror.name, address, config, pip)
            self.upstreams[mirror.name] = upstream
            sources[mirror.name] = Mirrored(mirror.name, upstream, self.catalog, self.blobs, config)
        for hosted in config.hosted.values():
            sources[hosted.name] = Hosted(hosted.name, hosted.owns, self.catalog, self.blobs)

    def _indexes(self, origin: Callable[[], str]) -> dict[IndexName, Gated]:
        indexes: dict[IndexName, Gated] = {}
        for name in self.config.indexes:
            self._index(name, self.sources, indexes, origin)
        return indexes

    def _index(
        self, name: str, sources: dict[str, Source], indexes: dict[IndexName, Gated], origin: Callable[[], str]
    ) -> Gated:
        """Compose one index; an index used as a source is taken with its gate."""
        if IndexName(name) in indexes:
            return indexes[IndexName(name)]
        parts = [
            sources[part] if part in sources else self._index(part, sources, indexes, origin)
            for part in self.config.indexes[name].sources
        ]
        gate = Gate(IndexName(name), self.policies[self.config.indexes[name].policy])
        gated = Gated(Layered(name, parts), gate, self.witness, origin, self.journal)
        indexes[IndexName(name)] = gated
        return gated

    def context(self) -> Context:
        """Return what work in the background is done with, on the server's own behalf."""
        return self.site.context(Principal("", "", frozenset({"*"}), frozenset(Right)))

    async def close(self) -> None:
        """Write what is pending and close everything."""
        with contextlib.suppress(StorageUnavailable):
            await self.site.write_noted()
        await self.examiners.close()
        await self.inspector.close()
        for upstream in self.upstreams.values():
            await upstream.close()
        self.catalog.close()


def _reached(site: Site, principal: Principal, *, held_only: bool) -> AbstractAsyncContextManager[Reached]:
    """Open a way to a site; what it is made with is loaded by then, since most commands never need it."""
    from affineur.web.loopback import reached

    return reached(site, principal, held_only=held_only)


def _names(config: Config, catalog: Catalog) -> NameWatch:
    return NameWatch(
        catalog, config.data_path, [pattern for hosted in config.hosted.values() for pattern in hosted.owns]
    )


def _with_anonymity(config: Config, guarded: Set[str]) -> Config:
    """Settle who may read: an index over an upstream that wants credentials is not for everybody."""

    def over(index: str, seen: tuple[str, ...] = ()) -> bool:
        return any(
            source in guarded or (source in config.indexes and source not in seen and over(source, (*seen, source)))
            for source in config.indexes[index].sources
        )

    settled = {
        name: replace(index, anonymous=not over(name) if index.anonymous is None else index.anonymous)
        for name, index in config.indexes.items()
    }
    return replace(config, indexes=settled)


def _blobs(config: Config) -> Blobs:
    if config.blobs:
        from affineur.storage.blobs.object_store import ObjectStoreBlobs

        return ObjectStoreBlobs(config.blobs, config.data_path / "staging")
    return DiskBlobs(config.data_path / "blobs")
