"""Every error the program raises on purpose.

    AffineurError
    ├── Invalid                 what was given is wrong (kind "invalid")
    │   ├── InvalidName         a project or index name
    │   ├── InvalidDocument     a page, metadata file or other document that cannot be read
    │   ├── InvalidArchive      a wheel or sdist that breaks a rule
    │   ├── InvalidUpload       a form field or a file of an upload
    │   └── InvalidConfig       settings; carries every problem at once
    ├── NotFound                the thing is not here and nobody else would have it ("not-found")
    │   ├── ProjectUnknown
    │   ├── FileUnknown
    │   └── IndexUnknown
    ├── NotAcceptable           none of the representations asked for exists ("not-acceptable")
    ├── MethodNotAllowed        the address exists, but not for this method ("method-not-allowed")
    ├── Refused                 the gate says no; carries the decision ("refused")
    │   └── ProjectRefused      it says so of a whole project ("project-refused")
    ├── Unauthenticated         credentials are missing or wrong ("unauthenticated")
    ├── Forbidden               the principal lacks the right ("forbidden")
    ├── Conflict                it contradicts what is already here ("conflict")
    │   └── FileExists          the file name is taken, now or in the past
    ├── Unresolvable            no set of releases meets what is asked ("unresolvable")
    ├── TooLarge                beyond a limit of the settings ("too-large")
    ├── Throttled               too many attempts ("throttled")
    ├── StorageUnavailable      the database or store fails ("storage-unavailable")
    │   ├── StorageFull         too little room on the disk ("storage-full")
    │   └── BytesMissing        a file's bytes are not in the store
    ├── NotDelivered            a message was not taken by where it goes ("not-delivered")
    ├── UpstreamUnavailable     the upstream does not answer and nothing is held here ("upstream-unavailable")
    └── UpstreamBroken          the upstream sent something other than it promised ("upstream-broken")
        └── DigestMismatch      the bytes are not those that were promised

Each error carries its data as attributes and builds its own sentence. `kind` is what
`web.problems` turns into a status, and `cli` into an exit code, each in one table.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar


class AffineurError(Exception):
    """The root of the tree."""

    kind: ClassVar[str] = "error"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Invalid(AffineurError):
    """What was given is wrong."""

    kind = "invalid"


class InvalidName(Invalid):
    """A name of a project or index is malformed."""

    def __init__(self, what: str, given: str, wanted: str) -> None:
        super().__init__(f"{given[:80]!r} is not a valid {what} name: use {wanted}")
        self.what, self.given, self.wanted = what, given, wanted


class InvalidDocument(Invalid):
    """A document cannot be read; `where` is the path inside it."""

    def __init__(self, document: str, problem: str, where: str = "") -> None:
        super().__init__(f"{document}: {where + ': ' if where else ''}{problem}")
        self.document, self.problem, self.where = document, problem, where


class InvalidArchive(Invalid):
    """A distribution file breaks a rule; `rule` names it, `member` where in the archive."""

    def __init__(self, filename: str, rule: str, problem: str, member: str = "") -> None:
        super().__init__(f"{filename}: {member + ': ' if member else ''}{problem}")
        self.filename, self.rule, self.problem, self.member = filename, rule, problem, member


class InvalidUpload(Invalid):
    """A field of an upload form is missing or wrong."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}" if field else problem)
        self.field, self.problem = field, problem


class InvalidConfig(Invalid):
    """The settings are wrong; every problem is listed."""

    def __init__(self, origin: str, problems: Sequence[str]) -> None:
        super().__init__(f"{origin}: " + "; ".join(problems))
        self.origin, self.problems = origin, tuple(problems)


class NotFound(AffineurError):
    """The thing asked for is not here."""

    kind = "not-found"


class ProjectUnknown(NotFound):
    """No source of the index has the project."""

    def __init__(self, project: str, index: str) -> None:
        super().__init__(f"{project}: no such project in {index}")
        self.project, self.index = project, index


class FileUnknown(NotFound):
    """The page does not list the file, or it has no such side file."""

    def __init__(self, filename: str, index: str, problem: str = "no such file") -> None:
        super().__init__(f"{filename}: {problem} in {index}")
        self.filename, self.index, self.problem = filename, index, problem


