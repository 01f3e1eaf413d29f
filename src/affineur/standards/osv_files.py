"""Files of OSV records: JSON, a list, JSON lines; plain, in gzip, zstd or zip; or a folder of such.

The form is told by the content, not by the name. What is read is bounded, because a feed comes
from outside: a record of more than 256 MiB, or more than 16 GiB in all, ends the reading.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import zstandard

from affineur.errors import Invalid, InvalidDocument

_LARGEST_WHOLE = 256 * 2**20
_MOST_BYTES = 16 * 2**30
_PIECE = 2**20
_ZSTD_PIECE = 2**10
"""Small, because a block of a few bytes may unpack to 128 KiB."""
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".gz", ".zst", ".zip")
_ZIPS, _GZIP, _ZSTD = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""How files begin; a zip without members in a way of its own."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FAULTS = (
    OSError, EOFError, zlib.error, zipfile.BadZipFile, zstandard.ZstdError, NotImplementedError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Document:
    """One record as it stands in a file."""

    raw: bytes
    where: str
    """The file, and the line or member inside it."""


class OsvFiles:
    """The records of a file or folder, one after the other; read once."""

    def __init__(self, path: Path) -> None:
        """Look at what lies at `path`.

        Raises:
            Invalid: there is nothing, or a folder without a file of a known form.
        """
        if not path.exists():
            raise Invalid(f"{path}: there is no such file or folder")
        self.paths = sorted(_inside(path)) if path.is_dir() else [path]
        if not self.paths:
            raise Invalid(f"{path}: no file of OSV records in it ({', '.join(_SUFFIXES)})")
        self.total = sum(found.stat().st_size for found in self.paths)
        """Bytes to be read, as they lie on the disk."""
        self.done = 0
        """Bytes read so far."""
        self._unpacked = 0

    def __iter__(self) -> Iterator[Document]:
        """Yield every record.

        Raises:
            InvalidDocument: a file is damaged, cut short or too large.
        """
        for path in self.paths:
            before = self.done
            try:
                with path.open("rb") as source:
                    yield from self._file(source, path.name)
            except _FAULTS as error:
                raise InvalidDocument(path.name, f"cannot be read: {str(error)[:200]}") from None
            self.done = before + path.stat().st_size

    def _file(self, source: IO[bytes], where: str) -> Iterator[Document]:
        before = self.done
        if _starts(source, _ZIPS):
            with zipfile.ZipFile(source) as archive:
                for member in archive.infolist():
                    if (
                        not member.is_dir()
                        and member.filename.endswith(_SUFFIXES)
                        and "__MACOSX" not in member.filename
                    ):
                        with archive.open(member) as inner:
                            yield from self._stream(inner, f"{where}/{member.filename}")
                    self.done += member.compress_size
            return
        for document in self._stream(source, where):
            self.done = before + source.tell()
            yield document

    def _stream(self, source: IO[bytes], where: str) -> Iterator[Document]:
        with _unpacked(source) as plain:
            reader = io.BufferedReader(cast("Any", plain), _PIECE)
            start = reader.peek(4)[:4]
            if start.startswith((_GZIP, _ZSTD, *_ZIPS)):
                raise InvalidDocument(where, "is packed more than once")
            yield from self._text(reader, where)

    def _text(self, reader: io.BufferedReader, where: str) -> Iterator[Document]:
        first = self._line(reader, where).removeprefix(_BYTE_ORDER_MARK)
        while first and not first.strip():
            first = self._line(reader, where)
        if not first:
            return
        if not _is_object(first):
            yield from self._whole(first, reader, where)
            return
        number, line = 1, first
        while line:
            if line.strip():
                yield Document(line, f"{where}:{number}" if number > 1 or reader.peek(1) else where)
            number, line = number + 1, self._line(reader, where)

    def _line(self, reader: io.BufferedReader, where: str) -> bytes:
        line = reader.readline(_LARGEST_WHOLE + 1)
        self._unpacked += len(line)
        if len(line) > _LARGEST_WHOLE or self._unpacked > _MOST_BYTES:
            raise InvalidDocument(where, f"unpacks to more than {min(_LARGEST_WHOLE, _MOST_BYTES)} bytes")
        return line

    def _whole(self, first: bytes, reader: io.BufferedReader, where: str) -> Iterator[Document]:
        """Yield what stands in one document over several lines: a record, a list, or an answer of the OSV API.

        What is none of these is yielded as it is: whoever reads records says of it, as of any, what is wrong.
        """
        raw = first + reader.read(_LARGEST_WHOLE + 1 - len(first))
        if len(raw) > _LARGEST_WHOLE:
            raise InvalidDocument(where, f"is larger than {_LARGEST_WHOLE} bytes; write one record a line")
        self._unpacked += len(raw)
        items = _items(raw)
        if items is None:
            yield Document(raw, where)
        else:
            yield from (Document(bytes(item), f"{where}[{number}]") for number, item in enumerate(items))


class _Answer(msgspec.Struct):
    vulns: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


def _items(raw: bytes) -> list[msgspec.Raw] | None:
    """Return the records of a list or of an answer of the OSV API; None where the document is neither."""
    try:
        if raw.lstrip()[:1] == b"[":
            return msgspec.json.decode(raw, type=list[msgspec.Raw])
        held = msgspec.json.decode(raw, type=_Answer).vulns
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if held is msgspec.UNSET else held


def _inside(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.name.endswith(_SUFFIXES) and path.is_file() and not hidden:
            yield path


def _starts(source: IO[bytes], magics: tuple[bytes, ...]) -> bool:
    start = source.read(max(map(len, magics)))
    source.seek(0)
    return start.startswith(magics)


@contextmanager
def _unpacked(source: IO[bytes]) -> Iterator[IO[bytes]]:
    """Give the unpacked bytes of a stream, whichever way it is packed."""
    buffered = io.BufferedReader(cast("Any", source)) if not isinstance(source, io.BufferedReader) else source
    start = buffered.peek(4)[:4]
    if start.startswith(_GZIP):
        with gzip.GzipFile(fileobj=buffered) as plain:
            yield cast("IO[bytes]", plain)
    elif start.startswith(_ZSTD):
        yield cast("IO[bytes]", _Zstd(buffered))
    else:
        yield buffered


class _Zstd(io.RawIOBase):
    """The unpacked bytes of frames of zstd; unlike the library's own reader it notices where one is cut short."""

    def __init__(self, source: io.BufferedReader) -> None:
        self._source = source
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._unpacked = memoryview(b"")

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of `buffer`; 0 at the end.

        Raises:
            EOFError: the last frame is cut short.
        """
        while not self._unpacked:
            piece = self._source.read(_ZSTD_PIECE)
            if not piece:
                if self._frame is not None:
                    raise EOFError("the compressed data are cut short")
                return 0
            self._unpacked = memoryview(self._unpack(piece))
        taken = self._unpacked[: len(buffer)]
        buffer[: len(taken)] = taken
        self._unpacked = self._unpacked[len(taken) :]
        return len(taken)

    def _unpack(self, piece: bytes) -> bytes:
        made = []
        while piece:
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
            made.append(self._frame.decompress(piece))
            piece = b""
            if self._frame.eof:
                piece, self._frame = self._frame.unused_data, None
        return b"".join(made)


def _is_object(line: bytes) -> bool:
    try:
        found = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return "vulns" not in found
