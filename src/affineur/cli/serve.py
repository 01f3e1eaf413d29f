"""Long-running commands: the server, in one process or several on one port, and the worker."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import structlog

from affineur.app import App
from affineur.cli.listening import tls
from affineur.cli.memory import bound_allocator
from affineur.cli.parent import Parent
from affineur.cli.process import Reload, run_process
from affineur.config import Config
from affineur.worker import Worker


def serve(config: Config, reload: Reload) -> None:
    """Serve until told to stop; with `workers` above one as a parent with that many processes."""
    _log_plainly()
    bound_allocator()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    tls(config)  # wrong files are told of once, by the parent
    if config.workers <= 1:
        asyncio.run(run_process(config, reload))
    else:
        Parent(config, reload).run()


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
