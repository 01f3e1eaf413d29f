"""Hashes of requirements files: added from an index, checked against it, and dropped where they serve nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName

from affineur.errors import Invalid, UpstreamUnavailable
from affineur.model.filenames import SDIST_SUFFIXES
from affineur.model.files import File
from affineur.model.locks import Lock, LockKind, Pin
from affineur.model.printable import counted, printable_lines
from affineur.operations.context import Context
from affineur.operations.operation import STANDARD_STREAM, Document, documents_argument, option
from affineur.operations.releases import Release, Releases
from affineur.policy.gate import sentence_of
from affineur.standards.locks.edit_requirements import Edit, edit_hashes
from affineur.standards.locks.read import read_lock, reads_as_requirements
from affineur.standards.locks.read_requirements import beneath, beside, files_named_in
from affineur.standards.locks.values import without_secret
from affineur.standards.platforms import Target, fits, read_targets

_ALGORITHM = "sha256"

_Files = Annotated[
    tuple[Document, ...],
    documents_argument("Requirements files; those below their folders that they name too.", follow=True),
]
_Platforms = Annotated[
    tuple[str, ...], option("Platforms to install on, such as linux-x86_64, macos-arm64, windows; empty: all.")
]
_Pythons = Annotated[tuple[str, ...], option("Pythons to install with, such as 3.11; empty: all.")]
_Index = Annotated[str, option("The index; empty: the default one.")]


class HashesAdd(msgspec.Struct, frozen=True):
    """Add the hashes that the pins of requirements files lack, in place.

    Every file of a release that passes the gate gets its SHA-256, or those that fit the platforms and Pythons named.
    Files that they name with -r in their own folder or below it are edited too. Comments, order and layout stay as they
    are. Nothing is written to any of them where a pin does not exist in the index, is refused by it, or where bytes are
    not those that were seen first.
    """

    files: _Files = ()
    platform: _Platforms = ()
    python: _Pythons = ()
    index: _Index = ""
    verbose: Annotated[bool, option("Say which hash belongs to which file.")] = False


class HashesVerify(msgspec.Struct, frozen=True):
    """Check that every hash of a requirements file or lock file belongs to a file of that release in the index."""

    files: Annotated[tuple[Document, ...], documents_argument("Requirements files or lock files.", follow=True)] = ()
    platform: _Platforms = ()
    python: _Pythons = ()
    index: _Index = ""
    verbose: Annotated[bool, option("List the hashes that are right too.")] = False


class HashesPrune(msgspec.Struct, frozen=True):
    """Drop the hashes of files that fit no chosen platform, or that the index does not have, in place."""

    files: _Files = ()
    platform: _Platforms = ()
    python: _Pythons = ()
    index: _Index = ""
    verbose: Annotated[bool, option("Say which hash belonged to which file.")] = False


class HashRow(msgspec.Struct, frozen=True):
    """What is said about a hash."""

    what: str
    """added, right, dropped; missing: a file without a hash; foreign: no file of the release has it; wrong: a file of
    another release has it; refused: of a file that the gate refuses; unknown: it cannot be checked."""
    document: str
    line: int
    project: str
    version: str
    hash: str
    """`sha256:hex`."""
    filename: str = ""
    """The file that it belongs to; empty where none is known."""


class Hashed(msgspec.Struct, frozen=True):
    """What became of the hashes of requirements files."""

    added: int
    dropped: int
    refused: tuple[str, ...]
    """Why nothing was written, a sentence each."""
    left: tuple[str, ...]
    """What stays without the hashes it needs, or could not be looked at, a sentence each."""
    held_back: tuple[str, ...]
    """Files of these releases that the gate refuses, with the reason: their hashes were not added."""
    rows: tuple[HashRow, ...]
    """The hashes concerned, where that was asked for."""
    documents: tuple[Document, ...]
    """The files that change."""


class Verified(msgspec.Struct, frozen=True):
    """What is right and wrong about the hashes of files."""

    entries: int
    right: int
    problems: tuple[str, ...]
    """Entries that could not be checked at all, a sentence each."""
    rows: tuple[HashRow, ...]
    """What is not right, and what is where that was asked for."""


@dataclass
class _Work:
    """What is gathered while entries are looked at."""

    refused: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    held_back: dict[str, None] = field(default_factory=dict)
    rows: list[HashRow] = field(default_factory=list)
    edits: dict[int, Edit] = field(default_factory=dict)


async def add(context: Context, request: HashesAdd) -> Hashed:
    """Add missing hashes.

    Raises:
        Invalid: a file cannot be read, is no requirements file, or a platform is not known.
        IndexUnknown: the index is not configured.
    """
    return await _edit(context, request, _add)


async def prune(context: Context, request: HashesPrune) -> Hashed:
    """Drop hashes that serve nobody.

    Raises:
        Invalid: a file cannot be read, is no requirements file, or a platform is not known.
        IndexUnknown: the index is not configured.
    """
    return await _edit(context, request, _prune)


async def _edit(context: Context, request: HashesAdd | HashesPrune, edit: _Editing) -> Hashed:
    releases = _releases(context, request.index)
    targets = read_targets(request.platform, request.python)
    work, documents = _Work(), []
    locks = [(document, _requirements(document)) for document in _reached(_given(request.files), work)]
    total, done = sum(len(lock.pins) for _, lock in locks), 0
    for document, lock in locks:
        work.edits = {}
        work.left += _unread(document, lock)
        for pin in lock.pins:
            context.progress(done, total, pin.project)
            done += 1
            where = f"{document.name}: line {pin.line}: {_told(pin)}"
            release = await _release(releases, pin, where, work)
            if release is not None:
                edit(work, _Entry(pin, release, where, document.name), targets)
        text = edit_hashes(document.text, document.name, work.edits)
        if text != document.text or document.name == STANDARD_STREAM:
            documents.append(Document(document.name, text))
    if work.refused:
        return Hashed(0, 0, tuple(work.refused), tuple(work.left), tuple(work.held_back), (), ())
    added, dropped = (sum(row.what == what for row in work.rows) for what in ("added", "dropped"))
    rows = tuple(work.rows) if request.verbose else ()
    return Hashed(added, dropped, (), tuple(work.left), tuple(work.held_back), rows, tuple(documents))


def _releases(context: Context, index: str) -> Releases:
    return Releases(context.index(index or context.config.default_index))


def _given(files: Sequence[Document]) -> Sequence[Document]:
    if not files:
        raise Invalid("which file? name a requirements file")
    return files


def _reached(files: Sequence[Document], work: _Work, *, anywhere: bool = False) -> list[Document]:
    """Return the files that are meant: those named, and what they name with `-r` in their folders, or `anywhere`."""
    known = {document.name: document for document in files}
    wanted = {document.name: beside(document.name, ".") for document in files if not document.included}
    waiting = list(wanted)
    while waiting:
        name = waiting.pop(0)
        text = known[name].text
        for path in files_named_in(text, name, constraints=False) if reads_as_requirements(text, name) else ():
            if path in wanted:
                continue
            if path not in known:
                work.left.append(f"{name}: -r {without_secret(path)} was not read, and is left aside")
            elif not anywhere and not beneath(path, wanted[name]):
                work.left.append(f"{name}: -r {path} lies outside its folder and is left as it is: name it as well")
            else:
                wanted[path] = wanted[name]
                waiting.append(path)
    return [known[name] for name in wanted]


def _unread(document: Document, lock: Lock) -> list[str]:
    """Return what could not be read of a file; of the files that it names is told elsewhere."""
    named = ("-r ", "-c ")
    return [f"{document.name}: {s}" for s in lock.unread if not s.partition(": ")[2].startswith(named)]


def _requirements(document: Document) -> Lock:
    lock = read_lock(document.text, document.name)
    if lock.kind is not LockKind.REQUIREMENTS:
        raise Invalid(f"{document.name}: hashes are edited in requirements files; let its own tool lock this one")
    return lock


@dataclass(frozen=True)
class _Entry:
    """An entry with its release."""

    pin: Pin
    release: Release
    where: str
    document: str

    def row(self, what: str, pair: tuple[str, str], filename: str = "") -> HashRow:
        """Return what is said about a hash of the entry."""
        pin = self.pin
        return HashRow(
            what, pin.document or self.document, pin.line, pin.project, pin.version, ":".join(pair), filename
        )

    def installable(self, files: Sequence[File]) -> list[File]:
        """Return the files that installers take: wheels and sdists."""
        return [file for file in files if file.filename.endswith((".whl", *SDIST_SUFFIXES))]


_Editing = Callable[[_Work, _Entry, Sequence[Target]], None]


async def _release(releases: Releases, pin: Pin, where: str, work: _Work) -> Release | None:
    """Return the release of an entry; None where there is none to look at, which is told."""
    if pin.origin:
        if not pin.hashes:
            work.left.append(f"{where}: comes from a direct address, not from an index")
        return None
    if not pin.version:
        work.left.append(f"{where}: is not pinned with ==, so that no hash can be its own")
        return None
    try:
        release = await releases.find(pin.project, pin.version)
    except UpstreamUnavailable as error:
        work.refused.append(f"{where}: {error.sentence}")
        return None
    if not release.files:
        work.refused.append(f"{where}: {releases.gated.name} has no such release")
    elif not release.passing:
        work.refused.append(f"{where}: {release.refusal}")
    else:
        return release
    return None


def _add(work: _Work, entry: _Entry, targets: Sequence[Target]) -> None:
    pin, release = entry.pin, entry.release
    for pair in pin.hashes:
        if _belongs(pair, release.files) == "":
            work.refused.append(
                f"{entry.where}: its hash {':'.join(pair)} belongs to no file of that release: the bytes are not those "
                "seen here first, or the file is gone (`affineur hashes prune` drops it where others are right)"
            )
    for file in release.files:
        if file.conflict:
            work.refused.append(f"{entry.where}: {file.filename}: {file.conflict}")
        if (decision := release.decisions[file.filename]).refused:
            work.held_back[f"{file.filename}: {sentence_of(decision.strictest)}"] = None
    if (where := _where_wanted(pin, targets)) is None:
        return
    wanted = [
        file for file in entry.installable(release.passing) if fits(file.filename, where, file.requires_python or "")
    ]
    for target in where:
        if not any(target.fits(file.filename, file.requires_python or "") for file in wanted):
            work.left.append(f"{entry.where}: no file of it fits {target}")
    added = []
    for file in wanted:
        if (digest := file.hashes.get(_ALGORITHM)) is None:
            work.refused.append(f"{entry.where}: the SHA-256 of {file.filename} is not known yet")
        elif (pair := (_ALGORITHM, digest)) not in pin.hashes:
            added.append((pair, file.filename))
        else:
            work.rows.append(entry.row("right", pair, file.filename))
    added.sort()
    work.rows += [entry.row("added", pair, filename) for pair, filename in added]
    work.edits[pin.line] = Edit(add=tuple(pair for pair, _ in added))


def _prune(work: _Work, entry: _Entry, targets: Sequence[Target]) -> None:
    pin, release = entry.pin, entry.release
    wanted = _where_wanted(pin, targets) or ()
    dropped, rows = [], []
    for pair in pin.hashes:
        filename = _belongs(pair, release.files)
        if filename is None:
            work.left.append(f"{entry.where}: whose {':'.join(pair)} is cannot be told, and it stays")
            continue
        file = next((one for one in release.files if one.filename == filename), None)
        if file is None or not fits(file.filename, wanted, file.requires_python or ""):
            dropped.append(pair)
            rows.append(entry.row("dropped", pair, filename))
        else:
            rows.append(entry.row("right", pair, filename))
    if dropped and len(dropped) == len(pin.hashes):
        work.refused.append(
            f"{entry.where}: none of its hashes would be left: take them out by hand, and `affineur hashes add` adds those "
            "that fit"
        )
        return
    work.rows += rows
    work.edits[pin.line] = Edit(drop=tuple(dropped))


def _where_wanted(pin: Pin, targets: Sequence[Target]) -> tuple[Target, ...] | None:
    """Return the targets on which an entry's marker holds, all of them where that cannot be told; None: on none."""
    if not (pin.marker and targets):
        return tuple(targets)
    marker = Marker(pin.marker)
    try:
        held = tuple(one for one in targets if not (one.platform and one.python) or marker.evaluate(one.environment()))
    except (UndefinedComparison, UndefinedEnvironmentName):
        return tuple(targets)
    return held or None


