"""The files that commands are about: read where the command is run, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import typer

from affineur.errors import AffineurError, Invalid
from affineur.operations.operation import STANDARD_STREAM, Document
from affineur.standards.locks.read import reads_as_requirements
from affineur.standards.locks.read_requirements import files_named_in

_LARGEST = 64 * 2**20
_MOST_FOLLOWED = 200


def text_at(path: str) -> str:
    """Return the text of a file with its line ends as they are; `-` is standard input.

    Raises:
        Invalid: it cannot be read, is no UTF-8, or is larger than any lock.
    """
    try:
        if path == STANDARD_STREAM:
            raw = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(_LARGEST + 1)
        if len(raw) > _LARGEST:
            raise Invalid(f"{path}: larger than {_LARGEST} bytes")
        return raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {error}") from error


def document_at(path: str) -> Document:
    """Read a file.

    Raises:
        Invalid: as `text_at`.
    """
    return Document(path, text_at(path))


def documents_at(paths: Sequence[str], *, follow: bool) -> list[Document]:
    """Read files, and with `follow` the requirements files that they name, each once.

    Raises:
        Invalid: as `text_at`, or they name too many others.
    """
    made = [document_at(path) for path in paths]
    seen = {document.name for document in made}
    waiting = list(made) if follow else []
    while waiting:
        document = waiting.pop(0)
        if not reads_as_requirements(document.text, document.name):
            continue
        for path in files_named_in(document.text, document.name):
            if path in seen:
                continue
            if len(seen) >= _MOST_FOLLOWED:
                raise Invalid(f"{document.name}: names more than {_MOST_FOLLOWED} other files, with what they name")
            seen.add(path)
            made.append(Document(path, text_at(path), included=True))
            waiting.append(made[-1])
    return made


def write_documents(documents: Sequence[Document], allowed: set[str], *, show_text: bool) -> bool:
    """Write documents to their files, or to standard output where `show_text`; return whether one went there.

    Raises:
        AffineurError: one is not among the files that the command was `allowed`, or cannot be written.
    """
    if strange := sorted({document.name for document in documents} - allowed):
        raise AffineurError(f"not written: the answer is about {', '.join(map(repr, strange))}, which nobody named")
    streamed = False
    for document in documents:
        if document.name != STANDARD_STREAM:
            _write(Path(document.name), document.text.encode())
        elif show_text:
            typer.echo(document.text, nl=False)
            streamed = True
    return streamed


def _write(path: Path, body: bytes) -> None:
    """Replace a file in one step; where it is a link, what it points at."""
    target = Path(os.path.realpath(path))
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            os.fchmod(handle, stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask())
            file.flush()
            os.fsync(handle)
        Path(temporary).replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            if temporary:
                Path(temporary).unlink()
        raise AffineurError(f"{path} cannot be written: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
