"""Processes of their own for work on hostile files, as seen from outside.

A file that takes too long, or too much memory, ends only the process that works on it. The
processes start with the first job and end when none has come for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any

import msgspec

from affineur.standards.apart import HEAD, framed, length_in

_MEMORY = 2**30
"""Bytes of address space of each process."""
_IDLE = 60.0
"""Seconds after which a process without work ends."""


class Ended(Exception):
    """The process ended in the middle of a job; `late` says whether it was for the time the job took."""

    def __init__(self, *, late: bool) -> None:
        super().__init__("too slow" if late else "ended")
        self.late = late


class Workshop:
    """A few processes of one program, one job at a time each."""

    def __init__(self, program: str, answer: Any, most: int | None = None) -> None:
        """Take the module to run, the type of its answers and how many processes there may be."""
        self._program = program
        self._decoder = msgspec.json.Decoder(answer)
        self._free = asyncio.Semaphore(most or min(4, max(2, os.cpu_count() or 1)))
        self._idle: list[tuple[Process, asyncio.TimerHandle]] = []
        self._preparing: asyncio.Task[None] | None = None

    def prepare(self) -> None:
        """Have a process wait for the first job, which would else wait for its start; returns at once."""
        if self._idle or self._preparing is not None:
            return
        self._preparing = asyncio.create_task(self._start(), name=f"starting {self._program}")
        self._preparing.add_done_callback(self._prepared)

    async def _start(self) -> None:
        async with self._free:
            if not self._idle:
                self._give_back(await self._take())

    def _prepared(self, done: asyncio.Task[None]) -> None:
        self._preparing = None
        done.cancelled() or done.exception()  # the first job fails the same way, and says so

    async def do(self, job: object) -> Any:
        """Have a job done and return the answer.

        Raises:
            Ended: the process ended in the middle of it.
        """
        async with self._free:
            process = await self._take()
            try:
                answer = await self._ask(process, job)
            except BaseException:
                await _end(process)
                raise
            self._give_back(process)
        return answer

    async def _take(self) -> Process:
        while self._idle:
            process, timer = self._idle.pop()
            timer.cancel()
            if process.returncode is None:
                return process
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._program, str(_MEMORY), stdin=PIPE, stdout=PIPE, start_new_session=True
        )

    def _give_back(self, process: Process) -> None:
        timer = asyncio.get_running_loop().call_later(_IDLE, self._retire, process)
        self._idle.append((process, timer))

    def _retire(self, process: Process) -> None:
        """End a process by the end of its input."""
        self._idle = [(kept, timer) for kept, timer in self._idle if kept is not process]
        if process.stdin is not None:
            process.stdin.close()

    async def _ask(self, process: Process, job: object) -> Any:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(framed(job))
            await process.stdin.drain()
            head = await process.stdout.readexactly(HEAD)
            return self._decoder.decode(await process.stdout.readexactly(length_in(head)))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Ended(late=await process.wait() == -signal.SIGPROF) from None

    async def close(self) -> None:
        """End every process."""
        if self._preparing is not None:
            await asyncio.gather(self._preparing, return_exceptions=True)
        idle, self._idle = self._idle, []
        for process, timer in idle:
            timer.cancel()
            await _end(process)


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
