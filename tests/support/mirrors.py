"""A mirror in the process of the test: the real source over a real upstream, catalog and store."""

from dataclasses import replace

from affineur.config import load
from affineur.model.names import ProjectName
from affineur.sources.mirrored import Mirrored
from affineur.sources.pip_settings import PipSettings
from affineur.sources.upstream import Upstream
from affineur.storage.blobs.disk import DiskBlobs
from affineur.storage.catalog import ledger
from affineur.storage.catalog.database import Catalog

QUICK = {"connect_timeout": 2, "answer_timeout": 0.6, "stall_timeout": 0.6, "patience": 0.3}


class Mirror:
    """A mirror with what a test asks of it in one line each."""

    def __init__(self, folder, address, *, pip=None, **settings):
        self.config = load(None, {"data": str(folder), **QUICK, **settings}, {})
        folder.mkdir(parents=True, exist_ok=True)
        self.catalog = Catalog.open(self.config.database_url)
        self.blobs = DiskBlobs(folder / "blobs")
        self.upstream = Upstream("public", address, self.config, pip or PipSettings(address))
        self.source = Mirrored("public", self.upstream, self.catalog, self.blobs, self.config)

    async def close(self):
        await self.upstream.close()
        self.catalog.close()

    async def page(self, name):
        return await self.source.page(ProjectName(name))

    async def stale(self, name):
        """Make the listing old, so that the next request asks the upstream."""
        self.source.config = replace(self.config, values={**self.config.values, "fresh_for": 0.0})

    async def open(self, name, filename):
        page = await self.page(name)
        return await self.source.open(page, page.file(filename))

    async def read(self, name, filename):
        """The whole body, as a client would get it; back when it is stored too."""
        body = await self.open(name, filename)
        whole = b"".join([chunk async for chunk in body.read()])
        await body.wait()
        return whole

    async def held(self):
        """The digests in the store."""
        return {digest async for digest in self.blobs.walk()}

    async def events(self, kind):
        return [e.event for e in await self.catalog.read(ledger.after, 0, 1000, "", kind)]
