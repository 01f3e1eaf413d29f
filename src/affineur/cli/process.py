"""One serving process: a port, and the app that is served on it, replaced without dropping connections."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import structlog
from aiohttp import web

from affineur.app import App
from affineur.cli.commands import sitting_here
from affineur.cli.greeting import greet
from affineur.cli.listening import certify, listen, tls
from affineur.config import Config
from affineur.errors import AffineurError, StorageUnavailable
from affineur.operations import policies
from affineur.web.hot import HotServer
from affineur.web.server import Server
from affineur.worker import Worker

_log = structlog.get_logger("affineur")
_GRACE = 10.0
"""Seconds that running requests are given when the server is told to stop."""
_FIXED = ("host", "port", "workers", "tls_cert", "tls_key")
"""Settings that take a restart."""

Reload = Callable[[], Config]
"""Reads the configuration as it is now."""


class _Opened:
    """An app with what runs beside its requests."""

    def __init__(self, app: App) -> None:
        self.app = app
        background = app.site.background
        self._tasks = [background.begin("looking for changes", app.site.watch)]
        if app.config.run_jobs:
            worker = Worker(app.context(), app.config.jobs_at_once, background=background)
            self._tasks.append(asyncio.create_task(worker.run()))

    async def drained(self) -> None:
        """Close once no request is answered by it any more."""
        while self.app.site.active:  # noqa: ASYNC110 - counting must cost requests nothing, and nobody waits here
            await asyncio.sleep(0.2)
        await self.close()

    async def close(self) -> None:
        """Stop what runs beside and close the app."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.app.close()


class Process:
    """One serving process: a port, and the app that is served on it now."""

    def __init__(self, config: Config, reload: Reload) -> None:
        self.config, self._reload = config, reload
        self._tls = tls(config)
        self._opened = _Opened(App(config))
        self._server = Server(self._opened.app.site)
        self._closing: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()

    async def run(self, parent: int | None, *, greets: bool) -> None:
        """Serve until a signal, or until the parent behind the pipe `parent` is gone; of several processes one greets."""
        server = HotServer(self._server.handle, self._server)
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=_GRACE)
        await runner.setup()
        await web.SockSite(runner, listen(self.config), ssl_context=self._tls, backlog=1024).start()
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self._later)
        await _record_policies(self._opened.app)
        if greets:
            await greet(self._opened.app)
        if parent is not None:
            loop.add_reader(parent, stopped.set)
        await stopped.wait()
        if parent is not None:
            loop.remove_reader(parent)
        await runner.cleanup()
        await asyncio.gather(self._opened.close(), *self._closing, return_exceptions=True)

    def _later(self) -> None:
        self._keep(asyncio.create_task(self._again()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _again(self) -> None:
        """Serve by the configuration as it is now, unless it is wrong; running requests end on the old one."""
        async with self._reloading:
            try:
                config = self._reload()
                tls(config)
                app = await asyncio.to_thread(App, config)
            except (AffineurError, OSError) as error:
                _log.error("configuration not reloaded, nothing changed", problem=str(error))
                return
            if self._tls is not None and config.tls_cert:
                certify(self._tls, config)
            before, self._opened = self._opened, _Opened(app)
            self._server.site = app.site
            await _record_policies(app)
            self._keep(asyncio.create_task(before.drained()))
            wait = [name for name in _FIXED if getattr(config, name) != getattr(self.config, name)]
            _log.info(
                "configuration reloaded", origin=config.origin, **({"restart_for": ",".join(wait)} if wait else {})
            )


async def _record_policies(app: App) -> None:
    """Enter the policies served by into the ledger where they changed, with who started the server."""
    in_use = {name: app.policies[index.policy] for name, index in app.config.indexes.items()}
    try:
        await app.catalog.write(policies.record, in_use, sitting_here())
    except StorageUnavailable as error:
        _log.error("the policies in use are not in the ledger", problem=error.sentence)


async def run_process(config: Config, reload: Reload, parent: int | None = None, *, greets: bool = True) -> None:
    """Open what is served and serve it; as `Process.run`."""
    await Process(config, reload).run(parent, greets=greets)
