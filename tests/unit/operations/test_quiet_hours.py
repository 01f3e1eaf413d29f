"""When news are told: never late where urgent, never in the night otherwise."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.errors import Invalid
from affineur.operations import quiet_hours
from affineur.storage.catalog.preferences import Preferences

NIGHT = Preferences("ann", timezone="Europe/Berlin", quiet="22:00-07:00", digest=0)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("2026-03-01T12:00", "2026-03-01T12:00"),
        ("2026-03-01T20:59", "2026-03-01T20:59"),
        ("2026-03-01T21:00", "2026-03-02T06:00"),
        ("2026-03-02T05:59", "2026-03-02T06:00"),
        ("2026-03-02T06:00", "2026-03-02T06:00"),
        ("2026-03-28T22:30", "2026-03-29T05:00"),
    ],
)
def test_the_night_of_the_time_zone_is_quiet(now, told):
    assert quiet_hours.due(at(now), NIGHT, urgent=False) == at(told)
    assert quiet_hours.due(at(now), NIGHT, urgent=True) == at(now)


def test_a_digest_waits_and_then_minds_the_night():
    digest = Preferences("ann", timezone="Europe/Berlin", quiet="22:00-07:00", digest=3600)
    assert quiet_hours.due(at("2026-03-01T12:00"), digest, urgent=False) == at("2026-03-01T13:00")
    assert quiet_hours.due(at("2026-03-01T20:30"), digest, urgent=False) == at("2026-03-02T06:00")


@given(
    st.integers(0, 365 * 86400).map(lambda seconds: at("2026-01-01T00:00") + timedelta(seconds=seconds)),
    st.sampled_from(["22:00-07:00", "00:00-06:30", "09:00-17:00", "23:59-00:01"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_what_is_told_is_told_outside_the_quiet_hours_within_a_day(now, quiet, zone):
    chosen = Preferences("ann", timezone=zone, quiet=quiet)
    told = quiet_hours.due(now, chosen, urgent=False)
    assert timedelta() <= told - now <= timedelta(hours=25)
    begin, end = quiet_hours.hours(quiet)
    clock = told.astimezone(quiet_hours.zone(zone)).time()
    inside = begin <= clock < end if begin < end else clock >= begin or clock < end
    assert not inside


@pytest.mark.parametrize("text", ["", "22-7", "25:00-07:00", "22:00-22:00", "22:00 to 07:00"])
def test_what_are_no_hours_is_refused(text):
    with pytest.raises(Invalid):
        quiet_hours.hours(text)


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../etc/passwd", "", "a\0b"])
def test_what_is_no_time_zone_is_refused(name):
    with pytest.raises(Invalid):
        quiet_hours.zone(name)
