"""Project names and index names: parsed once at the edge, distinct types inside."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from typing import NewType

from affineur.errors import InvalidName

ProjectName = NewType("ProjectName", str)
"""A project name in normalised form (PEP 503)."""

IndexName = NewType("IndexName", str)
"""The name of an index as configured and as it stands in addresses."""

SourceName = NewType("SourceName", str)
"""The name of a mirror or of a hosted source."""

RESERVED_INDEX_NAMES = frozenset(
    {
        "simple", "legacy", "pypi", "rss", "packages", "project", "badge", "why",
        "api", "namespace", "namespaces", "static", "rpc2",
    }
)  # fmt: skip
"""First path segments that mean something else and so cannot name an index."""

_VALID_PROJECT = re.compile(r"\A[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z", re.ASCII)
_SEPARATORS = re.compile(r"[-_.]+")
_VALID_INDEX = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", re.ASCII)
_LONGEST_NAME = 200


def normalize(name: str) -> ProjectName:
    """Return `name` in normalised form (PEP 503) without checking that it is a valid name."""
    return ProjectName(_SEPARATORS.sub("-", name).lower())


def project_name(text: str) -> ProjectName:
    """Parse a project name as written by a person or client.

    Raises:
        InvalidName: `text` is not a valid name by the packaging specification "Names and normalization".
    """
    if len(text) > _LONGEST_NAME or not _VALID_PROJECT.match(text):
        raise InvalidName(
            "project", text, "letters, digits, '.', '_' and '-', beginning and ending with a letter or digit"
        )
    return normalize(text)


def name_pattern(text: str) -> str:
    """Parse a project name, or a pattern of names with `*` and `?`, and return it in normalised form.

    Raises:
        InvalidName: no name could match it.
    """
    plain = text.replace("*", "a").replace("?", "a")
    if len(text) > _LONGEST_NAME or not _VALID_PROJECT.match(plain):
        raise InvalidName("project", text, "a name, or a pattern such as acme-*")
    return normalize(text)


def matches(project: ProjectName, patterns: Iterable[str]) -> bool:
    """Whether a name is one of `patterns`, as `name_pattern` returns them.

    A pattern such as `acme-*` is a namespace (PEP 752): `acme` itself belongs to it.
    """
    return any(
        fnmatch.fnmatchcase(project, wanted) or (wanted.endswith("-*") and project == wanted[:-2])
        for wanted in patterns
    )


def index_name(text: str) -> IndexName:
    """Parse the name of an index.

    Raises:
        InvalidName: the name is malformed or one of `RESERVED_INDEX_NAMES`.
    """
    if not _VALID_INDEX.match(text):
        raise InvalidName("index", text, "letters, digits, '.', '_' and '-', beginning with a letter or digit")
    if text.lower() in RESERVED_INDEX_NAMES:
        raise InvalidName("index", text, "a name that is not reserved for addresses of its own")
    return IndexName(text)
