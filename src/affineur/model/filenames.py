"""What the name of a distribution file tells: project, version, kind."""

from __future__ import annotations

from collections.abc import Iterator

from affineur.errors import InvalidName
from affineur.model.names import ProjectName, normalize, project_name

SDIST_SUFFIXES = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar.Z", ".tar")
LISTED_SUFFIXES = (".whl", *SDIST_SUFFIXES, ".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg")
"""Kinds of files an upstream may list; anything else on a page is not a distribution."""

_MOST_CANDIDATES = 6


def stem_of(filename: str) -> str | None:
    """Return the name without its distribution suffix, or None if it has no known one."""
    for suffix in LISTED_SUFFIXES:
        if filename.endswith(suffix):
            return filename[: -len(suffix)]
    return None


def is_filename(text: str) -> bool:
    """Whether people who write `text` mean a file and not a project."""
    return "-" in text and "/" not in text and stem_of(text) is not None


def version_in(filename: str, project: ProjectName) -> str | None:
    """Return the version that `filename` states if the file belongs to `project`, else None.

    The version is as written (not parsed: pages of ten thousand files are common). A wheel's
    project ends at the first "-"; an sdist's wherever the part before a "-" normalises to the project.
    """
    stem = stem_of(filename)
    if stem is None:
        return None
    if filename.endswith((".whl", ".egg")):
        name, _, rest = stem.partition("-")
        return rest.partition("-")[0] if rest and normalize(name) == project else None
    cut = -1
    while (cut := stem.find("-", cut + 1)) != -1:
        if normalize(stem[:cut]) == project and stem[cut + 1 :]:
            return stem[cut + 1 :]
    return None


def candidate_projects(filename: str) -> Iterator[ProjectName]:
    """Yield the projects that a file of this name may belong to, the likeliest first, a few at most.

    A version begins with a digit almost always, so an sdist's name most likely ends before one.
    """
    stem = stem_of(filename)
    if stem is None:
        return
    if filename.endswith((".whl", ".egg")):
        cuts = [len(stem.partition("-")[0])]
    else:
        cuts = [at for at, character in enumerate(stem) if character == "-"]
        cuts.sort(key=lambda at: (stem[at + 1 : at + 2].isdigit(), at), reverse=True)
    seen: set[str] = set()
    for cut in cuts[:_MOST_CANDIDATES]:
        try:
            name = project_name(stem[:cut])
        except InvalidName:
            continue
        if name not in seen:
            seen.add(name)
            yield name
