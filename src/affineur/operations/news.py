"""One message a person wants to read, made of the news of several alerts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from affineur.model.alerts import Alert, AlertKind, Cause, Fix, News
from affineur.model.messages import Message
from affineur.model.printable import in_one_line
from affineur.operations.links import Link, signed
from affineur.storage.catalog.alerts import Batch
from affineur.storage.catalog.locks import Named

if TYPE_CHECKING:
    from jinja2 import Environment

_MOST_ITEMS = 20
"""How many things one message tells people in full."""
_MOST_FOR_PROGRAMS = 200
_MOST_LOCKS = 20
_LONGEST = 300
_WORDS = {
    AlertKind.MALWARE: "malware",
    AlertKind.ADVISORY: "vulnerability",
    AlertKind.QUARANTINED: "quarantined",
    AlertKind.REFUSED: "refused",
    AlertKind.MISSING: "gone",
    AlertKind.YANKED: "yanked",
    AlertKind.DEPRECATED: "deprecated",
    AlertKind.ARCHIVED: "end of life",
    AlertKind.PUBLISHER: "publisher changed or unknown",
}
_RAISED = frozenset({AlertKind.MALWARE, AlertKind.ADVISORY, AlertKind.YANKED, AlertKind.REFUSED})
"""Kinds of causes for which `audit --fix` looks for another release."""
_LEADS = {
    News.OPENED: "",
    News.CHANGED: "changed: ",
    News.SECURITY_RELEASE: "a security release: ",
    News.FIX_FREE: "the fix is free: ",
    News.CLOSED: "settled: ",
}


@dataclass
class Item:
    """One thing told: the same news about the same cause in one or more locks."""

    news: News
    project: str
    version: str
    index: str
    cause: Cause
    end: str
    locks: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Further locks of the same owner that hold the release."""
    strangers: int = 0
    """How many locks of others hold it."""
    acknowledge: str = ""
    mute: str = ""

    @property
    def name(self) -> str:
        """What the cause is known by."""
        return name_of(self.cause)

    @property
    def title(self) -> str:
        """The news in a line."""
        return _LEADS[self.news] + _title(self.project, self.version, self.cause)

    @property
    def known_as(self) -> str:
        """The other names of the cause."""
        known = self.name
        return ", ".join(name for name in self.cause.ids if name != known)

    @property
    def fix(self) -> str:
        """What is known of a release without it, in a sentence."""
        return said_of(self.cause.fix) if self.cause.kind in {AlertKind.ADVISORY, AlertKind.MALWARE} else ""

    @property
    def commands(self) -> list[str]:
        """What to do, as commands."""
        if self.news is News.CLOSED:
            return []
        files = [f"affineur audit {name} --fix --write" for name in map(shlex.quote, self.files)]
        if self.cause.kind not in _RAISED:
            files = []
        return files or [f"affineur why {shlex.quote(f'{self.project}=={self.version}')} --index {self.index}"]

    def document(self) -> dict[str, Any]:
        """Return the item for programs."""
        fix = self.cause.fix
        return {
            "news": self.news.value, "kind": self.cause.kind.value, "project": self.project, "version": self.version,
            "index": self.index, "ids": list(self.cause.ids), "severity": self.cause.severity.word,
            "urgent": self.cause.urgent, "summary": self.cause.sentence, "link": self.cause.link, "locks": self.locks,
            "also_in": self.others, "locks_of_others": self.strangers, "end": self.end, "commands": self.commands,
            "fix": None if fix is None else {
                "version": fix.version, "listed": fix.listed, "passes": fix.passes, "held": fix.held,
                "free_at": fix.free_at.isoformat() if fix.free_at else None,
            },
            "acknowledge": self.acknowledge, "mute": self.mute,
        }  # fmt: skip


def name_of(cause: Cause) -> str:
    """Return what a cause is known by: the name that people know best; "" where it has none."""
    return next((name for name in cause.ids if name.startswith("CVE-")), next(iter(cause.ids), ""))


def title_of(alert: Alert) -> str:
    """Return what an alert is about, in a line."""
    return _title(alert.project, alert.version, alert.cause)


def _title(project: str, version: str, cause: Cause) -> str:
    word = f"{cause.severity.word} {_WORDS[cause.kind]}" if cause.severity else _WORDS[cause.kind]
    name = name_of(cause)
    return f"{project} {version}: {word}" + (f" ({name})" if name else "")


