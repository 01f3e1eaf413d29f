"""User-Agent headers (RFC 9110 section 10.1.5) of packaging tools: which tool, on which Python and platform, in CI or not.

pip and uv send one product and a JSON object; poetry, pdm and twine send products alone; mirroring
tools put Python and system into a comment. What a header does not say stays empty, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

LONGEST = 2000
"""Characters of a header that are looked at; pip's are some 400 long."""
_LONGEST_WORD = 60
_PRODUCT = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:/([^\s/();{]+))?")
_COMMENT = re.compile(r"\(([^()]*)\)")
_PYTHONS = frozenset({"cpython", "pypy", "python", "jython", "ironpython", "graalpy", "graalvm"})
_SYSTEMS = frozenset({"linux", "darwin", "windows", "freebsd", "openbsd", "netbsd", "sunos", "java"})
_MACHINES = re.compile(
    r"(x86_64|amd64|i[3-6]86|x86|aarch64|arm64|armv\d+l?|ppc64le|ppc64|s390x|riscv64|loongarch64)", re.IGNORECASE
)
_LIBRARIES = frozenset({"python-urllib", "python-requests", "python-httpx", "requests", "aiohttp"})
"""What speaks HTTP for a tool; some tools name it first."""
_BROWSERS = (("Edg", "edge"), ("Firefox", "firefox"), ("Chrome", "chrome"), ("Safari", "safari"))
_VERSION = re.compile(r"\d[\w.+!-]*")
_PYTHON_IN_COMMENT = re.compile(r"(?:cpython|pypy|python|py)[ /]?(\d+(?:\.\d+)+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Client:
    """What a request's User-Agent tells of who sent it; what it does not tell is empty."""

    name: str = ""
    """The tool in lower case, such as pip, uv or twine."""
    version: str = ""
    python: str = ""
    """The version of Python, as precisely as it is said."""
    platform: str = ""
    """Operating system and processor in lower case, such as linux-x86_64."""
    ci: bool = False
    """Whether it says that it runs in continuous integration."""

    @property
    def product(self) -> str:
        """Name and version as one word."""
        return f"{self.name}/{self.version}" if self.version else self.name


def read_user_agent(text: str) -> Client:
    """Return what a User-Agent header tells. Any text is read; what makes no sense tells nothing."""
    text = text[:LONGEST]
    head, brace, rest = text.partition("{")
    products = [(name, version or "") for name, version in _PRODUCT.findall(_COMMENT.sub(" ", head))]
    if not products:
        return Client()
    if products[0][0] == "Mozilla":
        return _browser(products, text)
    name, version = _tool(products)
    if brace and (told := _told("{" + rest)) is not None:
        return Client(_word(name).lower(), _word(version), *told)
    comments = " ".join(_COMMENT.findall(head))
    return Client(_word(name).lower(), _word(version), _python(products, comments), _platform(products, comments))


def _tool(products: list[tuple[str, str]]) -> tuple[str, str]:
    """Return the product that is the tool: the first that is not a library for HTTP, where there is one."""
    return next(
        (
            product
            for product in products
            if product[0].lower() not in _LIBRARIES | _PYTHONS | _SYSTEMS and _VERSION.match(product[1])
        ),
        products[0],
    )


def _word(value: Any) -> str:
    """Return a value as a short word without control characters; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    return "".join(char for char in value if char.isprintable() and not char.isspace())[:_LONGEST_WORD]


def _told(text: str) -> tuple[str, str, bool] | None:
    """Return Python, platform and CI from the JSON object that pip and uv send; None where it cannot be read."""
    try:
        told = msgspec.json.decode(text.strip().encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return _told_in_part(text)
    if not isinstance(told, dict):
        return None
    implementation, system = told.get("implementation"), told.get("system")
    python = _word(told.get("python"))
    if not python and isinstance(implementation, dict):
        python = _word(implementation.get("version"))
    name = _word(system.get("name")) if isinstance(system, dict) else ""
    parts = [part for part in (name, _word(told.get("cpu"))) if part]
    return python, "-".join(parts).lower(), told.get("ci") is True


def _told_in_part(text: str) -> tuple[str, str, bool]:
    """Return the same from an object that was cut off, or has words of a user behind it."""

    def found(pattern: str) -> str:
        match = re.search(pattern, text)
        return _word(match[1]) if match else ""

    python = found(r'"python"\s*:\s*"([^"\\]*)"')
    system = found(r'"system"\s*:\s*\{\s*"name"\s*:\s*"([^"\\]*)"')
    parts = [part for part in (system, found(r'"cpu"\s*:\s*"([^"\\]*)"')) if part]
    return python, "-".join(parts).lower(), re.search(r'"ci"\s*:\s*true', text) is not None


def _python(products: list[tuple[str, str]], comments: str) -> str:
    for name, version in products:
        if name.lower() in _PYTHONS | {"python-urllib"} and _VERSION.match(version):
            return _word(version)
    found = _PYTHON_IN_COMMENT.search(comments)
    return _word(found[1]) if found else ""


def _platform(products: list[tuple[str, str]], comments: str) -> str:
    named = [name.lower() for name, _ in products if name.lower() in _SYSTEMS]
    said = [word for word in re.findall(r"[a-z]+", comments.lower()) if word in _SYSTEMS]
    if "macintosh" in comments.lower():
        said.append("darwin")
    machine = _MACHINES.search(comments)
    parts = [*(named or said)[:1], *([machine[1].lower()] if machine else [])]
    return "-".join(parts)


def _browser(products: list[tuple[str, str]], text: str) -> Client:
    versions = dict(products)
    comments = " ".join(_COMMENT.findall(text))
    for product, name in _BROWSERS:
        if product in versions:
            return Client(name, _word(versions[product]), platform=_platform([], comments))
    return Client("mozilla", _word(products[0][1]), platform=_platform([], comments))
