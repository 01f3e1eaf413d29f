"""Commands of affineur that need not load it: forked from a process that has it loaded.

The first run of each command in a run of the tests is the real one, `python -m affineur`.
"""

import atexit
import functools
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support import fork_server, session

_ROOT = Path(__file__).resolve().parents[2]
_WORD = re.compile(r"[a-z][a-z-]*")


@functools.cache
def _listening():
    """Start the process that forks, once in each process of tests; return the path of its socket."""
    folder = tempfile.mkdtemp(prefix="affineur-fork-")
    path = f"{folder}/socket"
    server = subprocess.Popen(
        [sys.executable, "-m", fork_server.__name__, path], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )

    def end():
        server.stdin.close()
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    if not server.stdout.readline():
        raise AssertionError("the process that forks did not start")
    return path


class Forked:
    """A running command, with what `subprocess.Popen` tells of one."""

    def __init__(self, arguments, *, environment, stdin=None, stdout, stderr, cwd=None, alone=False):
        self.returncode = None
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.connect(_listening())
        request = {
            "arguments": [str(argument) for argument in arguments],
            "environment": environment,
            "folder": str(cwd or os.getcwd()),
            "alone": alone,
        }
        with open(os.devnull, "rb") as nothing:
            streams = [stream.fileno() for stream in (stdin or nothing, stdout, stderr)]
            fork_server.send(self._connection, request, streams)
        self.pid = int(self._connection.recv(32))

    def poll(self):
        return self._ended(0)

    def wait(self, timeout=None):
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return self.returncode

    def _ended(self, timeout):
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                told = self._connection.recv(32)
            except (TimeoutError, BlockingIOError):
                return None
            if not told:
                raise AssertionError("the process that forks has ended")
            self.returncode = int(told)
            self._connection.close()
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def run(arguments, *, environment, stdin=None, cwd=None, timeout=120):
    """Run a command to its end, as `subprocess.run` does with text and what is printed kept."""
    words = itertools.takewhile(_WORD.fullmatch, itertools.islice(arguments, 2))
    if session.first("-".join(["command", *words])):
        return subprocess.run(
            [sys.executable, "-m", "affineur", *arguments],
            env=environment, cwd=cwd, capture_output=True, text=True, input=stdin or "", timeout=timeout,
        )  # fmt: skip
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write((stdin or "").encode())
        given.seek(0)
        process = Forked(arguments, environment=environment, stdin=given, stdout=out, stderr=err, cwd=cwd)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        printed = []
        for stream in (out, err):
            stream.seek(0)
            printed.append(stream.read().decode())
    return subprocess.CompletedProcess(["affineur", *arguments], process.returncode, *printed)
