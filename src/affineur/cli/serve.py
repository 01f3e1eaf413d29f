"""Running the server: one process or several on one port, reloaded without dropping connections."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog
from aiohttp import web

from affineur.app import App
from affineur.cli.commands import sitting_here
from affineur.cli.memory import bound_allocator
from affineur.config import Config
from affineur.errors import AffineurError, InvalidConfig, StorageUnavailable
from affineur.operations import policies
from affineur.operations.advisories import alarm
from affineur.sources import unattended
from affineur.storage.catalog import advisories, principals
from affineur.web.hot import HotServer
from affineur.web.server import Server
from affineur.worker import Worker

_log = structlog.get_logger("affineur")
_GRACE = 10.0
"""Seconds that running requests are given when the server is told to stop."""
_YOUNG = 10.0
"""Seconds after the start in which a process that ends shows that none will do."""
_FIXED = ("host", "port", "workers", "tls_cert", "tls_key")
"""Settings that take a restart."""

Reload = Callable[[], Config]


def _listen(config: Config) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise AffineurError(f"{config.host}:{config.port} cannot be listened on: {error.strerror}") from error
    return listener


def _tls(config: Config) -> ssl.SSLContext | None:
    if not config.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _certify(context, config)
    return context


def _certify(context: ssl.SSLContext, config: Config) -> None:
    """Have new connections use the certificate and key as they lie there now."""
    for name, path in (("tls_cert", config.tls_cert), ("tls_key", config.tls_key)):
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise InvalidConfig(config.origin, [f"{name}: {path} cannot be read: {error.strerror}"]) from error
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except ssl.SSLError as error:
        told = f"tls_cert, tls_key: a certificate chain and its key are wanted, both PEM: {error.reason or error}"
        raise InvalidConfig(config.origin, [told]) from error


class _Opened:
    """An app with what runs beside its requests."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._tasks = [asyncio.create_task(app.site.watch(), name="looking for changes")]
        if app.config.run_jobs:
            worker = Worker(app.context(), app.config.jobs_at_once)
            self._tasks.append(asyncio.create_task(worker.run(), name="working on jobs"))
        for task in self._tasks:
            task.add_done_callback(unattended.ended)

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


class _Process:
    """One serving process: a port, and the app that is served on it now."""

    def __init__(self, config: Config, reload: Reload) -> None:
        self.config, self._reload = config, reload
        self._tls = _tls(config)
        self._opened = _Opened(App(config))
        self._server = Server(self._opened.app.site)
        self._closing: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()

    async def run(self, parent: int | None, *, greets: bool) -> None:
        """Serve until a signal, or until the parent behind the pipe `parent` is gone; of several processes one greets."""
        server = HotServer(self._server.handle, self._server)
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=_GRACE)
        await runner.setup()
        await web.SockSite(runner, _listen(self.config), ssl_context=self._tls, backlog=1024).start()
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, stopped.set)
        loop.add_signal_handler(signal.SIGHUP, self._later)
        await _record_policies(self._opened.app)
        if greets:
            await _greet(self._opened.app)
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
                _tls(config)
                app = await asyncio.to_thread(App, config)
            except (AffineurError, OSError) as error:
                _log.error("configuration not reloaded, nothing changed", problem=str(error))
                return
            if self._tls is not None and config.tls_cert:
                _certify(self._tls, config)
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


async def stale_advisories(app: App) -> str:
    """Return what is wrong with the advisories held, in a sentence; "" when nothing is."""
    feeds = await app.catalog.read(advisories.feeds)
    return alarm(feeds, app.config.advisories_max_age, datetime.now(UTC))


async def _greet(app: App) -> None:
    config = app.config
    origin = config.address
    print(
        f"affineur serves {origin}/{config.default_index}/simple/  (data in {config.data_path.absolute()})", flush=True
    )
    print(f"  pip install --index-url {origin}/{config.default_index}/simple/ NAME", flush=True)
    if text := await stale_advisories(app):
        print(f"  {text}", flush=True)
    if app.pip.ignored and any(mirror.upstream == "pip" for mirror in config.mirrors.values()):
        print(f"  not taken over from pip's configuration: {', '.join(app.pip.ignored)}", flush=True)
    if guarded := [index.name for index in config.indexes.values() if not index.anonymous]:
        print(f"  reading needs a token: {', '.join(guarded)}", flush=True)
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


async def _serve(config: Config, reload: Reload, parent: int | None = None, *, greets: bool = True) -> None:
    await _Process(config, reload).run(parent, greets=greets)


def serve(config: Config, reload: Reload) -> None:
    """Serve until told to stop; with `workers` above one as a parent with that many processes."""
    _log_plainly()
    bound_allocator()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _tls(config)  # wrong files are told of once, by the parent
    if config.workers <= 1:
        asyncio.run(_serve(config, reload))
    else:
        _Parent(config, reload).run()


class _Parent:
    """Keeps the serving processes: starts those that end again, passes signals on.

    It holds the port without listening on it, and a pipe whose end tells the processes that it is gone.
    """

    def __init__(self, config: Config, reload: Reload) -> None:
        self.config, self._reload = config, reload
        self._context = multiprocessing.get_context("fork")
        self._held = _listen(config)
        self._pipe = os.pipe()
        self._processes: list[multiprocessing.context.ForkProcess] = []
        self._stopping = False
        self._began = time.monotonic()

    def run(self) -> None:
        """Keep them until told to stop."""
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, lambda number, _frame: self._pass_on(number))
        self._processes = [self._start(greets=number == 0) for number in range(self.config.workers)]
        print(f"affineur: {self.config.workers} processes on {self.config.host}:{self.config.port}", flush=True)
        code = 0
        while self._processes:
            multiprocessing.connection.wait([process.sentinel for process in self._processes])
            code = max(code, self._replace())
        sys.exit(code)

    def _start(self, *, greets: bool = False) -> multiprocessing.context.ForkProcess:
        process = self._context.Process(target=self._child, args=(greets,))
        process.start()
        return process

    def _child(self, greets: bool) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)
        os.close(self._pipe[1])
        self._held.close()
        try:
            asyncio.run(_serve(self._latest(), self._reload, self._pipe[0], greets=greets))
        except AffineurError as error:
            print(f"affineur: {error.sentence}", file=sys.stderr, flush=True)
            sys.exit(1)

    def _latest(self) -> Config:
        """Return the configuration as it is now; the one of the start where it is wrong meanwhile."""
        try:
            return self._reload()
        except AffineurError as error:
            _log.error("the configuration of the start is used", problem=error.sentence)
            return self.config

    def _replace(self) -> int:
        """Start those that ended again, unless they show at the start that they cannot run; return the exit code."""
        for process in [p for p in self._processes if not p.is_alive()]:
            self._processes.remove(process)
            if self._stopping:
                continue
            _log.error("a server process ended", pid=process.pid, exit_code=process.exitcode)
            if process.exitcode == 1 and time.monotonic() - self._began < _YOUNG:
                self._pass_on(signal.SIGTERM)
                return 1
            time.sleep(0.2)
            self._processes.append(self._start())
        return 0

    def _pass_on(self, number: int) -> None:
        self._stopping = self._stopping or number != signal.SIGHUP
        for process in self._processes:
            if process.pid is not None and process.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)


def work(config: Config) -> None:
    """Do work in the background until told to stop."""
    _log_plainly()
    bound_allocator()
    asyncio.run(_work(config))


async def _work(config: Config) -> None:
    app = App(config)
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(Worker(app.context(), config.jobs_at_once).run())
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    print(f"affineur works on jobs  (data in {config.data_path.absolute()})", flush=True)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        await app.close()