def _belongs(pair: tuple[str, str], files: Sequence[File]) -> str | None:
    """Return the name of the file that a hash belongs to, "" where to none, None where that cannot be told."""
    algorithm, digest = pair
    for file in files:
        if file.hashes.get(algorithm) == digest:
            return file.filename
    return "" if all(algorithm in file.hashes for file in files) else None


async def verify(context: Context, request: HashesVerify) -> Verified:
    """Check hashes.

    Raises:
        Invalid: a file cannot be read, or a platform is not known.
        IndexUnknown: the index is not configured.
    """
    releases = _releases(context, request.index)
    targets = read_targets(request.platform, request.python)
    work, entries = _Work(), 0
    for document in _reached(_given(request.files), work, anywhere=True):
        lock = read_lock(document.text, document.name)
        work.left += _unread(document, lock)
        for done, pin in enumerate(lock.pins):
            context.progress(done, len(lock.pins), pin.project)
            entries += 1
            where = f"{document.name}: line {pin.line}: {_told(pin)}" if pin.line else f"{document.name}: {_told(pin)}"
            release = await _release(releases, pin, where, work)
            if release is not None:
                entry = _Entry(pin, release, where, document.name)
                work.rows += [row async for row in _verified(releases, entry, targets)]
    right = sum(row.what == "right" for row in work.rows)
    shown = [row for row in work.rows if request.verbose or row.what != "right"]
    return Verified(entries, right, tuple(work.refused + work.left), tuple(shown))


