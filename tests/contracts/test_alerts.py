"""Alerts, notices, preferences and the lookout's place in the ledger, on both databases."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from affineur.errors import Conflict
from affineur.model.advisories import Severity
from affineur.model.alerts import Alert, AlertKind, AlertState, Cause, Fix, News, alert_id
from affineur.model.locks import LockKind
from affineur.model.names import ProjectName
from affineur.storage import presence
from affineur.storage.catalog import alerts, downloads, locks, lookout, preferences, principals, signing_keys, usage
from affineur.storage.catalog.alerts import Notice
from affineur.storage.catalog.downloads import Batch, Download
from affineur.storage.catalog.locks import KeptLock, Pinned
from affineur.storage.catalog.preferences import Preferences

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAUSE = Cause(AlertKind.ADVISORY, "a hole", ("GHSA-1", "CVE-1"), Severity.HIGH, False, Fix("1.1", True, "held", NOW))


def alert(lock="shop", owner="ann", project="gouda"):
    identifier = alert_id(lock, project, "1.0", CAUSE)
    return Alert(identifier, lock, owner, "main", project, "1.0", CAUSE, AlertState.OPEN, NOW, NOW)


def closed(one):
    return replace(one, state=AlertState.CLOSED, closed_at=NOW, end="the lock does not hold it any more")


def test_alerts_are_kept_found_and_forgotten(catalog):
    many = [alert(f"lock-{number}") for number in range(1200)]
    catalog.write_now(alerts.keep, many)
    assert len(catalog.read_now(alerts.standing, ["gouda"])) == 1200
    assert catalog.read_now(alerts.standing, [], ["lock-7"]) == [many[7]]
    catalog.write_now(alerts.keep, [closed(many[7])])
    assert catalog.read_now(alerts.standing, [], ["lock-7"]) == []
    assert catalog.read_now(alerts.listed, lock="lock-7", state=AlertState.CLOSED) == [closed(many[7])]
    assert catalog.read_now(alerts.latest, lock="lock-7") == [closed(many[7])]
    assert catalog.write_now(alerts.tidy, NOW + timedelta(1)) == 1
    catalog.write_now(alerts.forget, "lock-8")
    catalog.write_now(alerts.keep, [closed(alert("shop", project="brie")), alert("shop", project="feta")])
    assert catalog.read_now(alerts.any_standing, ["brie", "feta"])
    assert not catalog.read_now(alerts.any_standing, ["brie", "comte"])
    catalog.write_now(alerts.forget, "shop")
    assert len(catalog.read_now(alerts.listed, owner="ann", limit=2000)) == 1198


def test_states_change_by_id_or_by_cause_and_never_of_closed_ones(catalog):
    one, other, eves = alert("shop"), alert("till"), alert("zoo", "eve")
    catalog.write_now(alerts.keep, [one, closed(other), eves])
    about = {"owner": "ann", "project": "gouda", "kind": AlertKind.ADVISORY, "cause": CAUSE.key}
    assert catalog.write_now(alerts.set_state, AlertState.MUTED, **about) == 1
    assert catalog.write_now(alerts.set_state, AlertState.ACKNOWLEDGED, ids=[eves.id, other.id]) == 1
    states = {each.lock: each.state for each in catalog.read_now(alerts.listed)}
    assert states == {"shop": AlertState.MUTED, "zoo": AlertState.ACKNOWLEDGED}


def test_news_wait_for_their_time_and_go_together(catalog):
    later = NOW + timedelta(hours=1)
    catalog.write_now(alerts.keep, [alert("shop"), alert("till")])
    mails = [
        Notice(alert("shop").id, "ann", "mail:a@example.org", News.OPENED, later),
        Notice(alert("till").id, "ann", "mail:a@example.org", News.OPENED, NOW),
        Notice(alert("shop").id, "ann", "mail:b@example.org", News.OPENED, later),
    ]
    catalog.write_now(alerts.notify, mails)
    assert not catalog.read_now(alerts.notices_due, NOW - timedelta(seconds=1))
    (batch,) = catalog.read_now(lambda connection: list(alerts.batches(connection, NOW)))
    assert (batch.owner, batch.target) == ("ann", "mail:a@example.org")
    assert [(news, told.lock) for news, told in batch.news] == [(News.OPENED, "till"), (News.OPENED, "shop")]
    assert batch.news[0][1] == alert("till")
    assert catalog.write_now(alerts.told, batch.ids) == 2
    assert catalog.write_now(alerts.told, batch.ids) == 0
    sooner = NOW + timedelta(minutes=5)
    catalog.write_now(alerts.hasten, "eve", sooner)
    assert not catalog.read_now(alerts.notices_due, sooner), "they are another's"
    catalog.write_now(alerts.hasten, "ann", sooner)
    catalog.write_now(alerts.hasten, "ann", later)
    assert catalog.read_now(alerts.notices_due, sooner)
    catalog.write_now(alerts.drop_notices, "ann", "mail:b@example.org")
    assert not catalog.read_now(alerts.notices_due, later)


def test_one_process_at_a_time_looks_after_the_locks(catalog):
    lease = catalog.write_now(lookout.claim)
    assert catalog.write_now(lookout.claim) is None
    catalog.write_now(lookout.fence, lease)

    def when_the_lease_is_over(change):
        change.now += lookout.LEASE
        return lookout.claim(change)

    other = catalog.write_now(when_the_lease_is_over)
    assert other not in {None, lease}
    with pytest.raises(Conflict):
        catalog.write_now(lookout.done, lease, 7)
    assert catalog.read_now(lookout.serial) == 0
    catalog.write_now(lookout.done, other, 7)
    assert catalog.read_now(lookout.serial) == 7
    assert catalog.write_now(lookout.claim) is not None


HOLDER = """
import sys
from pathlib import Path
from affineur.storage import presence

