"""The files that commands are about: read where the command is run, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from errno import EISDIR
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
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            raise Invalid(f"{path} is UTF-16, as PowerShell writes it: save it as UTF-8") from error
        line = raw.count(b"\n", 0, error.start) + 1
        raise Invalid(f"{path}: line {line} is no UTF-8 (byte 0x{raw[error.start]:02x}): save it as UTF-8") from error


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
            if path in seen or "://" in path:
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
    _write([(Path(document.name), document.text) for document in documents if document.name != STANDARD_STREAM])
    streamed = [document.text for document in documents if document.name == STANDARD_STREAM and show_text]
    for text in streamed:
        typer.echo(text, nl=False)
    return bool(streamed)


def _write(files: Sequence[tuple[Path, str]]) -> None:
    """Replace files, each in one step, and none before the new texts of all are on the disk."""
    ready: list[tuple[Path, Path, Path]] = []
    try:
        for path, text in files:
            with _unwritable(path):
                # Where it is a link, what it points at is replaced.
                target = Path(os.path.realpath(path))
                if target.is_dir():
                    raise IsADirectoryError(EISDIR, "it is a folder")
                handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
                ready.append((path, Path(temporary), target))
                with os.fdopen(handle, "wb") as file:
                    file.write(text.encode())
                    os.fchmod(handle, stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask())
                    file.flush()
                    os.fsync(handle)
        for path, temporary_path, target in ready:
            with _unwritable(path):
                temporary_path.replace(target)
    finally:
        for _, temporary_path, _ in ready:
            temporary_path.unlink(missing_ok=True)


@contextlib.contextmanager
def _unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AffineurError(f"{path} cannot be written: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
