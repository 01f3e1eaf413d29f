"""Errors as answers: the only table of statuses, and the form in which clients show them."""

from __future__ import annotations

import json

from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import AffineurError, Refused, Throttled

STATUS = {
    "error": 500,
    "invalid": 400,
    "not-found": 404,
    "method-not-allowed": 405,
    "not-acceptable": 406,
    "refused": 403,
    "project-refused": 451,
    "unauthenticated": 401,
    "forbidden": 403,
    "conflict": 409,
    "file-exists": 400,
    "too-large": 413,
    "unresolvable": 422,
    "throttled": 429,
    "storage-full": 507,
    "storage-unavailable": 503,
    "not-delivered": 502,
    "upstream-unavailable": 504,
    "upstream-broken": 502,
}
"""The status of each kind of error."""

_LONGEST_PHRASE = 200
_LONGEST_TAIL = 120


def printable(text: str) -> str:
    """Return `text` fit for a reason phrase and a terminal: printable ASCII, one line."""
    return "".join(c if " " <= c <= "~" else "?" for c in " ".join(text.split()))


def phrase_of(error: AffineurError) -> str:
    """Return the reason phrase of an error: its sentence, cut so that a why-address still fits.

    An address that would leave no room for the sentence stands in the body alone.
    """
    sentence = printable(error.sentence)
    tail = f"; see {printable(error.why)}" if isinstance(error, Refused) and error.why else ""
    if len(tail) > _LONGEST_TAIL:
        tail = ""
    return sentence[: _LONGEST_PHRASE - len(tail)] + tail


def document(error: AffineurError, instance: str) -> dict[str, object]:
    """Return the problem document (RFC 9457) of an error; `instance` where the error has no why-address."""
    return {
        "type": "about:blank",
        "title": error.kind.replace("-", " "),
        "status": STATUS[error.kind],
        "detail": printable(error.sentence),
        "instance": getattr(error, "why", "") or instance,
    }


def answer(error: AffineurError, request: BaseRequest, *, plain: bool = False) -> web.Response:
    """Return an error as an answer: its sentence in the reason phrase, and in a problem document or `plain` text."""
    status = STATUS[error.kind]
    body = printable(error.sentence) + "\n" if plain else json.dumps(document(error, request.path))
    response = web.Response(
        status=status, reason=phrase_of(error), body=body.encode(), headers={"Cache-Control": "no-cache"}
    )
    response.headers["Content-Type"] = "text/plain; charset=utf-8" if plain else "application/problem+json"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="affineur", charset="UTF-8"'
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(error.retry_after)
    return response
