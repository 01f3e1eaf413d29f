"""The JSON API of a project, in the shape of the public index; pure.

There is no standard; the fields are those that clients and mirrors read, the old ones included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from packaging.version import InvalidVersion, Version

from affineur.model.advisories import Vulnerability
from affineur.model.files import File, Page
from affineur.model.names import normalize

_KINDS = {
    ".whl": "bdist_wheel", ".egg": "bdist_egg", ".exe": "bdist_wininst", ".msi": "bdist_msi",
    ".rpm": "bdist_rpm", ".deb": "bdist_dumb", ".dmg": "bdist_dmg",
}  # fmt: skip
_NEVER_COUNTED = {"last_day": -1, "last_month": -1, "last_week": -1}


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as it is to be shown: its files, what is refused of them, and where they are had."""

    page: Page
    link: Callable[[File], str]
    """Makes the absolute address of a file."""
    home: str
    """The absolute address of the project's page for people."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why the gate refuses a file, by file name."""
    digests: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Further digests by algorithm, by the SHA-256 of the file."""

    def reason(self, file: File) -> str | None:
        """Return why the file is withdrawn, by the gate or by its author, or None."""
        return self.refused.get(file.filename) or (file.yanked_reason if file.yanked else None) or None


@dataclass(frozen=True, slots=True)
class Release:
    """The files of one version; versions that compare equal are the same release."""

    version: str
    files: tuple[File, ...] = ()


@lru_cache(maxsize=65536)
def _parsed(version: str) -> Version | None:
    try:
        return Version(version)
    except InvalidVersion:
        return None


def releases_of(page: Page) -> list[Release]:
    """Return the releases of a page, the lowest first; versions that cannot be parsed come before all others."""
    files: dict[Version | str, list[File]] = {}
    written: dict[Version | str, str] = {}
    for version, file in [*((f.version, f) for f in page.files if f.version), *((v, None) for v in page.versions)]:
        parsed = _parsed(version)
        key = parsed if parsed is not None else version
        written.setdefault(key, str(parsed) if parsed is not None else version)
        held = files.setdefault(key, [])
        if file is not None:
            held.append(file)
    ordered = sorted(files, key=lambda key: (isinstance(key, Version), key))
    return [Release(written[key], tuple(files[key])) for key in ordered]


def find(releases: Sequence[Release], version: str) -> Release | None:
    """Return the release of a version however it is written (1.0 is 1.0.0), or None."""
    wanted = _parsed(version)
    return next((r for r in releases if r.version == version or (wanted and _parsed(r.version) == wanted)), None)


def passing(releases: Sequence[Release], refused: Mapping[str, str]) -> list[Release]:
    """Return the releases with the files that the gate lets through; one that loses all its files is left out."""
    kept = [Release(r.version, tuple(f for f in r.files if f.filename not in refused)) for r in releases]
    return [after for before, after in zip(releases, kept, strict=True) if after.files or not before.files]


def latest(releases: Sequence[Release]) -> Release | None:
    """Return the highest release that is neither yanked nor a pre-release; else the highest of what there is.

    Releases without files are passed over; None where no release has any.
    """

    def rank(release: Release) -> tuple[bool, bool]:
        parsed = _parsed(release.version)
        return not all(file.yanked for file in release.files), parsed is not None and not parsed.is_prerelease

    present = [(rank(release), place) for place, release in enumerate(releases) if release.files]
    return releases[max(present)[1]] if present else None


def _kind(file: File) -> str:
    return next((kind for suffix, kind in _KINDS.items() if file.filename.endswith(suffix)), "sdist")


def _python(file: File) -> str:
    """Return what the file says of Python: a wheel's tag, an egg's version, "source" for an sdist."""
    parts = file.filename.rpartition(".")[0].split("-")
    if file.is_wheel and len(parts) >= 5:
        return parts[-3]
    if file.filename.endswith(".egg"):
        return next((part[2:] for part in parts if part.startswith("py")), "any")
    return "source" if _kind(file) == "sdist" else "any"


def _moment(moment: datetime) -> str:
    """Write a moment as mirrors parse it: always with microseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def file_row(shown: Shown, file: File) -> dict[str, Any]:
    """Return the entry of a file as it stands in `urls` and `releases`."""
    digests = {**shown.digests.get(file.sha256 or "", {}), **file.hashes}
    uploaded = file.upload_time or file.first_seen
    offered = file.metadata_hashes is not None
    row: dict[str, Any] = {
        "comment_text": "",
        "core-metadata": (file.metadata_hashes or True) if offered else False,
        "digests": {name: digests[name] for name in sorted(digests)},
        "downloads": -1,
        "filename": file.filename,
        "has_sig": bool(file.signed),
        "md5_digest": digests.get("md5"),
        "packagetype": _kind(file),
        "python_version": _python(file),
        "requires_python": file.requires_python,
        "size": file.size,
        "upload_time": uploaded.strftime("%Y-%m-%dT%H:%M:%S") if uploaded else None,
        "upload_time_iso_8601": _moment(uploaded) if uploaded else None,
        "url": shown.link(file),
        "yanked": file.yanked,
        "yanked_reason": (file.yanked_reason or None) if file.yanked else None,
    }
    if file.upload_time_source is not None:
        row["_upload_time_source"] = file.upload_time_source.value
    if file.vanished is not None:
        row["_vanished"] = _moment(file.vanished)
    return row


