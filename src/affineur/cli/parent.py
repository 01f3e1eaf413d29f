"""The parent of several serving processes."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time

import structlog

from affineur.cli.listening import listen
from affineur.cli.process import Reload, run_process
from affineur.config import Config
from affineur.errors import AffineurError

_log = structlog.get_logger("affineur")
_YOUNG = 10.0
"""Seconds after the start in which a process that ends shows that none will do."""


class Parent:
    """Keeps the serving processes: starts those that end again, passes signals on.

    It holds the port without listening on it, and a pipe whose end tells the processes that it is gone.
    """

    def __init__(self, config: Config, reload: Reload) -> None:
        self.config, self._reload = config, reload
        self._context = multiprocessing.get_context("fork")
        self._held = listen(config)
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
            asyncio.run(run_process(self._latest(), self._reload, self._pipe[0], greets=greets))
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