with presence.shown(Path(sys.argv[1]), sys.argv[2]):
    print("there", flush=True)
    sys.stdin.read()
"""


def test_a_lease_whose_holder_was_killed_on_this_machine_is_free_at_once(catalog, tmp_path):
    lease = "a" * 32
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), lease], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"there\n"
    assert catalog.write_now(lookout.claim, lease) == lease
    assert not presence.has_gone(tmp_path, lease)
    holder.kill()
    holder.communicate()
    left = catalog.read_now(lookout.leased)
    assert (left, presence.has_gone(tmp_path, left)) == (lease, True)
    assert catalog.write_now(lookout.claim) is None
    assert catalog.write_now(lookout.claim, "b" * 32, left) == "b" * 32
    assert catalog.write_now(lookout.claim, "c" * 32, left) is None, "another was quicker"
    presence.forget(tmp_path, left)
    assert list(tmp_path.glob("*.lease")) == []


def test_a_lease_of_another_machine_takes_its_time(catalog, tmp_path):
    lease = catalog.write_now(lookout.claim)
    assert not presence.has_gone(tmp_path, lease)
    with presence.shown(tmp_path, lease):
        assert not presence.has_gone(tmp_path, lease)
    assert not presence.has_gone(tmp_path, lease)
    assert not presence.has_gone(tmp_path, "")


def test_preferences_are_the_usual_ones_until_chosen(catalog):
    chosen = Preferences("ann", ("mail:a@example.org",), "Europe/Berlin", "22:00-07:00", 3600)
    catalog.write_now(preferences.keep, replace(chosen, digest=1))
    catalog.write_now(preferences.keep, chosen)
    assert catalog.read_now(preferences.of, ["ann", "eve"]) == {"ann": chosen, "eve": Preferences("eve")}


def test_news_go_to_the_address_of_a_user_who_chose_nothing(catalog):
    catalog.write_now(principals.add_user, "eve", "eve@example.org")
    catalog.write_now(principals.add_user, "bob")
    found = catalog.read_now(preferences.of, ["bob", "eve", "nobody"])
    assert {owner: chosen.tell for owner, chosen in found.items()} == {
        "bob": (), "eve": ("mail:eve@example.org",), "nobody": ()
    }  # fmt: skip
    catalog.write_now(preferences.keep, Preferences("eve"))
    assert catalog.read_now(preferences.of, ["eve"])["eve"].tell == (), "as chosen"


def test_keys_are_made_once_and_webhooks_have_one_for_each_owner(catalog):
    key = catalog.write_now(signing_keys.server_secret, "links")
    assert (
        catalog.write_now(signing_keys.server_secret, "links")
        == key
        == catalog.read_now(signing_keys.known_secret, "links")
    )
    assert catalog.read_now(signing_keys.name_of, key) == "links"
    catalog.write_now(signing_keys.forget_secret, "links")
    assert catalog.read_now(signing_keys.known_secret, "links") is None
    hook = "webhook:https://hooks.example.org/"
    first = catalog.write_now(signing_keys.new_webhook_secret, "ann", hook)
    assert len(first) == 32
    assert catalog.write_now(signing_keys.new_webhook_secret, "ann", hook) is None
    assert catalog.write_now(signing_keys.new_webhook_secret, "eve", hook) not in {None, first}
    fresh = catalog.write_now(signing_keys.new_webhook_secret, "ann", hook, replace=True)
    assert catalog.read_now(signing_keys.webhook_secret, "ann", hook) == fresh != first


def test_locks_are_muted_and_lose_a_recipient(catalog):
    kept = KeptLock(
        "shop", "ann", "main", LockKind.REQUIREMENTS, "requirements.txt", b"", ("mail:a@example.org",), NOW, NOW, "ci",
        "user:ann", 30.0,
    )  # fmt: skip
    catalog.write_now(locks.keep, kept, [Pinned(ProjectName("gouda"), "1.0")])
    assert catalog.read_now(locks.find, "shop") == kept
    catalog.write_now(locks.mute, "shop", NOW)
    assert catalog.write_now(locks.stop_telling, "ann", "mail:a@example.org") == 1
    named = catalog.read_now(locks.named, "ann")["shop"]
    assert (named.tell, named.muted_until, named.use_of, named.use_days) == ((), NOW, "user:ann", 30.0)
    assert catalog.read_now(locks.pinned_projects) == [("main", "gouda")]
    assert catalog.read_now(locks.named, "eve") == {}


def test_only_projects_that_a_lock_holds_matter_unless_downloads_are_watched(catalog):
    kept = KeptLock("shop", "ann", "main", LockKind.REQUIREMENTS, "requirements.txt", b"", (), NOW, NOW, "ci")
    catalog.write_now(locks.keep, kept, [Pinned(ProjectName("gouda"), "1.0")])
    assert catalog.read_now(locks.any_holds, [*(f"cheese-{number}" for number in range(1000)), "gouda"])
    assert not catalog.read_now(locks.any_holds, ["brie"])
    taken = Download("main", "brie", "1.0", "brie-1.0-py3-none-any.whl", "ann", "t1", "pip/26", 200)
    catalog.write_now(downloads.append, Batch({(taken, "", int(NOW.timestamp()), False): 1}))
    assert not catalog.read_now(locks.any_holds, ["brie"])
    watch = replace(kept, name="use", use_of="user:ann", use_days=1.0)
    catalog.write_now(locks.keep, watch, [])
    assert catalog.read_now(locks.any_holds, ["brie"])
    assert not catalog.read_now(locks.any_holds, ["edam"])
    assert [lock.name for lock in catalog.read_now(locks.uses)] == ["use"]


def test_who_used_what_is_found(catalog):
    def taken(version, principal, token, at):
        filename = f"gouda-{version}-py3-none-any.whl"
        return (
            Download("main", "gouda", version, filename, principal, token, "pip/26", 200),
            "",
            int(at.timestamp()),
            False,
        )

    batch = Batch()
    for one in (
        taken("1.0", "ann", "t1", NOW), taken("1.0", "ann", "t1", NOW + timedelta(hours=1)), taken("2.0", "eve", "t2", NOW),
        taken("0.9", "ann", "t1", NOW - timedelta(days=40)), taken("3.0", "", "", NOW),
    ):  # fmt: skip
        batch.downloads[one] = 1
    catalog.write_now(downloads.append, batch)

    def used(days, principals=(), tokens=(), **more):
        def ask(connection):
            return usage.used(connection, NOW - timedelta(days=days), principals=principals, tokens=tokens, **more)

        return {(use.principal, use.token, use.version, use.last) for use in catalog.read_now(ask)}

    hers, his = ("ann", "t1", "1.0", NOW + timedelta(hours=1)), ("eve", "t2", "2.0", NOW)
    assert used(30, ["ann"], ["t2"], projects=["gouda"]) == {hers, his}
    assert used(30, ["ann"]) == used(30, tokens=["t1"]) == {hers}
    assert used(30, ["ann", "eve"], projects=["brie"]) == set()
    assert used(50, ["ann"]) == {hers, ("ann", "t1", "0.9", NOW - timedelta(days=40))}
