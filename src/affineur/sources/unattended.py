"""Tasks whose end nobody may be waiting for."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from affineur.errors import AffineurError

_log = structlog.get_logger("affineur.sources")


def ended(task: asyncio.Task[Any]) -> None:
    """Look how a task ended, as its callback: an error that says itself what is wrong may pass, a fault is logged."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, AffineurError):
        _log.error("work in the background failed", task=task.get_name(), exc_info=error)
