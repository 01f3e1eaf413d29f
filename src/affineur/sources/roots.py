"""The list of an index's projects, kept in pieces, so that a change costs only the piece it falls into."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from affineur.standards.simple_api import render

Rows = tuple[tuple[str, int], ...]
_MEAN_PIECE = 512
_GZIP_HEAD = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
"""No name, no time, so that the same page is always the same bytes (RFC 1952)."""


def _deflated(raw: bytes, *, last: bool = False) -> bytes:
    """Compress so that the result may follow and be followed by others (RFC 1951)."""
    squeezer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return squeezer.compress(raw) + squeezer.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)


@dataclass(slots=True, eq=False)
class _Piece:
    """Some neighbouring projects, as they stand in each form of the list."""

    rows: Rows
    plain: dict[render.RootForm, bytes] = field(default_factory=dict)
    deflated: dict[render.RootForm, bytes] = field(default_factory=dict)

    def text(self, form: render.RootForm) -> bytes:
        if form not in self.plain:
            self.plain[form] = form.rows(self.rows)
        return self.plain[form]

    def squeezed(self, form: render.RootForm) -> bytes:
        if form not in self.deflated:
            self.deflated[form] = _deflated(self.text(form))
        return self.deflated[form]


def _grouped(projects: Mapping[str, int]) -> Iterator[Rows]:
    """Cut the sorted projects after names whose checksum says so: a new name moves no other cut."""
    rows: list[tuple[str, int]] = []
    for name in sorted(projects):
        rows.append((name, projects[name]))
        if zlib.crc32(name.encode()) % _MEAN_PIECE == 0:
            yield tuple(rows)
            rows = []
    if rows:
        yield tuple(rows)


class Root:
    """The list of one index at one moment; it shares with the one before the pieces in which nothing changed."""

    def __init__(self, projects: Mapping[str, int], before: Root | None = None) -> None:
        """Take the projects with their serials."""
        known: dict[Rows, _Piece] = before.pieces if before is not None else {}
        self.pieces: dict[Rows, _Piece] = {rows: known.get(rows) or _Piece(rows) for rows in _grouped(projects)}
        self.serial = max(projects.values(), default=0)

    def page(self, form: render.RootForm, encoding: str) -> tuple[bytes, bytes]:
        """Return the list uncompressed, and the same gzipped where that is asked for."""
        pieces = list(self.pieces.values())
        head, between, tail = form.frame(self.serial)
        body = head + between.join([piece.text(form) for piece in pieces]) + tail
        if encoding != "gzip":
            return body, body
        parts = [_GZIP_HEAD, _deflated(head)]
        parts.append(_deflated(between).join([piece.squeezed(form) for piece in pieces]))
        parts += [_deflated(tail, last=True), struct.pack("<II", zlib.crc32(body), len(body) & 0xFFFFFFFF)]
        return body, b"".join(parts)