async def _verified(releases: Releases, entry: _Entry, targets: Sequence[Target]) -> AsyncIterator[HashRow]:
    pin, release = entry.pin, entry.release
    for pair in pin.hashes:
        filename = _belongs(pair, release.files)
        if filename:
            refused = release.decisions[filename].refused
            yield entry.row("refused" if refused else "right", pair, filename)
        elif filename is None:
            yield entry.row("unknown", pair)
        else:
            other = await releases.holder(pin.project, pair)
            yield entry.row("wrong" if other else "foreign", pair, other)
    has = set(pin.hashes)
    if (where := _where_wanted(pin, targets)) is None:
        return
    for file in entry.installable(release.passing):
        if not fits(file.filename, where, file.requires_python or ""):
            continue
        if not has & set(file.hashes.items()):
            yield entry.row("missing", (_ALGORITHM, file.hashes.get(_ALGORITHM, "not known yet")), file.filename)


def _told(pin: Pin) -> str:
    return f"{pin.project or pin.origin} {pin.version or pin.specifier}".rstrip()


def _rows(rows: Sequence[HashRow]) -> Iterator[str]:
    for row in rows:
        place = f"{row.document}:{row.line}" if row.line else row.document
        yield f"{place}: {row.project} {row.version}: {row.what} {row.hash} {row.filename}".rstrip()