def info(shown: Shown, release: Release, stated: Mapping[str, object]) -> dict[str, Any]:
    """Return `info` of a release: what its core metadata states, completed with what the page knows."""
    project = shown.page.project
    known = dict(stated)
    if normalize(str(known["name"])) != project:
        known["name"] = project
    # The key in `releases` and the version here must be the same text: clients look one up by the other.
    known["version"] = release.version
    if known["requires_python"] is None:
        known["requires_python"] = next((f.requires_python for f in release.files if f.requires_python), None)
    yanked = bool(release.files) and all(f.yanked or f.filename in shown.refused for f in release.files)
    reasons = (shown.reason(file) for file in release.files)
    return {
        **known,
        "downloads": _NEVER_COUNTED,
        "package_url": shown.home,
        "project_url": shown.home,
        "release_url": f"{shown.home}{release.version}/",
        "yanked": yanked,
        "yanked_reason": next(filter(None, reasons), None) if yanked else None,
    }


def vulnerability(hole: Vulnerability) -> dict[str, Any]:
    """Return the entry of a hole as it stands in `vulnerabilities`; several records of one hole are one entry."""
    told = hole.advisory
    fixes = {text for record in hole.records for text in record.fixes}
    return {
        "aliases": [name for name in hole.ids if name != told.id],
        "details": told.details,
        "fixed_in": sorted(fixes, key=lambda text: (_parsed(text) or Version("0"), text)),
        "id": told.id,
        "link": told.link or None,
        "source": told.origin.value,
        "summary": told.summary,
        "withdrawn": None,
        "_severity": hole.severity.word,
    }


def document(
    shown: Shown,
    release: Release,
    stated: Mapping[str, object],
    releases: Sequence[Release] | None,
    holes: Sequence[Vulnerability] = (),
) -> dict[str, Any]:
    """Return the whole document: of a project when `releases` are given, else of one release.

    `holes` are what is known against the release.

    `urls` and `releases` hold what can be had: tools take every file that stands there, and know no
    mark. What the gate refuses stands under a key of ours, with the reason.
    """
    told = [release] if releases is None else releases
    made: dict[str, Any] = {
        "info": info(shown, release, stated),
        "last_serial": shown.page.serial,
        "ownership": {"organization": None, "roles": []},
        "urls": [file_row(shown, file) for there in passing([release], shown.refused) for file in there.files],
        "vulnerabilities": [vulnerability(hole) for hole in holes],
    }
    if releases is not None:
        there = passing(releases, shown.refused)
        made["releases"] = {r.version: [file_row(shown, file) for file in r.files] for r in there}
    if refusals := [_refusal(shown, r, f) for r in told for f in r.files if f.filename in shown.refused]:
        made["_refused"] = refusals
    return made


def _refusal(shown: Shown, release: Release, file: File) -> dict[str, str]:
    return {"filename": file.filename, "version": release.version, "reason": shown.refused[file.filename]}
