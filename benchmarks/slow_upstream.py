"""An upstream that answers late or sends slowly, and counts what is fetched."""

import asyncio
import contextlib
import threading
from collections import Counter
from pathlib import Path

from aiohttp import web

from benchmarks.tree_copy import JSON
from tests.support.distributions import wheel_name
from tests.support.server import free_port


class SlowUpstream:
    """The tree, served from a thread; `delay` in seconds before each answer, `rate` in bytes a second."""

    def __init__(self, folder: Path, *, delay=0.0, rate=None):
        self.folder, self.delay, self.rate = folder, delay, rate
        self.port = free_port()
        self._counts = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def file(self, project):
        """The path of the first file of a project."""
        return f"/files/{wheel_name(project, '1.0')}"

    def fetched(self, project):
        """How often that file was asked for."""
        return self._counts[self.file(project)]

    def __enter__(self):
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _start(self):
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=512).start()

    async def _answer(self, request):
        path = request.rel_url.path
        if request.method == "GET":
            self._counts[path] += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        if path.endswith("/"):
            accept = request.headers.get("Accept", "")
            form, kind = ("json", JSON) if "json" in accept else ("html", "text/html")
            place, headers = self.folder / path.strip("/") / f"index.{form}", {"Content-Type": kind}
        else:
            place, headers = self.folder / path.strip("/"), {"Content-Type": "application/octet-stream"}
        if not place.is_file():
            return web.Response(status=404)
        if self.rate is None:
            return web.FileResponse(place, headers=headers)
        return await self._slowly(request, place, headers)

    async def _slowly(self, request, place, headers):
        body = place.read_bytes()
        response = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
        await response.prepare(request)
        piece = max(1, self.rate // 100)
        with contextlib.suppress(ConnectionError):  # whoever asked may have seen enough
            for start in range(0, len(body), piece):
                await response.write(body[start : start + piece])
                await asyncio.sleep(piece / self.rate)
        return response
