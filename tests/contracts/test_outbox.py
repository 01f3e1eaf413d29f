"""The outbox on both databases: told with the change, delivered at least once, under one id."""

import asyncio
import json
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from affineur.errors import NotDelivered, NotFound
from affineur.model.messages import DeliveryState, Message
from affineur.operations.courier import Courier
from affineur.storage.catalog import outbox
from affineur.storage.catalog.database import Catalog
from tests.support.moments import START
from tests.support.server import clean_environment

TEAM, BOT = "mail:team@example.org", "webhook:https://hooks.example.org/bot"
NEWS = Message("gouda 1.0 has a hole", "Upgrade.\n", data={"project": "gouda"}, urgent=True)


def found(catalog, identifier):
    return catalog.read_now(outbox.find, identifier)


def test_a_message_is_told_once_to_each_recipient(at, catalog):
    made = at(0, outbox.tell, [TEAM, BOT, TEAM], NEWS, event="GHSA-1 gouda", owner="ann")
    assert len(made) == 2
    assert at(1, outbox.tell, [TEAM], Message("again", "."), event="GHSA-1 gouda", owner="ann") == []
    assert len(at(2, outbox.tell, [TEAM], NEWS, event="GHSA-2 gouda", owner="ann")) == 1
    one = found(catalog, made[0])
    assert (one.target, one.owner, one.message, one.state) == (TEAM, "ann", NEWS, DeliveryState.WAITING)


def test_what_is_told_in_a_change_that_fails_was_never_told(at, catalog):
    def change_that_fails(change):
        outbox.tell(change, [TEAM], NEWS, event="x")
        raise NotFound("nothing of this is kept")

    with pytest.raises(NotFound):
        at(0, change_that_fails)
    assert catalog.read_now(outbox.listed) == []


def test_a_delivery_goes_from_waiting_to_delivered(at, catalog):
    (identifier,) = at(0, outbox.tell, [TEAM], NEWS, event="x")
    (claimed,) = at(1, outbox.claim, 10, 10)
    assert (claimed.id, claimed.attempts) == (identifier, 1)
    assert at(2, outbox.claim, 10, 10) == []
    assert at(3, outbox.delivered, claimed)
    assert found(catalog, identifier).state is DeliveryState.DELIVERED
    assert at(10**6, outbox.claim, 10, 10) == []
    assert catalog.read_now(outbox.counts) == {DeliveryState.DELIVERED: 1}


def test_who_was_killed_while_sending_has_it_sent_again_by_another(at):
    at(0, outbox.tell, [TEAM], NEWS, event="x")
    (first,) = at(0, outbox.claim, 10, 10)
    lease = outbox.LEASE.total_seconds()
    assert at(lease - 1, outbox.claim, 10, 10) == []
    (second,) = at(lease + 1, outbox.claim, 10, 10)
    assert (second.id, second.attempts) == (first.id, 2)
    assert not at(lease + 2, outbox.delivered, first), "its lease is lost"
    assert at(lease + 2, outbox.failed, first, "late") is None
    assert at(lease + 3, outbox.delivered, second)


def test_a_slow_target_does_not_keep_others_waiting(at):
    for number in range(5):
        at(number, outbox.tell, [BOT], NEWS, event=f"bot {number}")
    at(5, outbox.tell, [TEAM], NEWS, event="team")
    claimed = at(6, outbox.claim, 10, 2)
    assert sorted(delivery.target for delivery in claimed) == [TEAM, BOT, BOT]
    assert at(7, outbox.claim, 10, 2, [BOT]) == []
    assert len(at(7, outbox.claim, 10, 2)) == 2


def test_pauses_double_differ_and_are_bounded():
    for attempts, usual in ((1, 5), (2, 10), (5, 80), (9, 900), (59, 900)):
        pauses = [outbox.pause(attempts).total_seconds() for _ in range(50)]
        assert all(0.8 * usual <= each <= 1.2 * usual for each in pauses)
        assert len(set(pauses)) > 40


