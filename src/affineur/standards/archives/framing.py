"""The framing of ZIP files, read so strictly that every reader must see the same members.

Local headers, data and the central directory must lie one after the other without a gap
from the first byte to the last; what the two kinds of headers say must agree.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from affineur.standards.archives.inflate import PIECE, RAW_DEFLATE, check_count, check_growth, inflate
from affineur.standards.archives.values import Broken, Limits

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_STORED, _DEFLATED = 0, 8
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED, _DESCRIPTOR, _UTF8 = 0x1, 0x8, 0x800
_HARMLESS_FLAGS = 0x2 | 0x4 | _UTF8
_EXTRA_ZIP64, _EXTRA_UNICODE_PATH = 0x0001, 0x7075


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a ZIP file, as its central directory describes it."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    mode: int
    """The Unix mode, or 0."""

    @property
    def is_directory(self) -> bool:
        """Whether the member is a directory."""
        return self.name.endswith("/")


@dataclass(frozen=True, slots=True)
class _Directory:
    count: int
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class Framed:
    """A member and the place of its data."""

    member: Member
    data: int


def walk(handle: BinaryIO, limits: Limits) -> list[Framed]:
    """Return the members in the order of the file; raise `Broken` where the framing is not strict."""
    length = handle.seek(0, os.SEEK_END)
    directory = _read_end(handle, length)
    check_count(directory.count, limits)
    if directory.size > limits.listing:
        raise Broken("bomb", f"the central directory is larger than {limits.listing} bytes")
    members = list(_read_directory(handle, directory))
    check_growth(sum(member.size for member in members), length, limits)
    members.sort(key=lambda member: member.offset)
    framed, position = [], 0
    for member in members:
        if member.offset != position:
            raise Broken("framing", "bytes that belong to no member, or overlapping members", member.name)
        data = _check_local(handle, member)
        framed.append(Framed(member, data))
        position = data + member.packed
    if position != directory.offset:
        raise Broken("framing", "bytes between the last member and the central directory")
    return framed


def _read_at(handle: BinaryIO, offset: int, size: int) -> bytes:
    if offset < 0:
        raise Broken("framing", "the file is too short for a ZIP file")
    handle.seek(offset)
    found = handle.read(size)
    if len(found) != size:
        raise Broken("framing", "the file ends inside a header")
    return found


def _read_end(handle: BinaryIO, length: int) -> _Directory:
    """Read the end record, which must be the very last bytes of the file."""
    position = length - _END.size
    signature, disk, start_disk, here, count, size, offset, comment = _END.unpack(_read_at(handle, position, _END.size))
    if signature != b"PK\x05\x06" or comment:
        raise Broken("framing", "the file does not end with a ZIP end record (comments and trailing bytes are refused)")
    if disk or start_disk or here != count:
        raise Broken("framing", "the archive is split over several files")
    directory = _Directory(count, size, offset)
    if count == _MAX16 or _MAX32 in (size, offset):
        directory, position = _read_end64(handle, position, directory)
    if directory.offset + directory.size != position:
        raise Broken("framing", "the central directory does not end where the end record begins")
    return directory


def _read_end64(handle: BinaryIO, end: int, plain: _Directory) -> tuple[_Directory, int]:
    """Read the ZIP64 end record and return its position too."""
    at = end - _LOCATOR64.size
    signature, disk, position, disks = _LOCATOR64.unpack(_read_at(handle, at, _LOCATOR64.size))
    if signature != b"PK\x06\x07" or disk or disks != 1 or position != at - _END64.size:
        raise Broken("framing", "the ZIP64 locator is missing or wrong")
    fields = _END64.unpack(_read_at(handle, position, _END64.size))
    signature, record, _, _, disk, start_disk, here, count, size, offset = fields
    if signature != b"PK\x06\x06" or record != _END64.size - 12:
        raise Broken("framing", "the ZIP64 end record is wrong or has extensible data")
    if disk or start_disk or here != count:
        raise Broken("framing", "the archive is split over several files")
    pairs = ((plain.count, count, _MAX16), (plain.size, size, _MAX32), (plain.offset, offset, _MAX32))
    if any(short not in (ceiling, full) for short, full, ceiling in pairs):
        raise Broken("framing", "the two end records contradict each other")
    return _Directory(count, size, offset), position


def _read_directory(handle: BinaryIO, directory: _Directory) -> Iterator[Member]:
    raw = _read_at(handle, directory.offset, directory.size)
    position = 0
    for _ in range(directory.count):
        if len(raw) - position < _CENTRAL.size:
            raise Broken("framing", "the central directory has fewer entries than the end record says")
        member, position = _read_central(raw, position)
        yield member
    if position != len(raw):
        raise Broken("framing", "the central directory has more than the end record says")


def _read_central(raw: bytes, position: int) -> tuple[Member, int]:
    fields = _CENTRAL.unpack_from(raw, position)
    signature, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size, comment, disk, _, mode, offset = (
        fields
    )
    name_at = position + _CENTRAL.size
    extra_at = name_at + name_size
    end = extra_at + extra_size
    if signature != b"PK\x01\x02" or end > len(raw):
        raise Broken("framing", "the central directory has a record that is not an entry")
    raw_name = raw[name_at:extra_at]
    name = _decode_name(raw_name, flags)
    if comment:
        raise Broken("framing", "an entry of the central directory has a comment", name)
    if disk:
        raise Broken("framing", "the archive is split over several files", name)
    size, packed, offset = _widen(name, raw_name, raw[extra_at:end], (size, packed, offset))
    member = Member(name, raw_name, flags, method, crc, packed, size, offset, mode >> 16)
    _check_member(member)
    return member, end


def _decode_name(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        shown = raw[:200].decode("ascii", "backslashreplace")
        raise Broken("path", "a member's name is neither ASCII nor marked as UTF-8", shown) from None


def _check_member(member: Member) -> None:
    if member.flags & _DESCRIPTOR:
        raise Broken("framing", "sizes stand in a data descriptor after the data (streamed ZIP)", member.name)
    if member.flags & _ENCRYPTED:
        raise Broken("framing", "is encrypted", member.name)
    if member.flags & ~_HARMLESS_FLAGS:
        raise Broken("framing", f"has unsupported flags {member.flags:#x}", member.name)
    if member.method not in (_STORED, _DEFLATED):
        raise Broken("compression", f"compression method {member.method} is refused: store or deflate", member.name)
    if member.method == _STORED and member.packed != member.size:
        raise Broken("framing", "is stored with two different sizes", member.name)
    if member.is_directory and member.size:
        raise Broken("framing", "is a directory with data", member.name)
    kind = stat.S_IFMT(member.mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a symbolic link" if kind == stat.S_IFLNK else "a device or other special file"
        raise Broken("member", f"is {what}, which a wheel cannot hold", member.name)


def _extras(name: str, raw: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = 0
    while position < len(raw):
        if len(raw) - position < 4:
            raise Broken("framing", "has a malformed extra field", name)
        key, size = struct.unpack_from("<HH", raw, position)
        position += 4
        if position + size > len(raw):
            raise Broken("framing", "has a malformed extra field", name)
        if key in found and key in (_EXTRA_ZIP64, _EXTRA_UNICODE_PATH):
            raise Broken("framing", "has the same extra field twice", name)
        found[key] = raw[position : position + size]
        position += size
    return found


def _widen(name: str, raw_name: bytes, extra: bytes, short: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return size, packed size and offset with ZIP64 values in place of those that did not fit."""
    extras = _extras(name, extra)
    unicode_path = extras.get(_EXTRA_UNICODE_PATH)
    if unicode_path is not None and unicode_path[5:] != raw_name:
        raise Broken("framing", "has a second, different name in an extra field", name)
    wide = [index for index, value in enumerate(short) if value == _MAX32]
    long = extras.get(_EXTRA_ZIP64)
    if long is None:
        return short
    if len(long) != 8 * len(wide):
        raise Broken("framing", "has a ZIP64 field that does not fit its header", name)
    values = list(short)
    for index, value in zip(wide, struct.unpack(f"<{len(wide)}Q", long), strict=True):
        values[index] = value
    return values[0], values[1], values[2]


