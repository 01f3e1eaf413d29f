"""Work beside requests that goes on as long as the program does: what ends for a fault is begun again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

_log = structlog.get_logger("affineur")
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
"""Seconds between an end and the next beginning; they double, up to the longest. What ran that long begins anew."""


@dataclass
class Standing:
    """How a piece of work stands."""

    faults: int = 0
    """How often it ended since the program started."""
    runs: bool = True
    """False between an end and the next beginning."""


class Background:
    """The work of one process, by its name."""

    def __init__(self, first_pause: float = _FIRST_PAUSE) -> None:
        self.standing: dict[str, Standing] = {}
        self._first_pause = first_pause

    @property
    def failing(self) -> list[str]:
        """The names of what ended and was not begun again yet."""
        return sorted(name for name, standing in self.standing.items() if not standing.runs)

    def begin(self, name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Begin work that ends only when it is cancelled; return the task to cancel."""
        return asyncio.create_task(self._keep(name, work), name=name)

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        standing = self.standing[name] = Standing()
        pause = self._first_pause
        try:
            while True:
                began = time.monotonic()
                try:
                    await work()
                    problem: Exception | None = None
                except Exception as error:  # noqa: BLE001 - whatever it was, others wait for this work to go on
                    problem = error
                standing.faults += 1
                standing.runs = False
                pause = self._first_pause if time.monotonic() - began > _LONGEST_PAUSE else pause
                _log.error("work in the background ended", task=name, again_in=pause, exc_info=problem)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                standing.runs = True
        finally:
            self.standing.pop(name, None)
