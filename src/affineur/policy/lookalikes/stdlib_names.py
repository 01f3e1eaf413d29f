"""Names of the standard library of every Python version since 2.6.

A module's dotted name is compared as an index would register it: `xml.dom` is `xml-dom`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

SHIPPED = Path(__file__).parent / "data" / "standard_library.txt"

BACKPORTS = frozenset(
    {
        "argparse",  # 2.7 and 3.2
        "asyncio",  # 3.4; for 3.3
        "configparser",  # 3.5's, for 2.6 to 3.4
        "contextvars",  # 3.7
        "dataclasses",  # 3.7
        "datetime",  # not a backport: Zope's DateTime, older than the standard module
        "faulthandler",  # 3.3
        "importlib",  # 2.7; for 2.6
        "importlib-metadata",  # importlib.metadata, 3.8; developed outside first
        "importlib-resources",  # importlib.resources, 3.7; likewise
        "ipaddress",  # 3.3
        "json-encoder",  # unrelated to json.encoder
        "logging",  # the standard module's first home
        "pathlib",  # 3.4
        "pathlib-abc",  # 3.13's pathlib._abc, developed outside first
        "selectors",  # 3.4
        "statistics",  # 3.4
        "typing",  # 3.5
        "uuid",  # 2.5, and still what many ask for
    }
)
"""Projects that stand under the name of a module and are what they say.

Those for Python before 2.6 (`hashlib`, `ssl`, `multiprocessing`, `wsgiref`) are left out: nobody gains by them."""


@cache
def stdlib_names() -> frozenset[str]:
    """Return every module's name, normalised (PEP 503), packages and submodules alike."""
    lines = SHIPPED.read_text(encoding="ascii").split("\n")
    return frozenset(line for line in lines if line and not line.startswith("#"))


def is_stdlib(name: str) -> bool:
    """Whether a normalised name is that of a standard-library module, backport or not."""
    return name in stdlib_names()


def is_taken_for_stdlib(name: str) -> bool:
    """Whether a normalised name is that of a standard-library module and no known backport's."""
    return name not in BACKPORTS and name in stdlib_names()
