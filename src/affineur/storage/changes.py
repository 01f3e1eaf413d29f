"""A counter shared by the processes of a machine that says only that something changed."""

from __future__ import annotations

import mmap
import os
import secrets
from pathlib import Path

_LENGTH = 8


class ChangeCounter:
    """Eight bytes mapped into every process; reading costs no system call."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size < _LENGTH:
                os.ftruncate(descriptor, _LENGTH)
            self._map = mmap.mmap(descriptor, _LENGTH)
        finally:
            os.close(descriptor)
        self._words = memoryview(self._map).cast("Q")
        self._own = secrets.randbits(31) << 32

    def read(self) -> int:
        """Return the present value."""
        return int(self._words[0])

    def bump(self) -> None:
        """Write a value that was never written before, so that no change looks like none."""
        self._own += 1
        self._words[0] = self._own
