"""An uploaded file judged as a whole: its archive, its metadata and what the form says of it.

Run as a program (`python -m affineur.standards.examination`) it reads jobs from standard input
and answers each on standard output, in a process that a hostile file may exhaust alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from affineur.errors import InvalidArchive, InvalidDocument, InvalidUpload
from affineur.standards import apart, archives, attestations, core_metadata

_STANDING_STILL = 20

_ERRORS = {"InvalidArchive": InvalidArchive, "InvalidDocument": InvalidDocument, "InvalidUpload": InvalidUpload}


@dataclass(frozen=True, slots=True)
class Job:
    """A file to examine, with the claims that are made about it."""

    path: str
    filename: str
    filetype: str
    """`sdist` or `bdist_wheel`, as the form says."""
    form: dict[str, list[str]]
    """The core metadata as the form states it; see `upload_form.UploadForm.metadata`."""
    sha256: str
    limits: archives.Limits
    attestations: list[Any] | None = None
    direct_references: bool = False
    """Whether dependencies may be given as `name @ address`."""
    seconds: float = 0.0
    """Processor time after which the process that examines it ends itself; 0: never."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job: an inspection, or the error as its name and arguments."""

    inspection: archives.Inspection | None = None
    error: str = ""
    arguments: tuple[str, ...] = ()

    def result(self) -> archives.Inspection:
        """Return the inspection.

        Raises:
            InvalidArchive, InvalidDocument, InvalidUpload: the job's own error.
        """
        if self.inspection is None:
            raise _ERRORS[self.error](*self.arguments)
        return self.inspection


def examine(job: Job) -> archives.Inspection:
    """Examine a file, the cheap comparisons first.

    Raises:
        InvalidArchive: the file breaks a rule for archives.
        InvalidDocument: its metadata is not as the specification wants it.
        InvalidUpload: form, metadata or attestations contradict the file.
    """
    inspection = archives.inspect(Path(job.path), job.filename, job.limits)
    if inspection.kind != job.filetype:
        raise InvalidUpload("filetype", f"{job.filename} is not a {job.filetype}")
    name = next(iter(job.form.get("name", [])), "")
    if canonicalize_name(name) != inspection.name:
        raise InvalidUpload("name", f"{name[:80]!r} is not the project that {job.filename} names")
    core_metadata.check(inspection.metadata, core_metadata.MetadataLimits(direct_references=job.direct_references))
    if problems := core_metadata.differences(job.form, inspection.metadata):
        raise InvalidUpload("", "the form and the file's metadata differ: " + "; ".join(problems))
    if job.attestations:
        attestations.check(job.attestations, job.filename, job.sha256)
    return inspection


def outcome_of(job: Job) -> Outcome:
    """Examine a file and return what came of it, errors included."""
    try:
        return Outcome(examine(job))
    except InvalidArchive as error:
        arguments = (error.filename, error.rule, error.problem, error.member)
        return Outcome(None, "InvalidArchive", arguments)
    except InvalidDocument as error:
        return Outcome(None, "InvalidDocument", (error.document, error.problem, error.where))
    except InvalidUpload as error:
        return Outcome(None, "InvalidUpload", (error.field, error.problem))
    except MemoryError:
        return Outcome(None, "InvalidArchive", (job.filename, "bomb", "takes too much memory to examine", ""))


if __name__ == "__main__":
    apart.serve(Job, outcome_of)
