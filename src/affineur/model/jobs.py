"""Work to be done later: what a job is and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """Every attempt failed; it stays until somebody asks for it again."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands in its row, which alone is the truth."""

    id: str
    kind: str
    """The name of the operation that does it."""
    arguments: dict[str, Any]
    state: State
    attempts: int
    """How often it was begun."""
    added_at: datetime
    due_at: datetime
    """Waiting: when it may begin. Running: when its lease ends and others may take it."""
    owner: str = ""
    """A mark of this attempt alone: who lost the lease cannot write with it."""
    ended_at: datetime | None = None
    problem: str = ""
    """What went wrong in the last attempt, in a sentence."""
