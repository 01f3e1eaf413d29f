"""The hot path: an answer that was given is given again, byte for byte, while nothing has changed.

A handler marks an answer as lasting (`last`) and names the entry in memory that it was made from.
It is remembered under the digest of the whole request head, so that whatever an answer can depend
on (address, negotiation, conditions, ranges, credentials, client) is part of the key; what it
depends on besides, the state of the index, drops the entry and the answer with it. The head of the
answer is what aiohttp sent the first time; only the Date is written anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any, Protocol, TypeVar

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from affineur.model.principals import Principal
from affineur.sources.memory import Answer, Entry

_END = b"\r\n\r\n"
_OVERHEAD = 400
"""Bytes that keeping an answer takes besides its own."""
_JOINED = 64 * 1024
"""Bodies up to this many bytes are copied behind their head, so that they go out in one packet."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """What an answer was made from, and what to do whenever it is given."""

    key: tuple[Any, ...]
    entry: Entry
    until: float
    given: Callable[[str], None] | None = None


R = TypeVar("R", bound=web.StreamResponse)
_LASTING = web.ResponseKey("lasting", Lasting)


def last(response: R, lasting: Lasting) -> R:
    """Mark an answer as one that may be given again to the same request; those sent in pieces are not kept."""
    response[_LASTING] = lasting
    return response


def lasting(
    key: tuple[Any, ...], entry: Entry, principal: Principal, given: Callable[[str], None] | None = None
) -> Lasting:
    """Return how long an answer made from an entry for a principal lasts: no longer than either."""
    until = entry.expires
    if principal.expires is not None:
        until = min(until, time.monotonic() + (principal.expires - datetime.now(UTC)).total_seconds())
    return Lasting(key, entry, until, given)


class Answers(Protocol):
    """Where ready answers are kept."""

    def ready(self, asked: bytes) -> Answer | None:
        """Return the answer to a request, by the digest of its head, if it still holds."""
        ...

    def remember(self, asked: bytes, answer: Answer, entry: Entry) -> None:
        """Keep an answer with the entry it was made from."""
        ...


class _Clock:
    """The Date header's value, written once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = b""

    def date(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True).encode()
        return self._text


_clock = _Clock()


def _is_one_head(data: bytes) -> bool:
    """Whether the bytes are the head of exactly one request, however leniently line ends are read."""
    return data.endswith(_END) and data.find(_END) == len(data) - 4 and data.count(b"\n") == data.count(b"\r\n")


def _repeatable(request: BaseRequest) -> bool:
    """Whether a request is one of which nothing but its head matters."""
    headers = request.headers
    return (
        request.version == (1, 1)
        and request.method in {"GET", "HEAD"}
        and not request.body_exists
        and not any(name in headers for name in ("Content-Length", "Transfer-Encoding", "Upgrade", "Expect"))
    )


def _as_sent(request: BaseRequest, response: web.Response, lasting: Lasting) -> Answer:
    """Return a prepared answer as the bytes that aiohttp made of it."""
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    date = response.headers["Date"]
    before, _, after = ("\r\n".join(lines) + "\r\n\r\n").partition(f"\r\nDate: {date}")
    empty = request.method == "HEAD" or response.status == 304
    body = b"" if empty or not isinstance(response.body, bytes) else response.body
    # Only a part of a file is not held by the entry as well.
    weight = len(before) + len(after) + _OVERHEAD + (len(body) if response.status == 206 else 0)
    head = f"{before}\r\nDate: ".encode()
    return Answer(head, after.encode(), body, lasting.until, lasting.key, weight, lasting.given)


class Connection(RequestHandler):
    """A connection that gives remembered answers itself and passes everything else on.

    It does so only at rest: when every byte received so far belonged to whole requests that came
    one at a time and were answered. A connection on which anything else was seen (a body, a head
    in pieces, pipelining) is served the ordinary way from then on.
    """

    __slots__ = ("_answers", "_asked", "_at_rest")

    def __init__(self, manager: web.Server, answers: Answers, **options: Any) -> None:
        super().__init__(manager, **options)
        self._answers = answers
        self._at_rest = True
        self._asked: bytes | None = None

    def data_received(self, data: bytes) -> None:
        """Answer from memory, or pass the bytes on to be parsed."""
        self._asked = None
        if self._at_rest and data.startswith((b"GET ", b"HEAD ")):
            asked = hashlib.sha256(data).digest()
            answer = self._answers.ready(asked)
            if answer is not None and not (self._paused or self._close or self._force_close):
                self._give(answer)
                return
            if _is_one_head(data):
                self._asked = asked
        self._at_rest = False
        super().data_received(data)

    def _give(self, answer: Answer) -> None:
        transport = self.transport
        assert transport is not None
        head = answer.before + _clock.date() + answer.after
        if len(answer.body) <= _JOINED:
            transport.write(head + answer.body)
        else:
            transport.write(head)
            transport.write(answer.body)
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if answer.given is not None:
            peer = self.peername
            answer.given(str(peer[0]) if isinstance(peer, tuple) else "")

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer the ordinary way, and remember it where it was marked as lasting."""
        resp, reset = await super().finish_response(request, resp, start_time)
        asked = self._asked
        if asked is not None and not reset and resp.keep_alive and not self._messages and _repeatable(request):
            self._at_rest = True
            if isinstance(resp, web.Response) and (lasting := resp.get(_LASTING)) is not None:
                self._answers.remember(asked, _as_sent(request, resp, lasting), lasting.entry)
        return resp, reset


class HotServer(web.Server):
    """aiohttp's server with connections that remember."""

    def __init__(self, handler: Callable[[BaseRequest], Any], answers: Answers) -> None:
        super().__init__(handler, access_log=None)
        self._answers = answers

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return Connection(self, self._answers, loop=asyncio.get_running_loop(), **self._kwargs)
