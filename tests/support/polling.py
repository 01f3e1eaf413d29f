"""Waiting for what happens in the background."""

import time


def eventually(answer, *, seconds=20.0):
    """Ask until there is an answer that is true, and return it; after so many seconds return the last one."""
    deadline = time.monotonic() + seconds
    while not (given := answer()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return given