def say(made: Hashed) -> str:
    """Tell on a terminal what became of hashes."""

    def lines() -> Iterator[str]:
        yield from _rows(made.rows)
        yield from (f"refused: {sentence}" for sentence in made.refused)
        yield from (f"left: {sentence}" for sentence in made.left)
        yield from (f"held back: {sentence}" for sentence in made.held_back)
        if made.refused:
            yield "nothing was written"
        else:
            hashes, files = counted(made.added, "hash", "hashes"), counted(len(made.documents), "file", "files")
            yield f"{hashes} added, {made.dropped} dropped, {files} changed"

    return printable_lines(lines())


def say_verified(made: Verified) -> str:
    """Tell on a terminal what is wrong with hashes."""

    def lines() -> Iterator[str]:
        yield from _rows(made.rows)
        yield from (f"not checked: {sentence}" for sentence in made.problems)
        wrong = sum(row.what != "right" for row in made.rows)
        right = counted(made.right, "hash is", "hashes are")
        yield f"{counted(made.entries, 'entry', 'entries')}: {right} right, {wrong} are not"

    return printable_lines(lines())


def unsettled(made: Hashed) -> bool:
    """Whether something was refused or left."""
    return bool(made.refused or made.left)


def wrong(made: Verified) -> bool:
    """Whether something is not as it should be."""
    return bool(made.problems) or any(row.what != "right" for row in made.rows)