class IndexUnknown(NotFound):
    """No index or source of that name is configured."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"{name}: no such index; there are {', '.join(known)}")
        self.name, self.known = name, tuple(known)


class NotAcceptable(AffineurError):
    """None of the representations asked for exists."""

    kind = "not-acceptable"

    def __init__(self, asked: str) -> None:
        forms = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html, text/html"
        super().__init__(f"{asked[:80]!r} cannot be answered; there are {forms}")
        self.asked = asked


class MethodNotAllowed(AffineurError):
    """The address exists, but not for this method."""

    kind = "method-not-allowed"


class Refused(AffineurError):
    """The gate refuses the file; `why` is the address of the decision, `until` when time alone ends it."""

    kind = "refused"

    def __init__(self, filename: str, rule: str, sentence: str, why: str = "", until: datetime | None = None) -> None:
        super().__init__(sentence)
        self.filename, self.rule, self.why, self.until = filename, rule, why, until


class ProjectRefused(Refused):
    """The gate refuses a project as a whole."""

    kind = "project-refused"


class Unauthenticated(AffineurError):
    """Credentials are missing or wrong; which of the two is not said."""

    kind = "unauthenticated"

    def __init__(self, sentence: str = "a valid token is needed: user __token__, the token as password") -> None:
        super().__init__(sentence)


class Forbidden(AffineurError):
    """The principal is known but lacks the right."""

    kind = "forbidden"


class Conflict(AffineurError):
    """What is asked contradicts what is already here."""

    kind = "conflict"


class FileExists(Conflict):
    """The file name is taken, now or in the past."""

    kind = "file-exists"

    def __init__(self, filename: str, problem: str) -> None:
        super().__init__(f"File already exists: {filename}: {problem}")
        self.filename, self.problem = filename, problem


class Unresolvable(AffineurError):
    """No set of releases meets what is asked, or only one that the gate refuses; a line for each reason."""

    kind = "unresolvable"


class TooLarge(AffineurError):
    """Something is larger than a setting allows; sizes in bytes."""

    kind = "too-large"

    def __init__(self, what: str, limit: int, setting: str) -> None:
        super().__init__(f"{what} is larger than {limit} bytes (setting {setting})")
        self.what, self.limit, self.setting = what, limit, setting


class Throttled(AffineurError):
    """Too many attempts; try again after `retry_after` seconds."""

    kind = "throttled"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many attempts: try again in {retry_after} seconds")
        self.retry_after = retry_after


class StorageUnavailable(AffineurError):
    """The database or the blob store does not answer or cannot be written."""

    kind = "storage-unavailable"


class StorageFull(StorageUnavailable):
    """Too little room is left on the disk; figures in bytes, both 0 where the disk itself said so."""

    kind = "storage-full"

    def __init__(self, free: int, wanted: int) -> None:
        told = f"{free} bytes are free, {wanted} must stay free (setting min_free)" if wanted else "the disk is full"
        super().__init__(f"not enough room: {told}")
        self.free, self.wanted = free, wanted


class BytesMissing(StorageUnavailable):
    """The bytes of a file are not in the store: lost, or dropped since it was opened."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"{sha256}: the bytes are missing from the store")
        self.sha256 = sha256


class NotDelivered(AffineurError):
    """A message was not taken; `final` where trying again would not help."""

    kind = "not-delivered"

    def __init__(self, sentence: str, *, final: bool = False) -> None:
        super().__init__(sentence)
        self.final = final


class UpstreamUnavailable(AffineurError):
    """The upstream does not answer, and what is asked for is not held here."""

    kind = "upstream-unavailable"

    def __init__(self, upstream: str, problem: str) -> None:
        super().__init__(f"upstream {upstream} cannot be reached and nothing is held here: {problem}")
        self.upstream, self.problem = upstream, problem


class UpstreamBroken(AffineurError):
    """The upstream sent something other than it promised."""

    kind = "upstream-broken"

    def __init__(self, upstream: str, problem: str) -> None:
        super().__init__(f"upstream {upstream}: {problem}")
        self.upstream, self.problem = upstream, problem


class DigestMismatch(UpstreamBroken):
    """The bytes are not those that were promised; digests in hex."""

    def __init__(self, upstream: str, filename: str, algorithm: str, wanted: str, got: str) -> None:
        super().__init__(upstream, f"{filename}: {algorithm} is {got}, {wanted} was promised")
        self.filename, self.algorithm, self.wanted, self.got = filename, algorithm, wanted, got
