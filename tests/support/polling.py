"""Waiting for what happens in the background."""

import asyncio
import inspect
import time


def eventually(answer, *, seconds=20.0):
    """Ask until there is an answer that is true, and return it; after so many seconds return the last one."""
    deadline = time.monotonic() + seconds
    while not (given := answer()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return given


def until(answer, *, seconds=30.0, wanted="what was waited for"):
    """Ask until there is an answer that is true, and return it; fail, naming what was wanted, where there is none."""
    given = eventually(answer, seconds=seconds)
    assert given, f"{wanted}: not within {seconds} seconds"
    return given


async def eventually_in_loop(answer, *, seconds=20.0):
    """The same within an event loop; what `answer` returns may have to be awaited."""
    deadline = time.monotonic() + seconds
    while True:
        given = answer()
        if inspect.isawaitable(given):
            given = await given
        if given or time.monotonic() >= deadline:
            return given
        await asyncio.sleep(0.02)
