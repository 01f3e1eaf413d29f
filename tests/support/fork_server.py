"""A process that has affineur loaded and forks for each command that it is asked to run.

Loading costs a command more processor time than what it does. What runs here is the same entry as that of
`python -m affineur`, in a process of its own, with the arguments, environment, folder and streams of whoever
asked. Run as a program: it listens on the socket whose path is its argument, until its standard input ends.
"""

import array
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
import time

_LONGEST = 1 << 20
"""Bytes of a request at most: arguments and environment."""


def send(connection, request, descriptors):
    """Ask for a process, on a connection of its own."""
    streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    connection.sendmsg([json.dumps(request).encode()], streams)


def _receive(connection):
    body, descriptors, _flags, _address = socket.recv_fds(connection, _LONGEST, 3)
    return json.loads(body), descriptors


def _load():
    """Import all of affineur, and what it imports late."""
    import affineur

    for module in pkgutil.walk_packages(affineur.__path__, "affineur."):
        if not module.name.endswith("__main__") and ".versions." not in module.name:
            importlib.import_module(module.name)
    for name in ("alembic.operations", "alembic.script", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"):
        importlib.import_module(name)
    for arguments in (["--version"], ["user", "--help"]):
        _enter(arguments)
    gc.freeze()


def _enter(arguments):
    """Run a command that does nothing, for what is imported on the way."""
    from affineur.cli.entry import run

    sys.argv = ["affineur", *arguments]
    with open(os.devnull, "w") as nothing, contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
        with contextlib.suppress(SystemExit):
            run()


def _become(request, descriptors):
    """Take on, in a new process, what the asking one wants it to be."""
    if request["alone"]:
        os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv = ["affineur", *request["arguments"]]
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding="utf-8")
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w", closefd=False)), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )  # fmt: skip


class _Server:
    """Forks and tells of ends; `serve` returns in each new process, and ends this one with its standard input."""

    def __init__(self, path):
        self._running = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(path)
        self._listener.listen(64)
        awake, woken = socket.socketpair()
        for end in (awake, woken):
            end.setblocking(False)
        signal.set_wakeup_fd(woken.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._woken = awake
        self._kept = woken
        for source in (self._listener, self._woken, 0):
            self._selector.register(source, selectors.EVENT_READ)
        print("ready", flush=True)

    def serve(self):
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    if self._fork():
                        return
                elif key.fileobj is self._woken:
                    self._reap()
                elif not os.read(0, 1):
                    self._end()

    def _fork(self):
        connection, _ = self._listener.accept()
        request, descriptors = _receive(connection)
        pid = os.fork()
        if pid == 0:
            # As objects, each: one that is forgotten would close its number when that is another's.
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for kept in (self._selector, self._listener, self._woken, self._kept, connection, *self._running.values()):
                kept.close()
            _become(request, descriptors)
            return True
        for descriptor in descriptors:
            os.close(descriptor)
        self._running[pid] = connection
        self._tell(connection, pid)
        return False

    def _reap(self):
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                connection = self._running.pop(ended[0])
                self._tell(connection, os.waitstatus_to_exitcode(ended[1]))
                connection.close()

    def _end(self):
        """End, and with it what still runs: the tests were killed, or left something behind."""
        for pid in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        os._exit(0)

    def _tell(self, connection, number):
        with contextlib.suppress(OSError):
            connection.send(str(number).encode())


if __name__ == "__main__":
    path = sys.argv[1]
    _load()
    _Server(path).serve()
    runpy.run_module("affineur", run_name="__main__", alter_sys=True)
