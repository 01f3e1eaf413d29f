"""Feeds of alerts as Atom (RFC 4287), RSS 2.0 and JSON Feed 1.1, at addresses that only their owner knows."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree

import msgspec
from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import NotFound
from affineur.model.alerts import Alert
from affineur.operations.news import cut, said_of, title_of
from affineur.operations.readers import readers
from affineur.storage.catalog import alerts, signing_keys
from affineur.web.site import Site

_ATOM = "http://www.w3.org/2005/Atom"


async def feed(site: Site, request: BaseRequest, feed: str, form: str) -> web.StreamResponse:
    """The alerts of a lock or of an owner that changed last, closed ones too."""
    secret = base64.urlsafe_b64decode(feed + "=")
    name = await site.catalog.read(signing_keys.name_of, secret)
    if name is None or not name.startswith("feed "):
        raise NotFound("there is no such feed; `affineur monitor feeds` tells its address")
    _, kind, whose = name.split(" ", 2)
    if kind == "lock":
        found = await site.catalog.read(alerts.latest, lock=whose)
    else:
        found = await site.catalog.read(alerts.latest, owner=whose)
    found = (await readers(site.config, site.catalog, {alert.owner for alert in found})).readable(found)
    write, content_type = _FORMS[form]
    body = write(f"affineur: {whose}", f"{site.origin}/feeds/{feed}.{form}", found)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"Content-Type": content_type, "Cache-Control": "private, no-cache", "ETag": etag}
    if etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers)


def _said(alert: Alert) -> tuple[str, str]:
    """Return the title of an alert and what is known of it, as printable lines."""
    cause = alert.cause
    parts = [cause.sentence, said_of(cause.fix) if cause.fix else "", ", ".join(cause.ids), alert.end]
    title = f"{title_of(alert)} in {alert.lock} ({alert.state.value})"
    return cut(title), cut("; ".join(part for part in parts if part))


def _id(alert: Alert) -> str:
    return f"urn:affineur:alert:{alert.id}:{alert.opened_at:%Y%m%d%H%M%S}"


def _updated(found: Sequence[Alert]) -> datetime:
    return max((alert.changed_at for alert in found), default=datetime.fromtimestamp(0, UTC))


def _text(parent: ElementTree.Element, tag: str, text: str, **attributes: str) -> None:
    ElementTree.SubElement(parent, tag, attributes).text = text


def _xml(root: ElementTree.Element) -> bytes:
    made: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return made


def _atom(title: str, address: str, found: Sequence[Alert]) -> bytes:
    root = ElementTree.Element("feed", xmlns=_ATOM)
    _text(root, "title", title)
    _text(root, "id", "urn:affineur:feed:" + hashlib.sha256(address.encode()).hexdigest()[:32])
    _text(root, "updated", _updated(found).isoformat())
    ElementTree.SubElement(root, "link", rel="self", href=address)
    author = ElementTree.SubElement(root, "author")
    _text(author, "name", "affineur")
    for alert in found:
        entry = ElementTree.SubElement(root, "entry")
        headline, said = _said(alert)
        _text(entry, "title", headline)
        _text(entry, "id", _id(alert))
        _text(entry, "published", alert.opened_at.isoformat())
        _text(entry, "updated", alert.changed_at.isoformat())
        _text(entry, "content", said, type="text")
        if alert.cause.link.startswith("https://"):
            ElementTree.SubElement(entry, "link", rel="related", href=cut(alert.cause.link))
    return _xml(root)


def _rss(title: str, address: str, found: Sequence[Alert]) -> bytes:
    root = ElementTree.Element("rss", version="2.0")
    channel = ElementTree.SubElement(root, "channel")
    _text(channel, "title", title)
    _text(channel, "link", address)
    _text(channel, "description", "Alerts about locked releases")
    _text(channel, "lastBuildDate", format_datetime(_updated(found)))
    for alert in found:
        item = ElementTree.SubElement(channel, "item")
        headline, said = _said(alert)
        _text(item, "title", headline)
        _text(item, "description", said)
        _text(item, "guid", _id(alert), isPermaLink="false")
        _text(item, "pubDate", format_datetime(alert.changed_at))
        if alert.cause.link.startswith("https://"):
            _text(item, "link", cut(alert.cause.link))
    return _xml(root)


def _json(title: str, address: str, found: Sequence[Alert]) -> bytes:
    entries = []
    for alert in found:
        headline, said = _said(alert)
        entry = {
            "id": _id(alert), "title": headline, "content_text": said, "date_published": alert.opened_at,
            "date_modified": alert.changed_at, "tags": [alert.cause.kind.value, alert.state.value],
        }  # fmt: skip
        if alert.cause.link.startswith("https://"):
            entry["external_url"] = alert.cause.link
        entries.append(entry)
    version = "https://jsonfeed.org/version/1.1"
    return msgspec.json.encode({"version": version, "title": title, "feed_url": address, "items": entries})


_FORMS: dict[str, tuple[Callable[[str, str, Sequence[Alert]], bytes], str]] = {
    "atom": (_atom, "application/atom+xml; charset=utf-8"),
    "rss": (_rss, "application/rss+xml; charset=utf-8"),
    "json": (_json, "application/feed+json"),
}
