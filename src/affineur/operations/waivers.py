"""Waivers: asked for by the one who needs it, granted by another."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import msgspec

from affineur.errors import Forbidden, Invalid
from affineur.model.waivers import Waiver, WaiverState, scope_of
from affineur.operations.context import Context
from affineur.operations.fields import CENTURY, number
from affineur.operations.operation import argument, option
from affineur.operations.watched import administers
from affineur.policy.judge import NEVER_WAIVED
from affineur.policy.settings import suggestion
from affineur.policy.table import BY_NAME as RULES
from affineur.storage.catalog import waivers


class Ask(msgspec.Struct, frozen=True):
    """Ask for an exception from a rule."""

    scope: Annotated[str, argument("What for: NAME, a pattern, NAME==VERSION, NAME>=2,<3 or a file name.")]
    rule: Annotated[str, option("The rule, or * for any that can be waived.")]
    reason: Annotated[str, option("Why it is needed, for the one who grants it.")]
    index: Annotated[str, option("The index, or * for all.")] = "*"
    until: Annotated[str, option("The day it ends (YYYY-MM-DD); without it, after `days`.")] = ""
    days: Annotated[float, number("Days after which it ends.", 0, CENTURY)] = 30.0


class Grant(msgspec.Struct, frozen=True):
    """Grant a waiver that was asked for."""

    id: Annotated[str, argument("The waiver's id.")]
    note: Annotated[str, option("A word to go with it.")] = ""


class Deny(msgspec.Struct, frozen=True):
    """Deny a waiver that was asked for."""

    id: Annotated[str, argument("The waiver's id.")]
    note: Annotated[str, option("Why not.")] = ""


class Revoke(msgspec.Struct, frozen=True):
    """Take a waiver back."""

    id: Annotated[str, argument("The waiver's id.")]
    note: Annotated[str, option("Why.")] = ""


class WaiverList(msgspec.Struct, frozen=True):
    """List waivers, newest first: those you asked for, or all for an administrator."""

    state: Annotated[str, option("Only asked, granted, denied or revoked ones.")] = ""


class WaiverRow(msgspec.Struct, frozen=True):
    """A waiver as told."""

    id: str
    scope: str
    rule: str
    index: str
    owner: str
    reason: str
    state: str
    """As it is kept; "ended" where its time is over."""
    ends_at: datetime | None
    decided_by: str
    note: str


def _row(waiver: Waiver) -> WaiverRow:
    over = waiver.state is WaiverState.GRANTED and not waiver.stands(datetime.now(UTC))
    state = "ended" if over else waiver.state.value
    return WaiverRow(
        waiver.id, str(waiver.scope), waiver.rule, waiver.index, waiver.owner, waiver.reason, state,
        waiver.ends_at, waiver.decided_by, waiver.note,
    )  # fmt: skip


def _end(request: Ask, now: datetime) -> datetime:
    if not request.until:
        return now + timedelta(days=request.days)
    try:
        day = date.fromisoformat(request.until)
    except ValueError as error:
        raise Invalid(f"--until {request.until!r}: a day is wanted, such as 2026-12-31") from error
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def ask(context: Context, request: Ask) -> WaiverRow:
    """Keep a request for a waiver.

    Raises:
        Invalid: the scope, the rule or the end is not one; or the reason is missing.
        IndexUnknown: the index is not configured.
    """
    if request.rule in NEVER_WAIVED:
        raise Invalid(f"{request.rule} cannot be waived: {NEVER_WAIVED[request.rule]}")
    if request.rule != "*" and request.rule not in RULES:
        raise Invalid(f"no rule {request.rule!r}{suggestion(request.rule, RULES)}; there are {', '.join(RULES)}")
    if not request.reason.strip():
        raise Invalid("a reason is wanted")
    if request.index != "*":
        context.index(request.index)
    now = datetime.now(UTC)
    ends = _end(request, now)
    if ends <= now:
        raise Invalid("the end lies in the past")
    waiver = Waiver(
        secrets.token_hex(5), scope_of(request.scope), request.rule, request.index, context.actor,
        " ".join(request.reason.split())[:1000], now, ends,
    )  # fmt: skip
    await context.catalog.write(waivers.ask, waiver)
    return _row(waiver)


async def _decide(context: Context, id_: str, state: WaiverState, note: str) -> WaiverRow:
    text = " ".join(note.split())[:1000]
    return _row(await context.catalog.write(waivers.decide, id_, state, context.actor, text))


async def grant(context: Context, request: Grant) -> WaiverRow:
    """Grant a waiver; it counts from the next request on.

    Raises:
        NotFound: there is none of that id.
        Conflict: it was decided already.
        Forbidden: who asked may not grant it (setting `waiver_own`).
    """
    waiver = await context.catalog.read(waivers.find, request.id)
    if waiver.owner == context.actor and not context.config.waiver_own:
        raise Forbidden(f"{context.actor} asked for waiver {waiver.id}; somebody else grants it (setting waiver_own)")
    return await _decide(context, request.id, WaiverState.GRANTED, request.note)


async def deny(context: Context, request: Deny) -> WaiverRow:
    """Deny a waiver.

    Raises:
        NotFound: there is none of that id.
        Conflict: it was decided already.
    """
    return await _decide(context, request.id, WaiverState.DENIED, request.note)


async def revoke(context: Context, request: Revoke) -> WaiverRow:
    """Take a waiver back; what it let pass is refused from the next request on.

    Raises:
        NotFound: there is none of that id.
        Conflict: it was denied or revoked already.
    """
    return await _decide(context, request.id, WaiverState.REVOKED, request.note)


async def list_waivers(context: Context, request: WaiverList) -> list[WaiverRow]:
    """Return the waivers that who asks may see, newest first.

    Raises:
        Invalid: the state is none.
    """
    known = {*WaiverState, "ended"}
    if request.state and request.state not in known:
        raise Invalid(f"{request.state!r} is no state; there are {', '.join(sorted(known))}")
    owner = None if administers(context) else context.actor
    rows = [_row(waiver) for waiver in await context.catalog.read(waivers.every) if owner in {None, waiver.owner}]
    return [row for row in rows if not request.state or row.state == request.state]


def say_asked(row: WaiverRow) -> str:
    """Tell how it goes on."""
    return (
        f"asked as {row.id}; another person grants it: affineur waiver grant {row.id}\n"
        "how it stands: affineur waiver list"
    )