def said_of(fix: Fix | None) -> str:
    """Tell what is known of a fixing release."""
    if fix is None:
        return "no release without it is known"
    if not fix.listed:
        return f"fixed in {fix.version}, which is not listed here yet"
    if fix.passes:
        return f"fixed in {fix.version}, which passes the gate now"
    free = f"; free on {fix.free_at:%Y-%m-%d %H:%M} UTC" if fix.free_at else ""
    return f"fixed in {fix.version}, which is {fix.held}" + ("" if "free on" in fix.held else free)


@dataclass(frozen=True)
class Letterhead:
    """What a message takes besides the news."""

    origin: str
    key: bytes
    """Signs links."""
    locks: Mapping[str, Named]

    def link(self, link: Link) -> str:
        """Return the address of a link."""
        return f"{self.origin}/alerts/{signed(self.key, link)}"


def told_of(news: Sequence[tuple[News, Alert]]) -> list[tuple[News, Alert]]:
    """Leave out what cancels itself: what opened and closed untold, and changes of what is told as new anyway."""
    latest: dict[str, Alert] = {}
    kinds: dict[str, list[News]] = {}
    for kind, alert in news:
        latest[alert.id] = alert
        kinds.setdefault(alert.id, []).append(kind)
    found = []
    for identifier, alert in latest.items():
        happened = kinds[identifier]
        if News.OPENED in happened:
            if happened[-1] is not News.CLOSED:
                found.append((News.OPENED, alert))
        else:
            found.append((happened[-1], alert))
    return found


def composed(batch: Batch, head: Letterhead, holders: Mapping[tuple[str, str], Sequence[str]]) -> Message | None:
    """Return the message to a recipient; None where nothing is left to tell.

    `holders` are the locks that hold each (project, version).
    """
    items = _items(batch, head, holders)
    if not items:
        return None
    urgent = any(item.cause.urgent and item.news is not News.CLOSED for item in items)
    stop = head.link(Link("stop", batch.owner, batch.target))
    subject = _subject(items)
    values = {"subject": subject, "items": items[:_MOST_ITEMS], "more": len(items[_MOST_ITEMS:]), "stop": stop}
    text = _environment().get_template("news.txt").render(**values)
    html = _environment().get_template("news.html").render(**values)
    told = [item.document() for item in items[:_MOST_FOR_PROGRAMS]]
    data = {"items": told, "more": len(items) - len(told), "stop": stop}
    return Message(subject, text, html, data, urgent, stop)


def _items(batch: Batch, head: Letterhead, holders: Mapping[tuple[str, str], Sequence[str]]) -> list[Item]:
    found: dict[tuple[str, ...], Item] = {}
    for news, alert in told_of(batch.news):
        cause = alert.cause
        key = (news.value, alert.project, alert.version, alert.index, cause.kind.value, cause.key, alert.end)
        item = found.setdefault(key, Item(news, alert.project, alert.version, alert.index, cause, alert.end))
        item.locks.append(alert.lock)
        lock = head.locks.get(alert.lock)
        if lock is not None and lock.filename and lock.filename not in item.files:
            item.files.append(lock.filename)
    order = sorted(found.values(), key=lambda each: (each.project, each.version, each.name))
    order.sort(key=lambda each: (each.news is News.CLOSED, not each.cause.urgent, -each.cause.severity))
    for item in order[:_MOST_FOR_PROGRAMS]:
        item.locks.sort()
        _add_holders(item, batch.owner, head, holders.get((item.project, item.version), ()))
        about = (batch.owner, "", item.project, item.cause.kind.value, item.cause.key)
        if item.news is not News.CLOSED:
            item.acknowledge = head.link(Link("acknowledge", *about))
            item.mute = head.link(Link("mute", *about))
    return order


def _add_holders(item: Item, owner: str, head: Letterhead, holding: Sequence[str]) -> None:
    """Say which further locks hold the release: the owner's by name, those of others by their number."""
    for name in sorted(set(holding) - set(item.locks)):
        if name in head.locks and head.locks[name].owner == owner:
            item.others.append(name)
        else:
            item.strangers += 1


def _subject(items: Sequence[Item]) -> str:
    first = items[0]
    where = first.locks[0] + (f" and {len(first.locks) - 1} more" if len(first.locks) > 1 else "")
    subject = f"{first.title}, in {where}"
    more = len(items) - 1
    return cut(f"[affineur] {subject}" + (f"; and {more} more" if more else ""), 200)


def cut(text: str, longest: int = _LONGEST) -> str:
    """Return text of packages as one printable line of bounded length."""
    line = in_one_line(text)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(cut(name, 80) for name in names[:_MOST_LOCKS])
    return shown + (f" and {len(names) - _MOST_LOCKS} more" if len(names) > _MOST_LOCKS else "")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=PackageLoader("affineur.operations", "templates"), autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.filters |= {"cut": cut, "named": _named}
    return made