def _check_local(handle: BinaryIO, member: Member) -> int:
    """Compare the local header with the central one; return where the data begin."""
    fields = _LOCAL.unpack(_read_at(handle, member.offset, _LOCAL.size))
    signature, _, flags, method, _, _, crc, packed, size, name_size, extra_size = fields
    if signature != b"PK\x03\x04":
        raise Broken("framing", "stands in the central directory only", member.name)
    data: int = member.offset + _LOCAL.size + name_size + extra_size
    rest = _read_at(handle, member.offset + _LOCAL.size, name_size + extra_size)
    if rest[:name_size] != member.raw_name:
        raise Broken("framing", "has another name in its local header", member.name)
    size, packed, _ = _widen(member.name, member.raw_name, rest[name_size:], (size, packed, 0))
    if (flags, method) != (member.flags, member.method):
        raise Broken("framing", "has other flags or another method in its local header", member.name)
    if (crc, packed, size) != (member.crc, member.packed, member.size):
        raise Broken("framing", "has other sizes or another checksum in its local header", member.name)
    return data


def pieces(handle: BinaryIO, framed: Framed) -> Iterator[bytes]:
    """Yield the data of a member; raise `Broken` unless size and checksum are as promised."""
    member = framed.member
    handle.seek(framed.data)
    left = member.packed

    def read(size: int) -> bytes:
        nonlocal left
        found = handle.read(min(size, left))
        left -= len(found)
        return found

    produced, crc = 0, 0
    source = inflate(read, RAW_DEFLATE) if member.method == _DEFLATED else iter(lambda: read(PIECE), b"")
    try:
        for piece in source:
            produced += len(piece)
            if produced > member.size:
                raise Broken("bomb", "unpacks to more than its header says")
            crc = zlib.crc32(piece, crc)
            yield piece
    except Broken as broken:
        raise Broken(broken.rule, broken.problem, member.name) from None
    if produced != member.size or crc != member.crc:
        raise Broken("framing", "has another size or checksum than its header says", member.name)
