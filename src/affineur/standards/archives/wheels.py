"""The rules for the inside of a wheel."""

from __future__ import annotations

import base64
import binascii
import configparser
import csv
import hashlib
import io
import re
import tarfile
from collections.abc import Iterable
from email.parser import BytesParser
from pathlib import Path
from typing import BinaryIO

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from affineur.standards.archives.framing import Framed, pieces, walk
from affineur.standards.archives.inflate import check_count
from affineur.standards.archives.naming import Tree, is_startup_file
from affineur.standards.archives.values import Broken, Contents, FileName, Limits

_STRONG = frozenset(
    {"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s"}
)  # fmt: skip
_SCRIPT_NAME = re.compile(r"[\w.-]+")
_SCRIPT_GROUPS = ("console_scripts", "gui_scripts")
_UNRECORDED = ("RECORD", "RECORD.jws", "RECORD.p7s")


def read_wheel(path: Path, named: FileName, limits: Limits) -> tuple[Contents, frozenset[str]]:
    """Check a wheel and return what it holds and its files; raise `Broken` on the first broken rule."""
    with path.open("rb") as handle:
        _refuse_tar(handle)
        framed = walk(handle, limits)
        tree = Tree(limits)
        for item in framed:
            tree.add(item.member.name, directory=item.member.is_directory)
        tree.close()
        return _read_members(handle, framed, named, limits), frozenset(tree.files)


def _refuse_tar(handle: BinaryIO) -> None:
    try:
        tarfile.TarInfo.frombuf(handle.read(512), "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return
    raise Broken("polyglot", "can be read as a tar archive as well as a ZIP file")


def _read_members(handle: BinaryIO, framed: list[Framed], named: FileName, limits: Limits) -> Contents:
    by_name = {item.member.name: item for item in framed}
    files = [name for name in by_name if not name.endswith("/")]
    folder = _dist_info(by_name, named)
    _check_wheel_file(_read_small(handle, by_name, f"{folder}/WHEEL", limits.metadata))
    metadata = _read_small(handle, by_name, f"{folder}/METADATA", limits.metadata)
    record = _parse_record(_read_small(handle, by_name, f"{folder}/RECORD", limits.listing), folder, limits)
    unrecorded = {f"{folder}/{name}" for name in _UNRECORDED}
    _compare_names(set(record) - unrecorded, set(files) - unrecorded)
    for item in framed:
        _verify(handle, item, record.get(item.member.name))
    if (entry_points := f"{folder}/entry_points.txt") in by_name:
        _check_entry_points(_read_small(handle, by_name, entry_points, limits.metadata), entry_points)
    return Contents(
        metadata,
        len(framed),
        sum(item.member.size for item in framed),
        tuple(sorted(name for name in files if _runs_at_start(name))),
        tuple(sorted(name for name in files if name.startswith(f"{folder}/sboms/"))),
    )


def _dist_info(names: Iterable[str], named: FileName) -> str:
    tops = {name.partition("/")[0] for name in names if "/" in name}
    folders = sorted(top for top in tops if top.lower().endswith(".dist-info"))
    if len(folders) != 1:
        found = ", ".join(folders[:5]) or "none"
        raise Broken("dist-info", f"a wheel has exactly one .dist-info directory; found: {found}")
    name, _, version = folders[0][: -len(".dist-info")].partition("-")
    try:
        same = canonicalize_name(name) == named.name and str(Version(version)) == named.version
    except InvalidVersion:
        same = False
    if not same or not folders[0].endswith(".dist-info"):
        raise Broken("dist-info", "the .dist-info directory is not named for the wheel", folders[0])
    return folders[0]


def _read_small(handle: BinaryIO, by_name: dict[str, Framed], name: str, limit: int) -> bytes:
    item = by_name.get(name)
    if item is None:
        raise Broken("dist-info", "is missing", name)
    if item.member.size > limit:
        raise Broken("bomb", f"is larger than {limit} bytes", name)
    return b"".join(pieces(handle, item))


def _check_wheel_file(raw: bytes) -> None:
    message = BytesParser().parsebytes(raw, headersonly=True)
    version = str(message.get("Wheel-Version", "")).strip()
    if not re.fullmatch(r"1\.[0-9]+", version):
        raise Broken("wheel-version", f"Wheel-Version is {version[:40]!r}, 1.x is accepted", "WHEEL")


def _parse_record(raw: bytes, folder: str, limits: Limits) -> dict[str, tuple[str, str]]:
    """Return path → (hash, size) as written."""
    place = f"{folder}/RECORD"
    found: dict[str, tuple[str, str]] = {}
    try:
        for row in csv.reader(io.StringIO(raw.decode("utf-8"), newline=""), strict=True):
            if not row:
                continue
            if len(row) != 3:
                raise Broken("record", f"a row has {len(row)} columns, not 3", place)
            if row[0] in found:
                raise Broken("record", f"{row[0][:200]!r} is recorded twice", place)
            found[row[0]] = (row[1], row[2])
            check_count(len(found), limits)
    except (csv.Error, UnicodeDecodeError) as error:
        raise Broken("record", f"cannot be read: {error}", place) from None
    return found


def _compare_names(recorded: set[str], present: set[str]) -> None:
    if extra := sorted(present - recorded):
        raise Broken("record", "is not listed in RECORD", extra[0])
    if missing := sorted(recorded - present):
        raise Broken("record", "is listed in RECORD but missing", missing[0][:200])


def _verify(handle: BinaryIO, item: Framed, recorded: tuple[str, str] | None) -> None:
    """Read one member to its end, comparing it with what RECORD says where RECORD lists it."""
    name = item.member.name
    if recorded is None or name.endswith(_UNRECORDED):
        _exhaust(handle, item)
        if recorded is None or not any(recorded):
            return
    stated, size = recorded
    algorithm, _, encoded = stated.partition("=")
    if algorithm not in _STRONG:
        raise Broken("record", f"RECORD has no hash of sha256 or better ({algorithm[:20]!r})", name)
    digest = hashlib.new(algorithm)
    for piece in pieces(handle, item):
        digest.update(piece)
    if _decode_digest(encoded) != digest.digest():
        raise Broken("record", f"RECORD states another {algorithm} hash", name)
    if size and size != str(item.member.size):
        raise Broken("record", "RECORD states another size", name)


def _exhaust(handle: BinaryIO, item: Framed) -> None:
    for _ in pieces(handle, item):
        pass


def _decode_digest(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None


def _check_entry_points(raw: bytes, place: str) -> None:
    parser = configparser.RawConfigParser(delimiters=("=",), default_section="\0", interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(raw.decode("utf-8"))
    except (configparser.Error, UnicodeDecodeError) as error:
        raise Broken("entry-points", f"cannot be read: {str(error).splitlines()[0][:200]}", place) from None
    for group in _SCRIPT_GROUPS:
        for script in parser.options(group) if parser.has_section(group) else ():
            if not _SCRIPT_NAME.fullmatch(script) or script in (".", ".."):
                raise Broken("entry-points", f"{script[:80]!r} is not a name for a script", place)


def _runs_at_start(name: str) -> bool:
    """Whether an installer puts the member where Python reads start-up files."""
    top, _, rest = name.partition("/")
    return is_startup_file(name) and (not rest or top.endswith(".data"))