def test_attempts_run_out_and_a_dead_letter_is_replayed(at, catalog):
    (identifier,) = at(0, outbox.tell, [BOT], NEWS, event="x")
    moment = 0
    for attempt in range(1, outbox.MOST_ATTEMPTS + 1):
        (claimed,) = at(moment, outbox.claim, 10, 10)
        state = at(moment, outbox.failed, claimed, f"refused {attempt}\n" + "x" * 2000)
        moment += 1200
    assert state is DeliveryState.DEAD
    assert found(catalog, identifier).problem.startswith("refused 60")
    assert at(moment + 10**6, outbox.claim, 10, 10) == []
    with pytest.raises(NotFound, match="nonsense"):
        at(moment, outbox.retry, [identifier, "nonsense"])
    assert [delivery.id for delivery in at(moment, outbox.retry, [])] == [identifier]
    (again,) = at(moment, outbox.claim, 10, 10)
    assert (again.id, again.attempts) == (identifier, 1)


def test_what_is_refused_for_good_is_not_tried_again(at):
    at(0, outbox.tell, [BOT], NEWS, event="x")
    (claimed,) = at(0, outbox.claim, 10, 10)
    assert at(1, outbox.failed, claimed, "410 Gone", final=True) is DeliveryState.DEAD


def test_a_clock_that_is_set_back_delays_nothing(at):
    at(10**6, outbox.tell, [BOT], NEWS, event="x")
    assert len(at(0, outbox.claim, 10, 10)) == 1


def test_old_deliveries_are_forgotten(at, catalog):
    at(0, outbox.tell, [TEAM, BOT], NEWS, event="x")
    first, _ = at(0, outbox.claim, 10, 10)
    at(1, outbox.delivered, first)
    assert at(2, outbox.tidy, START + timedelta(seconds=2)) == 1
    assert [delivery.id for delivery in catalog.read_now(outbox.listed)] != [first.id]


class Receiver:
    """A channel whose receiver is down until a moment of a clock that the test moves."""

    def __init__(self):
        self.up, self.got = False, []

    async def send(self, parcel):
        await asyncio.sleep(0)
        if not self.up:
            raise NotDelivered("nobody is there")
        self.got.append(parcel)


async def settled(catalog, courier, moment):
    """Let the courier do everything that is due at a moment of the clock."""
    while await courier._begin():
        await asyncio.gather(*courier._sending)


async def test_nothing_is_lost_while_the_receiver_is_down_for_ten_minutes(catalog, monkeypatch):
    receiver = Receiver()
    clock = [START]
    real = Catalog.write

    async def write(self, change, *arguments, **named):
        def moved(one, *given, **more):
            one.now = clock[0]
            return change(one, *given, **more)

        return await real(self, moved, *arguments, **named)

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return clock[0]

    monkeypatch.setattr(Catalog, "write", write)
    monkeypatch.setattr("affineur.operations.courier.datetime", Clock)
    courier = Courier(catalog, {"mail": receiver, "webhook": receiver})
    ids = set()
    for second in range(0, 1600, 2):
        clock[0] = START + timedelta(seconds=second)
        receiver.up = second >= 600
        if second % 20 == 0 and second < 600:
            ids |= set(await catalog.write(outbox.tell, [TEAM, BOT], NEWS, event=f"event {second}"))
        await settled(catalog, courier, second)
    assert len(ids) == 60
    assert {parcel.id for parcel in receiver.got} == ids
    assert len(receiver.got) == 60, "each once"
    assert catalog.read_now(outbox.counts) == {DeliveryState.DELIVERED: 60}


DIES = """
import os, sys
from affineur.model.messages import Message
from affineur.storage.catalog import outbox
from affineur.storage.catalog.database import Catalog
catalog = Catalog.open(sys.argv[1])
catalog.write_now(outbox.tell, ["mail:a@example.org"], Message("s", "t"), event="kept")
catalog.write_now(outbox.claim, 10, 10)
print("claimed", flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_was_sending_is_kept(database_url, catalog):
    made = subprocess.run(
        [sys.executable, "-c", DIES, database_url], capture_output=True, text=True, env=clean_environment(), timeout=60
    )
    assert (made.stdout, made.returncode) == ("claimed\n", -9), made.stderr
    (delivery,) = catalog.read_now(outbox.listed)
    assert delivery.state is DeliveryState.WAITING

    def later(change):
        change.now += outbox.LEASE
        return outbox.claim(change, 10, 10)

    assert [claimed.id for claimed in catalog.write_now(later)] == [delivery.id]
    assert json.dumps(delivery.message.data) == "{}"
