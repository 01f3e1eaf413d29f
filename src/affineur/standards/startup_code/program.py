"""The scanner as a program: jobs on standard input, scans on standard output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from affineur.model.scans import Scan
from affineur.standards import apart
from affineur.standards.startup_code.scan import REVISION, scan

_ALLOWANCE = 5.0
"""Seconds by which the process outlives the scan's own bound, which cannot look in the middle of a parse."""


@dataclass(frozen=True, slots=True)
class Job:
    """A file to scan."""

    path: str
    filename: str
    limit: float = 20.0
    """Seconds of the processor after which the scan gives up by itself."""

    @property
    def seconds(self) -> float:
        """The time after which the process ends itself."""
        return self.limit + _ALLOWANCE


def scan_of(job: Job) -> Scan:
    """Scan a file; want of memory is a scan that was not finished."""
    try:
        return scan(Path(job.path), job.filename, seconds=job.limit)
    except (MemoryError, RecursionError):
        return Scan(REVISION, problem="scanning it takes more memory than it may")


if __name__ == "__main__":
    apart.serve(Job, scan_of)
