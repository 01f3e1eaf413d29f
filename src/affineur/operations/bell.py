"""What wakes work that waits for something to do: a bell rung from any thread, or else a look at the clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class Bell:
    """Rings in the loop it was made in; nobody hears it while it is muffled."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._muffled = False

    def ring(self) -> None:
        """Wake who waits, or who is about to; called from any thread."""
        if not self._muffled:
            self._loop.call_soon_threadsafe(self._rung.set)

    def hush(self) -> None:
        """Forget that it rang: what comes from now on counts."""
        self._rung.clear()

    async def heard(self, seconds: float) -> None:
        """Wait until it rings, so many seconds at most."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)

    @contextlib.contextmanager
    def listened_to(self) -> Iterator[None]:
        """Let it ring while the block runs, and not after it: the loop may be closed then."""
        self._muffled = False
        try:
            yield
        finally:
            self._muffled = True
