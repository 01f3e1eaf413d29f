"""Running the server: one process or several on one port, reloaded without dropping connections."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from aiohttp import web

from affineur.app import App
from affineur.config import Config
from affineur.errors import AffineurError
from affineur.operations.advisories import alarm
from affineur.storage.catalog import advisories, principals
from affineur.web.server import Server

_log = structlog.get_logger("affineur")
_GRACE = 10.0

Reload = Callable[[], Config]


def _listen(config: Config) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((config.host, config.port))
    return listener


def _tls(config: Config) -> ssl.SSLContext | None:
    if not config.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(config.tls_cert, config.tls_key)
    return context


async def _run(config: Config, reload: Reload, *, greet: bool) -> None:
    app = App(config)
    server = Server(app.site)
    runner = web.ServerRunner(web.Server(server.handle, access_log=None), handle_signals=False)
    await runner.setup()
    listener = _listen(config)
    await web.SockSite(runner, listener, ssl_context=_tls(config), backlog=1024).start()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    apps = [app]
    loop.add_signal_handler(signal.SIGHUP, lambda: _reload(server, apps, reload))
    watch = asyncio.create_task(_watch(server))
    if greet:
        await _greet(app, listener.getsockname()[1])
    await stopped.wait()
    watch.cancel()
    await runner.cleanup()
    for opened in apps:
        await opened.close()


async def _watch(server: Server) -> None:
    while True:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(server.site.watch(), 5.0)


def _reload(server: Server, apps: list[App], reload: Reload) -> None:
    """Serve by the configuration as it is now, unless it is wrong; running requests end on the old one."""
    try:
        app = App(reload())
    except (AffineurError, OSError) as error:
        _log.error("configuration not reloaded", problem=str(error))
        return
    apps.append(app)
    server.site = app.site
    _log.info("configuration reloaded")


async def stale_advisories(app: App) -> str:
    """Return what is wrong with the advisories held, in a sentence; "" when nothing is."""
    feeds = await app.catalog.read(advisories.feeds)
    return alarm(feeds, app.config.advisories_max_age, datetime.now(UTC))


async def _greet(app: App, port: int) -> None:
    config = app.config
    scheme = "https" if config.tls_cert else "http"
    origin = config.public_url or f"{scheme}://{config.host}:{port}"
    print(
        f"affineur serves {origin}/{config.default_index}/simple/  (data in {config.data_path.absolute()})", flush=True
    )
    print(f"  pip install --index-url {origin}/{config.default_index}/simple/ NAME", flush=True)
    if text := await stale_advisories(app):
        print(f"  {text}", flush=True)
    if not await app.catalog.read(principals.users):
        print("  to upload, make a user and a token first:", flush=True)
        print(f"  affineur user add NAME --data {config.data_path}", flush=True)
        print(
            f"  affineur token create --user NAME --index internal --rights upload --data {config.data_path}",
            flush=True,
        )


def check_data(config: Config) -> list[str]:
    """Return what is wrong with the data that rules judge by, a sentence each."""

    async def ask() -> list[str]:
        app = App(config)
        try:
            text = await stale_advisories(app)
        finally:
            await app.close()
        return [text] if text else []

    return asyncio.run(ask())


def _worker(config: Config, reload: Reload) -> None:
    asyncio.run(_run(config, reload, greet=False))


def _log_plainly() -> None:
    """Log tracebacks without the values of variables, among which there may be secrets."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(),
        ]
    )


def serve(config: Config, reload: Reload) -> None:
    """Serve until told to stop; with `workers` above one as a parent with that many processes."""
    _log_plainly()
    if config.workers <= 1:
        asyncio.run(_run(config, reload, greet=True))
        return
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_worker, args=(config, reload)) for _ in range(config.workers)]
    for worker in workers:
        worker.start()
    print(f"affineur: {config.workers} processes on {config.host}:{config.port}", flush=True)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, _frame: _pass_on(workers, number))
    for worker in workers:
        worker.join()


def _pass_on(workers: list[multiprocessing.context.ForkProcess], number: int) -> None:
    for worker in workers:
        if worker.pid is not None and worker.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, number)
