"""When news may be told: gathered for a while, and not in the hours in which people want to be left alone."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from affineur.errors import Invalid
from affineur.storage.catalog.preferences import Preferences

_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})", re.ASCII)


def hours(text: str) -> tuple[time, time]:
    """Read quiet hours such as `22:00-07:00`.

    Raises:
        Invalid: they are none.
    """
    found = _HOURS.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError("not of this form")
        first, second, third, fourth = (int(part) for part in found.groups())
        begin, end = time(first, second), time(third, fourth)
    except ValueError as error:
        raise Invalid(f"{text!r}: quiet hours such as 22:00-07:00 are wanted") from error
    if begin == end:
        raise Invalid(f"{text!r}: quiet hours that begin and end at the same time are none")
    return begin, end


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its name, such as `Europe/Berlin`.

    Raises:
        Invalid: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid(f"{name!r}: a time zone such as Europe/Berlin is wanted") from error


def due(now: datetime, chosen: Preferences, *, urgent: bool) -> datetime:
    """Return when news are told at the latest: at once where they are urgent."""
    if urgent:
        return now
    moment = now + timedelta(seconds=chosen.digest)
    if not chosen.quiet:
        return moment
    begin, end = hours(chosen.quiet)
    here = moment.astimezone(zone(chosen.timezone))
    clock = here.time().replace(tzinfo=None)
    inside = begin <= clock < end if begin < end else (clock >= begin or clock < end)
    if not inside:
        return moment
    morning = here.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    if morning <= here:
        morning += timedelta(days=1)
    return morning.astimezone(now.tzinfo)
