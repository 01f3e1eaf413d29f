"""Which representation and encoding a client gets (RFC 9110 section 12, PEP 691)."""

from __future__ import annotations

import math
from enum import Enum
from functools import lru_cache

from affineur.errors import NotAcceptable


class Representation(Enum):
    """The forms of a page."""

    JSON = "application/vnd.pypi.simple.v1+json"
    HTML_V1 = "application/vnd.pypi.simple.v1+html"
    HTML = "text/html"

    @property
    def content_type(self) -> str:
        """The media type it is sent with."""
        return self.value


_LATEST = {
    "application/vnd.pypi.simple.latest+json": Representation.JSON,
    "application/vnd.pypi.simple.latest+html": Representation.HTML_V1,
}
_TYPES = {form.value: form for form in Representation} | _LATEST
_PREFERENCE = (Representation.HTML, Representation.HTML_V1, Representation.JSON)


def _weighted(header: str) -> list[tuple[str, float]]:
    weighted = []
    for part in header.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                try:
                    quality = min(1.0, max(0.0, float(value)))
                except ValueError:
                    quality = 0.0
        if name:
            weighted.append((name, 0.0 if math.isnan(quality) else quality))
    return weighted


def _matches(name: str) -> tuple[int, set[Representation]]:
    """Return how specific a media range is, and the forms it means."""
    if name in _TYPES:
        return 2, {_TYPES[name]}
    if name.endswith("/*") and name != "*/*":
        return 1, {form for form in Representation if form.value.startswith(name[:-1])}
    return 0, set(Representation) if name == "*/*" else set()


@lru_cache(maxsize=1024)
def representation(accept: str | None, format_parameter: str | None = None) -> Representation:
    """Choose the form of a page.

    Raises:
        NotAcceptable: none of the forms asked for exists.
    """
    if format_parameter:
        form = _TYPES.get(format_parameter.strip().replace(" ", "+"))
        if form is None:
            raise NotAcceptable(format_parameter)
        return form
    if not accept or not accept.strip():
        return Representation.HTML
    best: dict[Representation, tuple[int, float]] = {}
    for name, quality in _weighted(accept):
        specificity, forms = _matches(name)
        for form in forms:
            if form not in best or specificity > best[form][0]:
                best[form] = (specificity, quality)
    usable = [form for form in _PREFERENCE if best.get(form, (0, 0.0))[1] > 0]
    if not usable:
        raise NotAcceptable(accept)
    return max(usable, key=lambda form: best[form][1])


@lru_cache(maxsize=1024)
def encoding(accept_encoding: str | None) -> str:
    """Choose the content encoding: zstd, then gzip, else identity."""
    if not accept_encoding:
        return "identity"
    stated = dict(_weighted(accept_encoding))
    anything = stated.get("*", 0.0)
    qualities = {name: stated.get(name, anything) for name in ("zstd", "gzip")}
    name = max(qualities, key=lambda candidate: qualities[candidate])
    return name if qualities[name] > 0 else "identity"
