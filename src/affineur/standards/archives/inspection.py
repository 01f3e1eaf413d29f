"""The strict examination of an uploaded file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from packaging.metadata import Metadata
from packaging.utils import canonicalize_name

from affineur.errors import InvalidArchive, InvalidDocument
from affineur.standards import core_metadata
from affineur.standards.archives.naming import parse_filename
from affineur.standards.archives.sdists import read_sdist
from affineur.standards.archives.values import Broken, Contents, FileName, Inspection, Limits
from affineur.standards.archives.wheels import read_wheel

_LICENCES_CHECKED_FROM = (2, 4)


def inspect(path: Path, filename: str, limits: Limits = Limits()) -> Inspection:
    """Examine the file at `path`, to be published as `filename`, without unpacking it to disk.

    Time and memory are bounded by the size of the file and by `limits`.

    Raises:
        InvalidArchive: on the first rule that is broken.
    """
    try:
        return _inspect(path, filename, limits)
    except Broken as broken:
        raise InvalidArchive(filename, broken.rule, broken.problem, broken.member) from None


def _inspect(path: Path, filename: str, limits: Limits) -> Inspection:
    named = parse_filename(filename, limits)
    if named.kind == "bdist_wheel":
        contents, files = read_wheel(path, named, limits)
    else:
        contents, files = read_sdist(path, named, limits)
    _check_metadata(contents, files, named)
    return Inspection(
        filename=filename,
        kind=named.kind,
        name=named.name,
        version=named.version,
        metadata=contents.metadata,
        requires_python=core_metadata.requires_python(contents.metadata),
        build=named.build,
        tags=named.tags,
        startup_files=contents.startup_files,
        sboms=contents.sboms,
        members=contents.members,
        unpacked=contents.unpacked,
    )


def _check_metadata(contents: Contents, files: Iterable[str], named: FileName) -> None:
    try:
        metadata = core_metadata.parse(contents.metadata)
        licences = core_metadata.licence_files(contents.metadata)
    except InvalidDocument as error:
        raise Broken("metadata", error.problem, error.where) from None
    if canonicalize_name(metadata.name) != named.name:
        raise Broken("metadata", f"Name is {metadata.name!r}, the file name says {named.name!r}")
    if str(metadata.version) != named.version:
        raise Broken("metadata", f"Version is {metadata.version}, the file name says {named.version}")
    if _version_of(metadata) >= _LICENCES_CHECKED_FROM:
        _check_licences(licences, set(files), named)


def _version_of(metadata: Metadata) -> tuple[int, int]:
    major, _, minor = metadata.metadata_version.partition(".")
    return int(major), int(minor)


def _check_licences(licences: Iterable[str], files: set[str], named: FileName) -> None:
    if named.kind == "sdist":
        present = {name.partition("/")[2] for name in files}
    else:
        inside = (name.partition("/") for name in files if name.partition("/")[0].endswith(".dist-info"))
        present = {rest.removeprefix("licenses/") for _, _, rest in inside if rest.startswith("licenses/")}
    for licence in licences:
        if licence not in present:
            raise Broken("licence", f"License-File {licence[:200]!r} is not in the archive")
