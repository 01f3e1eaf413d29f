"""Telling those who have a release that it was put under quarantine."""

from __future__ import annotations

from dataclasses import dataclass, field

from affineur.model.messages import Message
from affineur.model.names import ProjectName
from affineur.model.waivers import Scope
from affineur.operations.context import Context
from affineur.operations.exposure import holding
from affineur.storage.catalog import locks, outbox, preferences, usage
from affineur.storage.catalog.database import Change

_MOST = 100_000
"""Different downloaders that are looked at."""


@dataclass(frozen=True)
class Concerned:
    """Whom a quarantine concerns: the places of each user, with the names of its locks that hold it."""

    places: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """User -> where to tell -> locks; no lock: it downloaded the release."""
    untold: tuple[str, ...] = ()
    """Users that named no place."""
    anonymous: int = 0
    """Downloads by nobody in particular."""

    @property
    def told(self) -> tuple[str, ...]:
        """The users that can be told."""
        return tuple(sorted(self.places))


async def find_concerned(context: Context, scope: Scope) -> Concerned:
    """Return who downloaded releases or has locks that hold them, and where they want to be told."""
    project = ProjectName(scope.project)
    chosen = None
    if scope.versions:
        downloaded = await context.catalog.read(usage.versions, project)
        chosen = [version for version in downloaded if scope.holds(project, version, "")]
    taking = await context.catalog.read(usage.taken, project, chosen, limit=_MOST)
    held = await holding(context, scope)
    named = await context.catalog.read(locks.named)
    takers = {one.requester.principal for one in taking.rows} - {""}
    users = sorted(takers | {row.owner for row in held})
    chose = await context.catalog.read(preferences.of, users)
    places: dict[str, dict[str, set[str]]] = {}
    told_of_locks: dict[str, set[str]] = {}
    for lock in named.values():
        told_of_locks.setdefault(lock.owner, set()).update(lock.tell)
    for user in takers:
        for target in chose[user].tell or sorted(told_of_locks.get(user, ())):
            places.setdefault(user, {}).setdefault(target, set())
    for row in held:
        for target in named[row.lock].tell or chose[row.owner].tell:
            places.setdefault(row.owner, {}).setdefault(target, set()).add(row.lock)
    anonymous = sum(one.times for one in taking.rows if not one.requester.principal)
    return Concerned(places, tuple(user for user in users if user not in places), anonymous)


def tell_concerned(change: Change, concerned: Concerned, scope: Scope, actor: str, reason: str) -> None:
    """Put a message for everyone concerned into the outbox, with the change that sets the quarantine."""
    event = f"quarantine {scope} {change.now.timestamp()}"
    for user, places in concerned.places.items():
        for target, names in places.items():
            message = _message(scope, actor, reason, sorted(names))
            outbox.tell(change, [target], message, event=event, owner=user)


def _message(scope: Scope, actor: str, reason: str, names: list[str]) -> Message:
    who = actor or "The server"
    lines = [f"{who} put {scope} under quarantine{f': {reason}' if reason else '.'}", ""]
    if names:
        lines.append(f"It is pinned by {', '.join(names)}: pin another version, and lock again.")
    else:
        lines.append("You downloaded it here: look where it is installed, and take another version.")
    lines.append("")
    data = {"items": [], "kind": "quarantine", "scope": str(scope), "by": actor, "reason": reason, "locks": names}
    return Message(f"{scope} is under quarantine", "\n".join(lines), data=data, urgent=True)
