"""Processes of their own in which uploaded files are examined.

A file that takes too long, or too much memory, ends only the process that examines it. The
processes start with the first upload and end when none has come for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import replace

import msgspec

from affineur.errors import InvalidArchive
from affineur.standards import examination
from affineur.standards.archives import Inspection
from affineur.standards.examination import Job, Outcome

_MEMORY = 2**30
"""Bytes of address space of each process."""
_IDLE = 60.0
"""Seconds after which a process without work ends."""
_HEAD = 8
_DECODER = msgspec.json.Decoder(Outcome)


class Examiners:
    """A few processes that examine uploads, one file at a time each."""

    def __init__(self, seconds: float, most: int | None = None) -> None:
        """Take the seconds that one file may take and how many processes there may be."""
        self._seconds = seconds
        self._free = asyncio.Semaphore(most or min(4, max(2, os.cpu_count() or 1)))
        self._idle: list[tuple[Process, asyncio.TimerHandle]] = []

    async def examine(self, job: Job) -> Inspection:
        """Examine a file in one of the processes.

        Raises:
            InvalidArchive: it breaks a rule, or takes too long or too much memory.
            InvalidDocument, InvalidUpload: its metadata or form is wrong.
        """
        async with self._free:
            process = await self._take()
            try:
                outcome = await self._ask(process, replace(job, seconds=self._seconds))
            except BaseException:
                await _end(process)
                raise
            self._give_back(process)
        return outcome.result()

    async def _take(self) -> Process:
        while self._idle:
            process, timer = self._idle.pop()
            timer.cancel()
            if process.returncode is None:
                return process
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", examination.__name__, str(_MEMORY), stdin=PIPE, stdout=PIPE, start_new_session=True
        )

    def _give_back(self, process: Process) -> None:
        timer = asyncio.get_running_loop().call_later(_IDLE, self._retire, process)
        self._idle.append((process, timer))

    def _retire(self, process: Process) -> None:
        """End a process by the end of its input."""
        self._idle = [(kept, timer) for kept, timer in self._idle if kept is not process]
        if process.stdin is not None:
            process.stdin.close()

    async def _ask(self, process: Process, job: Job) -> Outcome:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(examination.framed(job))
            await process.stdin.drain()
            head = await process.stdout.readexactly(_HEAD)
            return _DECODER.decode(await process.stdout.readexactly(examination.length_in(head)))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise InvalidArchive(job.filename, "bomb", self._ended(await process.wait())) from None

    def _ended(self, code: int) -> str:
        if code == -signal.SIGALRM:
            return f"takes more than {self._seconds:g} seconds to examine (setting inspection_time)"
        return "cannot be examined: the process that read it ended, most likely for want of memory"

    async def close(self) -> None:
        """End every process."""
        idle, self._idle = self._idle, []
        for process, timer in idle:
            timer.cancel()
            await _end(process)


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
