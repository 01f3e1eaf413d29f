"""Memory that a long-running process no longer needs, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of the C library's mallopt (malloc.h)."""


def bound_allocator() -> None:
    """Have the C library keep less of what was freed; nothing happens where it is not glibc.

    Left alone it raises the size from which blocks are mapped one by one as soon as a large one is
    freed, and keeps an arena for each thread: pages rendered once then stay in the process for ever.
    Measured after the load of tests/flows/test_resources.py: 155 MB instead of 188 to 202.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in ((_ARENA_MAX, 2), (_MMAP_THRESHOLD, 512 * 1024), (_TRIM_THRESHOLD, 1024 * 1024)):
            mallopt(parameter, value)
