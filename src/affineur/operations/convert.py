"""Lock files turned from one format into another, with what the other cannot hold told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import msgspec

from affineur.errors import Invalid
from affineur.model.files import File
from affineur.model.locks import Lock, LockedFile, LockKind, Pin
from affineur.model.printable import counted, printable_lines
from affineur.operations.context import Context
from affineur.operations.operation import Document, documents_argument, file_option, option, output_argument, texts_of
from affineur.operations.releases import Releases
from affineur.sources.rendered import file_path
from affineur.standards.locks.project import read_project
from affineur.standards.locks.read import kind_by_name, read_lock
from affineur.standards.locks.values import one_index
from affineur.standards.locks.write import of_groups, write_lock


class Convert(msgspec.Struct, frozen=True):
    """Turn a lock file into another format: no hash is lost without being told.

    Reads requirements files, `pip freeze` output, pylock.toml, Pipfile.lock, poetry.lock, uv.lock and pdm.lock, and
    writes each of them. Exits with 3 when the new file lacks something that decides what is installed.
    """

    source: Annotated[
        tuple[Document, ...], documents_argument("The lock file; - is standard input.", follow=True, one=True)
    ]
    output: Annotated[str, output_argument("The file to write; - is standard output.")]
    to: Annotated[
        str, option("requirements, pylock, pipfile, poetry, uv or pdm; empty: by the name of the file to write.")
    ] = ""
    groups: Annotated[
        tuple[str, ...], option("Groups and extras to take besides what is always wanted; * is all of them.")
    ] = ("*",)
    project: Annotated[
        str, file_option("The pyproject.toml or Pipfile that the new lock is for: lock files of projects need it.")
    ] = ""
    index: Annotated[
        str, option("Look up in this index what the source lacks: names, addresses, sizes and hashes of files.")
    ] = ""


class Converted(msgspec.Struct, frozen=True):
    """A converted lock."""

    kind: str
    """The format read."""
    to: str
    """The format written."""
    entries: int
    document: Document
    lost: tuple[str, ...]
    """What decides about what is installed and is not in the new file, a sentence each."""
    left_out: tuple[str, ...]
    """What tells more about it and is not in the new file."""


def alone(request: Convert) -> Converted | None:
    """Convert a lock that needs no index; None where it does.

    Raises:
        Invalid: the source cannot be read, or the format cannot hold it.
    """
    return None if request.index else _converted(request, _read(request))


async def convert(context: Context, request: Convert) -> Converted:
    """Convert a lock.

    Raises:
        Invalid: the source cannot be read, the format cannot hold it, or the index does not have a file of it.
        IndexUnknown: the index is not configured.
        UpstreamUnavailable: a page cannot be asked for.
    """
    lock = _read(request)
    if request.index:
        lock = await _completed(context, request.index, lock)
    return _converted(request, lock)


def _read(request: Convert) -> Lock:
    if not request.source:
        raise Invalid("which file? name a lock file")
    first, *others = request.source
    lock = read_lock(first.text, first.name, texts_of(others) if others else None)
    return of_groups(lock, request.groups)


def _converted(request: Convert, lock: Lock) -> Converted:
    kind = _kind(request)
    project = read_project(request.project, "--project") if request.project else None
    written = write_lock(lock, kind, project)
    missing = written.missing
    return Converted(
        lock.kind, kind, len(lock.pins), Document(request.output, written.text), missing.lost, missing.left_out
    )


def _kind(request: Convert) -> LockKind:
    if request.to:
        try:
            return LockKind(request.to.lower())
        except ValueError:
            raise Invalid(f"--to {request.to!r}: use {', '.join(LockKind)}") from None
    if (kind := kind_by_name(request.output)) is None:
        raise Invalid(f"{request.output}: the name does not tell the format: say it with --to")
    return kind


async def _completed(context: Context, index: str, lock: Lock) -> Lock:
    """Return a lock in which every file of an index is told whole.

    Files are found by their hashes; entries without hashes get every file of the release that passes the gate.
    """
    releases = Releases(context.index(index))
    origin, pins = context.config.address, []
    address = f"{origin}/{index}/simple/"
    for done, pin in enumerate(lock.pins):
        context.progress(done, len(lock.pins), pin.project)
        complete = pin.files and all(file.filename and file.url and file.hashes for file in pin.files)
        if pin.origin or not pin.version or complete:
            pins.append(pin)
            continue
        release = await releases.find(pin.project, pin.version)
        if not release.files:
            raise Invalid(f"{pin.project} {pin.version}: {index} has no such release")
        if not release.passing:
            raise Invalid(f"{pin.project} {pin.version}: {release.refusal}")
        files = tuple(_files(pin, release.files if pin.hashes else release.passing, origin, index))
        pins.append(replace(pin, files=files, index=address))
    named, made = one_index(pins)
    return replace(lock, pins=made, index_url=named or lock.index_url)


def _files(pin: Pin, listed: Sequence[File], origin: str, index: str) -> Iterator[LockedFile]:
    """Yield the files of an entry as an index lists them.

    Raises:
        Invalid: a hash of the entry belongs to none of them.
    """
    if not pin.hashes:
        for file in listed:
            if file.hashes:
                yield _whole(pin, file, tuple(sorted(file.hashes.items())), origin, index)
        return
    by_hash = {pair: file for file in listed for pair in file.hashes.items()}
    wanted: dict[str, list[tuple[str, str]]] = {}
    for pair in pin.hashes:
        if pair not in by_hash:
            raise Invalid(f"{pin.project} {pin.version}: no file in {index} has the hash {':'.join(pair)}")
        wanted.setdefault(by_hash[pair].filename, []).append(pair)
    files = {file.filename: file for file in listed}
    for filename, hashes in wanted.items():
        yield _whole(pin, files[filename], tuple(hashes), origin, index)


def _whole(pin: Pin, file: File, hashes: tuple[tuple[str, str], ...], origin: str, index: str) -> LockedFile:
    url = origin + file_path(index, pin.project, file)
    return LockedFile(file.filename, hashes, url, file.size, file.upload_time)


def say(made: Converted) -> str:
    """Tell a conversion on a terminal."""
    entries = counted(made.entries, "entry", "entries")
    lines = [
        f"{entries} from {made.kind} to {made.to}: " + ("nothing that counts is lost" if not made.lost else "LOST")
    ]
    lines += [f"  lost: {sentence}" for sentence in made.lost]
    if made.left_out:
        lines.append(f"  left out: {', '.join(made.left_out)}")
    return printable_lines(lines)
