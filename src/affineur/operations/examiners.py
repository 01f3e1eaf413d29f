"""Processes of their own in which uploaded files are examined."""

from __future__ import annotations

from dataclasses import replace

from affineur.errors import InvalidArchive
from affineur.sources.apart import Ended, Workshop
from affineur.standards import examination
from affineur.standards.archives import Inspection
from affineur.standards.examination import Job, Outcome


class Examiners:
    """A few processes that examine uploads, one file at a time each."""

    def __init__(self, seconds: float, most: int | None = None) -> None:
        """Take the seconds that one file may take and how many processes there may be."""
        self._seconds = seconds
        self._workshop = Workshop(examination.__name__, Outcome, most)

    async def examine(self, job: Job) -> Inspection:
        """Examine a file in one of the processes.

        Raises:
            InvalidArchive: it breaks a rule, or takes too long or too much memory.
            InvalidDocument, InvalidUpload: its metadata or form is wrong.
        """
        try:
            outcome: Outcome = await self._workshop.do(replace(job, seconds=self._seconds))
        except Ended as ended:
            problem = (
                f"takes more than {self._seconds:g} seconds to examine (setting inspection_time)"
                if ended.late
                else "cannot be examined: the process that read it ended, most likely for want of memory"
            )
            raise InvalidArchive(job.filename, "bomb", problem) from None
        return outcome.result()

    async def close(self) -> None:
        """End every process."""
        await self._workshop.close()
