"""A lock of what a project asks for: complete, with hashes, and such as the gate lets it through today."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import quote

import msgspec

from affineur.errors import Invalid
from affineur.model.locks import Lock as LockFile
from affineur.model.locks import LockKind, Pin
from affineur.model.names import ProjectName
from affineur.model.printable import counted, printable, printable_lines
from affineur.operations import monitor, recipients
from affineur.operations.context import Context
from affineur.operations.operation import (
    STANDARD_STREAM,
    Document,
    before_in,
    documents_argument,
    filled_from_server,
    option,
    output_option,
)
from affineur.operations.resolve import Asked, Resolution, resolved
from affineur.standards.locks.comments import Comments, read_comments
from affineur.standards.locks.read import kind_by_name, read_lock, reads_as_requirements
from affineur.standards.locks.write import FILENAMES
from affineur.standards.locks.write_pylock import write_pylock
from affineur.standards.locks.write_requirements import write_requirements
from affineur.standards.platforms import read_targets
from affineur.standards.requirement_lists import requirement
from affineur.standards.wanted import Wants, read_wanted

_LARGEST = 8 * 2**20
_LONGEST_NAME = 400
_LONGEST_TOLD = 300


class Lock(msgspec.Struct, frozen=True):
    """Lock what requirements files or pyproject.toml ask for, as the gate lets it through now.

    Pins of the file that is written to are kept where they still do. With several platforms or
    Pythons one lock serves all, with markers.
    """

    files: Annotated[
        tuple[Document, ...],
        documents_argument("Requirements files, with what they name, or pyproject.toml.", follow=True),
    ]
    output: Annotated[
        str, output_option("The lock to write: pylock.toml or pylock.NAME.toml, else a requirements file.")
    ] = ""
    before: Annotated[str, before_in("output")] = ""
    index: Annotated[str, option("The index; empty: the default one.")] = ""
    python: Annotated[tuple[str, ...], option("Pythons that it is installed on: 3.11,3.12.")] = ()
    platform: Annotated[
        tuple[str, ...], option("Platforms that it is installed on: linux-x86_64,macos-arm64,windows; none: any.")
    ] = ()
    extra: Annotated[tuple[str, ...], option("Extras of pyproject.toml to lock too.")] = ()
    group: Annotated[tuple[str, ...], option("Dependency groups of pyproject.toml to lock too.")] = ()
    as_of: Annotated[str, option("Choose among what was uploaded until a day or moment: 2026-11-01.")] = ""
    upgrade: Annotated[bool, option("Keep no pin of the lock so far.")] = False
    upgrade_package: Annotated[tuple[str, ...], option("Keep all pins but those of these projects.")] = ()
    pre: Annotated[bool, option("Let pre-releases be chosen.")] = False
    offline: Annotated[bool, option("Choose only among files that are held here, asking no upstream.")] = False
    allow_builds: Annotated[
        bool, option("Build sdists to learn what they need: that runs their code on this machine. Never on a server.")
    ] = False
    monitor: Annotated[str, option("Watch the lock under this name, as `monitor add` does.")] = ""
    tell: Annotated[tuple[str, ...], option("With --monitor: where news go: mail:ADDRESS,webhook:ADDRESS.")] = ()
    server: Annotated[str, filled_from_server()] = ""


class LockedProject(msgspec.Struct, frozen=True):
    """A release in the lock."""

    project: str
    version: str
    marker: str
    via: tuple[str, ...]
    files: tuple[str, ...]
    before: str
    """The version pinned before; empty where there was none."""


class ToldHeldBack(msgspec.Struct, frozen=True):
    """A newer release that the gate refuses."""

    project: str
    locked: str
    version: str
    sentence: str
    until: datetime | None


class Locked(msgspec.Struct, frozen=True):
    """A lock that was made."""

    document: Document
    index: str
    requires_python: str
    projects: tuple[LockedProject, ...]
    removed: tuple[str, ...]
    """Projects that were pinned before and are not needed any more."""
    held: tuple[ToldHeldBack, ...]
    notes: tuple[str, ...]
    watched: monitor.Added | None = None
    """How it is watched from now on, where that was asked for."""


async def lock(context: Context, request: Lock) -> Locked:
    """Make a lock.

    Raises:
        Invalid: an input cannot be read or asks for something outside the index, or a field is wrong.
        Unresolvable: nothing meets what is asked, or only what the gate refuses.
        Conflict, Forbidden: it cannot be watched under that name, or with news told there.
        IndexUnknown: the index is not configured.
    """
    index = context.index(request.index or context.config.default_index).name
    kind = _kind(request)
    wants = _wants(request)
    before = _before(request)
    if request.monitor:
        monitor.check_name(request.monitor)
        await recipients.targets_of(context, request.tell, request.monitor)
    comments = _comments(request, kind)
    resolution = await resolved(context, _asked(context, request, index, wants, before))
    text = _written(context, request, index, kind, resolution, comments)
    document = Document(request.output or STANDARD_STREAM, text)
    watched = None
    if request.monitor:
        named = Document(request.output or FILENAMES[kind], text)
        watched = await monitor.add(context, monitor.MonitorAdd(request.monitor, (named,), index, tell=request.tell))
    return Locked(
        document=document,
        index=index,
        requires_python=resolution.requires_python,
        projects=tuple(_told(resolution.pins, before)),
        removed=tuple(sorted({pin.project for pin in before} - {pin.project for pin in resolution.pins})),
        held=tuple(
            ToldHeldBack(one.project, one.locked, one.version, one.sentence, one.until) for one in resolution.held
        ),
        notes=(*wants.left_out, *resolution.notes, *_gone(comments, resolution.pins)),
        watched=watched,
    )


def _kind(request: Lock) -> LockKind:
    """Return the format to write; what another tool keeps, or the lock is made of, is not written over."""
    output = request.output
    if output not in {"", STANDARD_STREAM} and output in {document.name for document in request.files}:
        raise Invalid(f"--output {output}: this is what the lock is made of: name another file")
    if (kind := kind_by_name(output)) in {LockKind.PYLOCK, LockKind.REQUIREMENTS}:
        return kind
    if kind is not None:
        raise Invalid(
            f"--output {output}: its own tool keeps that file: write pylock.toml or requirements.txt, and make it from "
            "that with `affineur convert`"
        )
    if output.endswith((".toml", ".json")):
        raise Invalid(f"--output {output}: the name is pylock.toml, pylock.NAME.toml, or that of a requirements file")
    return LockKind.REQUIREMENTS


def _wants(request: Lock) -> Wants:
    if not request.files:
        raise Invalid("what? name a requirements file or pyproject.toml")
    if sum(len(document.text) for document in request.files) > _LARGEST:
        raise Invalid(f"the files are together larger than {_LARGEST} characters")
    texts: dict[str, str] = {}
    for document in request.files:
        if not document.name.isprintable() or len(document.name) > _LONGEST_NAME:
            raise Invalid(f"{document.name[:80]!r}: this is no name for a file")
        if document.name in texts:
            raise Invalid(f"{document.name} is given twice")
        texts[document.name] = document.text
    roots = [document.name for document in request.files if not document.included]
    return read_wanted(roots, texts, extras=request.extra, groups=request.group)


def _before(request: Lock) -> tuple[Pin, ...]:
    if not request.before.strip():
        return ()
    return tuple(pin for pin in read_lock(request.before, request.output or "the lock so far").pins if pin.version)


def _comments(request: Lock, kind: LockKind) -> Comments:
    """Return what people wrote into the lock so far, where it and the new one are requirements files."""
    if kind is not LockKind.REQUIREMENTS or not reads_as_requirements(request.before, request.output):
        return Comments()
    return read_comments(request.before, request.output or "the lock so far")


def _gone(comments: Comments, pins: Sequence[Pin]) -> Iterable[str]:
    for one in comments.gone(pins):
        yield f"what was written beside {one.project} goes with it: {str(one)[:_LONGEST_TOLD]}"


def _asked(context: Context, request: Lock, index: str, wants: Wants, before: tuple[Pin, ...]) -> Asked:
    return Asked(
        index=index,
        wants=tuple(wants.requirements),
        constraints=tuple(wants.constraints),
        kept=() if request.upgrade else before,
        upgraded=tuple(requirement(text, "--upgrade-package") for text in request.upgrade_package),
        targets=read_targets(request.platform, request.python),
        requires_python=wants.requires_python,
        as_of=_moment(request.as_of),
        prereleases=request.pre or wants.prereleases,
        held_only=request.offline or context.config.offline,
        builds=request.allow_builds,
        address=context.origin_at(request.server),
    )


def _moment(text: str) -> datetime | None:
    """Read a day, which counts whole, or a moment; without a time zone it is in UTC."""
    if not text:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Invalid(f"--as-of: {text[:80]!r} is no day such as 2026-11-01, nor a moment") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _written(
    context: Context, request: Lock, index: str, kind: LockKind, resolution: Resolution, comments: Comments
) -> str:
    made = LockFile(kind, resolution.pins, resolution.requires_python, resolution.environments)
    if kind is LockKind.REQUIREMENTS:
        head = "".join(f"{line}\n" for line in (*comments.head, f"# {_command(request, index)}"))
        return head + write_requirements(made, comments)
    home = f"{context.origin_at(request.server).rstrip('/')}/{quote(index)}/simple/"
    return write_pylock(replace(made, index_url=home))


def _command(request: Lock, index: str) -> str:
    """Return the command that makes the lock again, as its head shows it."""
    words = ["affineur", "lock", *(document.name for document in request.files if not document.included)]
    words += ["--output", request.output] if request.output else []
    words += ["--index", index]
    for name in ("python", "platform", "extra", "group"):
        if values := getattr(request, name):
            words += [f"--{name}", ",".join(values)]
    words += ["--as-of", request.as_of] if request.as_of else []
    words += [f"--{name.replace('_', '-')}" for name in ("pre", "offline", "allow_builds") if getattr(request, name)]
    return printable(shlex.join(words))


def _told(pins: Iterable[Pin], before: Sequence[Pin]) -> Iterable[LockedProject]:
    versions: dict[ProjectName, list[str]] = {}
    for pin in before:
        versions.setdefault(pin.project, []).append(pin.version)
    for pin in pins:
        were = versions.get(pin.project, [])
        yield LockedProject(
            pin.project, pin.version, pin.marker, pin.via, tuple(file.filename for file in pin.files),
            pin.version if pin.version in were else next(iter(were), ""),
        )  # fmt: skip


def say(made: Locked) -> str:
    """Tell on a terminal what a lock holds, what changed, and what the gate held back."""
    return printable_lines(_spoken(made))


def _spoken(made: Locked) -> Iterable[str]:
    where = "" if made.document.name == STANDARD_STREAM else f" in {made.document.name}"
    count = len({one.project for one in made.projects})
    hashes = sum(len(one.files) for one in made.projects)
    yield f"locked {counted(count, 'project')} with {counted(hashes, 'file')} of {made.index}{where}, for Python {made.requires_python}"
    for one in made.projects:
        if one.before and one.before != one.version:
            yield f"  {one.project} {one.before} -> {one.version}"
    for project in made.removed:
        yield f"  {project} is not needed any more"
    for held in made.held:
        yield f"{held.project} {held.version} is {held.sentence} (locked: {held.locked})"
    for note in made.notes:
        yield f"note: {note}"
    if made.watched is not None:
        yield from monitor.say_added(made.watched).splitlines()
