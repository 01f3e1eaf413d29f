"""affineur inside the test's own loop, for what cannot be seen from outside: statements, handled requests."""

import asyncio
import contextlib
import re

import sqlalchemy as sa
from aiohttp import web

from affineur import config
from affineur.app import App
from affineur.web.hot import HotServer
from affineur.web.server import Server

JSON = "application/vnd.pypi.simple.v1+json"


class _Counting(Server):
    handled = 0

    async def handle(self, request):
        self.handled += 1
        return await super().handle(request)


class InProcess:
    """A served app; `handled` are the requests that were not answered from memory."""

    def __init__(self, data, upstream, *, path=None, **settings):
        overrides = {"data": str(data), "port": 1, "run_jobs": False, "min_free": 0, **settings}
        self.app = App(config.load(path, overrides=overrides, environment={}, upstream=upstream))
        self.site = self.app.site
        self.server = _Counting(self.site)
        self.statements = []
        sa.event.listen(self.app.catalog.engine, "before_cursor_execute", self._executed)

    def _executed(self, _connection, _cursor, statement, *_rest):
        self.statements.append(statement)

    @property
    def handled(self):
        return self.server.handled

    async def __aenter__(self):
        self.hot = HotServer(self.server.handle, self.server)
        self.runner = web.ServerRunner(self.hot, handle_signals=False, shutdown_timeout=1)
        await self.runner.setup()
        place = web.TCPSite(self.runner, "127.0.0.1", 0)
        await place.start()
        self.port = place._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        await self.runner.cleanup()
        await self.app.close()

    @contextlib.asynccontextmanager
    async def connection(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()

    async def settled(self):
        """Wait until what was fetched is stored, which may be after whoever asked for it has it."""
        seen = -1
        while seen != len(self.statements):
            seen = len(self.statements)
            await asyncio.sleep(0.1)

    async def ask(self, head):
        """Send a request head on a connection of its own; return the answer's bytes."""
        async with self.connection() as client:
            return await client.ask(head)


class Client:
    """A connection on which requests are written byte by byte."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def ask(self, head):
        self.writer.write(head)
        return await self.answer(bodyless=head.startswith(b"HEAD"))

    async def answer(self, *, bodyless=False):
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if bodyless or b" 304 " in head.partition(b"\r\n")[0] or length is None:
            return head
        return head + await asyncio.wait_for(self.reader.readexactly(int(length[1])), 10)


def head(path, *lines, method="GET"):
    """The bytes of a request head."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


def undated(answer):
    """An answer without the moment it was given at."""
    return re.sub(rb"\r\nDate: [^\r]+", b"\r\nDate: now", answer, count=1)
