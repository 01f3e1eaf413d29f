"""The inside of a process of its own: jobs in, answers out, with bounds that a hostile file may exhaust alone.

Messages go through pipes as their length and JSON. The process ends itself when a job takes too
much time of the processor: a busy machine makes no file too slow.
"""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec

HEAD = 8
"""Bytes in which the length of a message is told, before the message."""


class Job(Protocol):
    """What every job tells."""

    @property
    def seconds(self) -> float:
        """The time of the processor after which the process that does it ends itself; 0: never."""
        ...


J = TypeVar("J", bound=Job)


def framed(message: object) -> bytes:
    """Return a message as it goes through a pipe: its length, then JSON."""
    body = msgspec.json.encode(message)
    return len(body).to_bytes(HEAD, "big") + body


def length_in(head: bytes) -> int:
    """Return the length that the first bytes of a message tell."""
    return int.from_bytes(head, "big")


def serve(kind: type[J], answer: Callable[[J], object]) -> None:
    """Answer jobs on standard input until it ends; with a bounded memory, and without writing files.

    The bound, in bytes, is the program's argument.
    """
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # An alarm must end the process even in the middle of a long call into C.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    decoder = msgspec.json.Decoder(kind)
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(HEAD)) == HEAD:
        job = decoder.decode(source.read(length_in(head)))
        signal.setitimer(signal.ITIMER_PROF, job.seconds)
        made = answer(job)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(framed(made))
        answers.flush()
