"""Who is told of watched locks, and where: preferences, feeds with secret addresses, the secrets of webhooks."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from email.utils import parseaddr
from fnmatch import fnmatchcase
from typing import Annotated

import msgspec
import sqlalchemy as sa

from affineur.channels import table
from affineur.channels.webhook import spelt
from affineur.config import Config
from affineur.errors import Forbidden, Invalid
from affineur.operations import quiet_hours
from affineur.operations.context import Context
from affineur.operations.fields import number
from affineur.operations.operation import argument, option
from affineur.operations.watched import administers, readable
from affineur.storage.catalog import alerts, locks, preferences, principals, signing_keys
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.preferences import Preferences

_MOST_TARGETS = 20
_WEEK = 7 * 24 * 60
"""Minutes."""


class MonitorPrefer(msgspec.Struct, frozen=True):
    """Set how you want to be told; what is not given stays, `none` takes it back."""

    tell: Annotated[tuple[str, ...], option("Where news of your locks go that name no place.")] = ()
    timezone: Annotated[str, option("The time zone of the quiet hours, such as Europe/Berlin.")] = ""
    quiet: Annotated[str, option("Hours in which only urgent news are told, such as 22:00-07:00.")] = ""
    digest: Annotated[float | None, number("Minutes for which news are gathered into one message.", 0, _WEEK)] = None


class MonitorFeeds(msgspec.Struct, frozen=True):
    """Show the secret addresses of the feeds of a lock, or of all your locks."""

    lock: Annotated[str, option("The feed of this lock.")] = ""
    new: Annotated[bool, option("Make a new address; the old one is void.")] = False


class MonitorSecret(msgspec.Struct, frozen=True):
    """Make a new secret for a webhook of yours; it is shown once, and the old one is void."""

    target: Annotated[str, argument("The webhook: webhook:https://...")]


class Chosen(msgspec.Struct, frozen=True):
    """How somebody wants to be told."""

    owner: str
    tell: list[str]
    timezone: str
    quiet: str
    digest: float
    """Minutes."""
    secrets: dict[str, str]
    """The secrets of webhooks that had none, shown only now."""


class Feeds(msgspec.Struct, frozen=True):
    """Addresses of the same feed; whoever knows one can read it."""

    atom: str
    rss: str
    json: str


class NewSecret(msgspec.Struct, frozen=True):
    """A webhook's secret, shown once."""

    target: str
    secret: str


async def targets_of(context: Context, given: Sequence[str], lock: str = "") -> tuple[str, ...]:
    """Return places to tell in their one spelling.

    Who asks may name their own mail address, those of the domain that mail comes from, what the setting
    `tell_allowed` names, and what is told already: of the lock, where it is theirs, or by their preferences.
    The rest takes an administrator.

    Raises:
        Invalid: one is none, or there are too many.
        Forbidden: one takes an administrator.
    """
    if len(given) > _MOST_TARGETS:
        raise Invalid(f"at most {_MOST_TARGETS} places can be told")
    found = tuple(dict.fromkeys(table.checked(target) for target in given))
    if not found or administers(context):
        return found
    own = await context.catalog.read(_own, context.actor, lock)
    for target in found:
        if not (target in own or allowed(context.config, target)):
            way = "have an administrator name it, set it as your address (affineur user mail), or allow it"
            raise Forbidden(f"{target}: {way} (setting tell_allowed)")
    return found


def _own(connection: sa.Connection, owner: str, lock: str) -> set[str]:
    """Return the places that somebody may have told: their address, and what is told already."""
    kept = locks.named(connection, owner).get(lock)
    told = preferences.of(connection, [owner])[owner].tell + (kept.tell if kept else ())
    return {f"mail:{principals.mail_of(connection, owner)}", *told}


def allowed(config: Config, target: str) -> bool:
    """Whether a target is mail within the domain that mail comes from, or fits a pattern of `tell_allowed`."""
    domain = parseaddr(str(config.smtp_from))[1].rpartition("@")[2].lower()
    if domain and target.startswith("mail:") and target.rpartition("@")[2].lower() == domain:
        return True
    patterns = [pattern.strip() for pattern in str(config.tell_allowed).split(",")]
    return any(_fits(target, pattern) for pattern in patterns if pattern)


def _fits(target: str, pattern: str) -> bool:
    """Whether a pattern fits; a star in its host does not reach beyond the host."""
    host = _host(pattern)
    return fnmatchcase(target, pattern) and (not host or fnmatchcase(_host(target), host))


def _host(text: str) -> str:
    return re.split(r"[/?#\\]", text.partition("://")[2], maxsplit=1)[0]


def new_secrets(change: Change, owner: str, targets: Sequence[str]) -> dict[str, str]:
    """Return the secrets of webhooks that had none."""
    made = {
        target: signing_keys.new_webhook_secret(change, owner, target)
        for target in targets
        if target.startswith("webhook:")
    }
    return {target: spelt(secret) for target, secret in made.items() if secret is not None}


async def prefer(context: Context, request: MonitorPrefer) -> Chosen:
    """Keep how who asks wants to be told.

    Raises:
        Invalid: a place, the time zone or the hours are none.
        Forbidden: a place takes an administrator.
    """
    owner = context.actor
    before = (await context.catalog.read(preferences.of, [owner]))[owner]
    tell = () if request.tell == ("none",) else await targets_of(context, request.tell) or before.tell
    zone = "UTC" if request.timezone == "none" else request.timezone or before.timezone
    quiet_hours.zone(zone)
    quiet = "" if request.quiet == "none" else request.quiet or before.quiet
    if quiet:
        quiet_hours.hours(quiet)
    digest = before.digest if request.digest is None else request.digest * 60
    secrets = await context.catalog.write(_prefer, Preferences(owner, tell, zone, quiet, digest))
    return Chosen(owner, list(tell), zone, quiet, digest / 60, secrets)


def _prefer(change: Change, chosen: Preferences) -> dict[str, str]:
    preferences.keep(change, chosen)
    alerts.hasten(change, chosen.owner, quiet_hours.due(change.now, chosen, urgent=False))
    return new_secrets(change, chosen.owner, chosen.tell)


async def feeds(context: Context, request: MonitorFeeds) -> Feeds:
    """Return the addresses of a feed.

    Raises:
        NotFound: there is no such lock of who asks.
    """
    if request.lock:
        await readable(context, request.lock)
    name = feed_name(lock=request.lock, owner=context.actor)
    if request.new:
        await context.catalog.write(signing_keys.forget_secret, name)
    secret = await context.catalog.write(signing_keys.server_secret, name)
    address = f"{context.origin}/feeds/{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"
    return Feeds(f"{address}.atom", f"{address}.rss", f"{address}.json")


def feed_name(*, lock: str = "", owner: str = "") -> str:
    """Return the name under which the secret of a feed's address is kept."""
    return f"feed lock {lock}" if lock else f"feed owner {owner}"


async def new_secret(context: Context, request: MonitorSecret) -> NewSecret:
    """Make a new secret for a webhook of who asks.

    Raises:
        Invalid: it is no webhook.
    """
    target = table.checked(request.target)
    if not target.startswith("webhook:"):
        raise Invalid(f"{target[:80]}: only webhooks have a secret")
    made = await context.catalog.write(signing_keys.new_webhook_secret, context.actor, target, replace=True)
    return NewSecret(target, spelt(made or b""))
