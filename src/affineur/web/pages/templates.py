"""Templates for pages: text from outside is always escaped, and nothing is loaded from elsewhere."""

from __future__ import annotations

from functools import cache
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@cache
def _environment() -> Environment:
    loader = PackageLoader("affineur.web.pages", "html")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def page(template: str, status: int = 200, *, forms: bool = False, **values: Any) -> web.Response:
    """Answer with a page made of a template; `forms`: it has some, which are sent here."""
    body = _environment().get_template(template).render(**values)
    policy = _HEADERS["Content-Security-Policy"]
    headers = {**_HEADERS, "Content-Security-Policy": policy.replace("form-action 'none'", "form-action 'self'")}
    return web.Response(status=status, body=body.encode(), headers=headers if forms else _HEADERS)
