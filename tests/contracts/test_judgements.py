"""What the catalog knows of judgements, exceptions and lists, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from affineur import config
from affineur.errors import Conflict, NotFound
from affineur.model.licences import Stated
from affineur.model.scans import Finding, Level, Scan, Trait
from affineur.model.waivers import Scope, Waiver, WaiverState
from affineur.operations import policies
from affineur.policy.policies import read_policy
from affineur.storage.catalog import attached, decisions, evidence, jobs, ledger, mirror_list, waivers
from affineur.storage.catalog.database import Catalog

A, B = "a" * 64, "b" * 64
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def events(catalog, kind):
    return [entry.event for entry in catalog.read_now(ledger.after, 0, 1000, kind=kind)]


def judge(catalog, *, refused=None, passed=(), **more):
    outcome = decisions.Outcome("main", "gouda", "r1", NOW, refused or {}, frozenset(passed), **more)
    catalog.write_now(decisions.record, [outcome], {})


def test_what_became_refused_or_free_is_told_and_nothing_else(catalog):
    judge(catalog, passed=["a.whl", "b.whl"])
    judge(catalog, passed=["a.whl", "b.whl"])
    assert catalog.read_now(ledger.head) == 0, "the first judgement and the same again change nothing for anybody"
    judge(catalog, passed=["b.whl"], refused={"a.whl": "malware", "new.whl": "too young"})
    assert [event.data["files"] for event in events(catalog, "file.quarantined")] == [{"a.whl": "malware"}]
    judge(catalog, passed=["a.whl", "b.whl", "new.whl"])
    assert [sorted(event.data["files"]) for event in events(catalog, "file.released")] == [["a.whl", "new.whl"]]
    judge(catalog, refused={"a.whl": "watched"}, passed=["b.whl"], enforced=False)
    assert len(events(catalog, "file.quarantined")) == 1
    assert catalog.read_now(decisions.judged, "main") == ["gouda"]
    assert catalog.read_now(decisions.judged, "other") == []


def at_once(catalog, database_url, monkeypatch, module, question, change):
    """Have two servers make a change together: the second is done while the first has read what is there."""
    other, seen, over = Catalog.open(database_url), threading.Event(), threading.Event()
    read = getattr(module, question)

    def slowly(connection, *of):
        found = read(connection, *of)
        if not seen.is_set():
            seen.set()
            over.wait(1)
        return found

    monkeypatch.setattr(module, question, slowly)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(change, other)
        assert seen.wait(10)
        change(catalog)
        over.set()
        first.result()
    other.close()


def test_a_change_that_two_servers_note_at_once_is_told_once(catalog, database_url, monkeypatch):
    judge(catalog, refused={"a.whl": "too young"})
    at_once(catalog, database_url, monkeypatch, decisions, "_kept", lambda server: judge(server, passed=["a.whl"]))
    assert len(events(catalog, "file.released")) == 1


def test_policies_that_two_servers_begin_with_are_entered_once(catalog, database_url, monkeypatch):
    policy = {"main": read_policy("tested", {"cooldown": 3}, config.load(environment={}))}
    at_once(
        catalog, database_url, monkeypatch, ledger, "latest",
        lambda server: server.write_now(policies.record, policy, "ada"),
    )  # fmt: skip
    assert len(events(catalog, "policy.changed")) == 1


def test_a_project_refused_as_a_whole(catalog):
    judge(catalog, passed=["a.whl"])
    judge(catalog, refused={"a.whl": "malware"}, closed=True)
    closed, serials = catalog.read_now(decisions.changes, "main")
    assert closed == {"gouda"}
    assert set(serials) == {"gouda"}
    judge(catalog, passed=["a.whl"])
    assert catalog.read_now(decisions.changes, "main")[0] == frozenset()
    assert [event.kind for event in events(catalog, "project.")] == ["project.closed", "project.opened"]


def test_files_to_look_into_become_jobs_once(catalog):
    judge(catalog, inspect=("a.whl", "b.whl"))
    judge(catalog, inspect=("a.whl",), passed=["b.whl"])
    waiting = [job.arguments["filename"] for job in catalog.read_now(jobs.listed) if job.kind == "inspect"]
    assert sorted(waiting) == ["a.whl", "b.whl"]


def test_a_decisions_address_leads_to_its_file(catalog):
    places = {f"{number:020x}": decisions.Place("main", "gouda", f"{number}.whl") for number in range(1200)}
    catalog.write_now(decisions.name, places)
    catalog.write_now(decisions.name, places)
    assert catalog.read_now(decisions.find, f"{1100:020x}") == decisions.Place("main", "gouda", "1100.whl")
    assert catalog.read_now(decisions.find, "f" * 20) is None


def test_evidence_is_kept_by_digest_kind_project_and_revision(catalog):
    finding = Finding(Trait.NETWORK, Level.WARN, "gouda/setup.py", 3, "urlopen('x')", "opens a connection")
    scan, stated = Scan("1", (finding,), members=4), Stated("MIT", classifiers=("License :: OSI Approved",))
    catalog.write_now(evidence.record, evidence.SCAN, A, "1", "gouda", "a.whl", scan)
    catalog.write_now(evidence.record, evidence.LICENCE, A, "1", "gouda", "a.whl", stated)
    catalog.write_now(evidence.record, evidence.SCAN, B, "1", "gouda", "b.whl", Scan("1"))
    assert catalog.read_now(evidence.one, evidence.SCAN, A, "gouda", "1") == scan
    assert catalog.read_now(evidence.one, evidence.LICENCE, A, "gouda", "1") == stated
    assert catalog.read_now(evidence.one, evidence.SCAN, A, "gouda", "2") is None, (
        "an older look may have missed something"
    )
    assert catalog.read_now(evidence.one, evidence.SCAN, A, "brie", "1") is None
    assert catalog.read_now(evidence.of_project, evidence.SCAN, "gouda", "1") == {A: scan, B: Scan("1")}
    catalog.write_now(evidence.record, evidence.SCAN, A, "2", "gouda", "a.whl", Scan("2"))
    assert catalog.read_now(evidence.of_project, evidence.SCAN, "gouda", "1") == {B: Scan("1")}
    assert events(catalog, "file.inspected")[0].data["findings"] == 1


def waiver(identifier="w1", project="gouda", **more):
    return Waiver(identifier, Scope(project, "==1.0"), "cooldown", "main", "ada", "we need it", NOW, **more)


def test_a_waiver_is_asked_for_and_decided_once(catalog):
    asked = waiver(ends_at=NOW + timedelta(days=7))
    catalog.write_now(waivers.ask, asked)
    assert catalog.read_now(waivers.find, "w1") == asked
    granted = catalog.write_now(waivers.decide, "w1", WaiverState.GRANTED, "root", "for a week")
    assert (granted.state, granted.decided_by, granted.note) == (WaiverState.GRANTED, "root", "for a week")
    with pytest.raises(Conflict, match="granted already"):
        catalog.write_now(waivers.decide, "w1", WaiverState.DENIED, "root", "")
    catalog.write_now(waivers.decide, "w1", WaiverState.REVOKED, "root", "")
    with pytest.raises(NotFound, match="affineur waiver list"):
        catalog.write_now(waivers.decide, "w9", WaiverState.GRANTED, "root", "")
    assert [event.kind for event in events(catalog, "waiver.")] == ["waiver.asked", "waiver.granted", "waiver.revoked"]
    assert {event.project for event in events(catalog, "waiver.")} == {"gouda"}


def test_waivers_that_touch_a_project_now(catalog):
    ended = NOW - timedelta(seconds=1)
    for made in (
        waiver("exact"), waiver("pattern", "go*"), waiver("ended", ends_at=ended), waiver("other", "brie"),
        waiver("escaped", "g_uda"), waiver("denied"),
    ):  # fmt: skip
        catalog.write_now(waivers.ask, made)
        state = WaiverState.DENIED if made.id == "denied" else WaiverState.GRANTED
        catalog.write_now(waivers.decide, made.id, state, "root", "")
    catalog.write_now(waivers.ask, waiver("asked"))
    assert {found.id for found in catalog.read_now(waivers.touching, "gouda", NOW)} == {"exact", "pattern"}
    assert [found.id for found in catalog.read_now(waivers.every, [WaiverState.ASKED])] == ["asked"]
    assert len(catalog.read_now(waivers.every)) == 7


def test_the_list_of_a_mirror(catalog):
    def wanted(requirement, source="public", releases="all"):
        return mirror_list.Wanted(source, requirement, releases, True, NOW, "ada")

    catalog.write_now(mirror_list.add, [wanted("gouda"), wanted("brie>=2"), wanted("gouda", "other")])
    catalog.write_now(mirror_list.add, [wanted("gouda", releases="newest")])
    assert catalog.read_now(mirror_list.listed, "public") == [wanted("brie>=2"), wanted("gouda", releases="newest")]
    assert len(catalog.read_now(mirror_list.listed)) == 3
    catalog.write_now(mirror_list.remove, "public", ["gouda", "nothing"])
    assert [entry.requirement for entry in catalog.read_now(mirror_list.listed)] == ["gouda", "brie>=2"]


def test_what_stands_beside_a_file_is_kept_and_replaced(catalog):
    assert catalog.read_now(attached.find, "public", A, "provenance") is None
    for digest in (A, B):
        catalog.write_now(attached.record, "public", A, "provenance", digest)
    assert catalog.read_now(attached.find, "public", A, "provenance") == B
    assert catalog.read_now(attached.find, "public", A, "signature") is None
    assert catalog.read_now(attached.find, "other", A, "provenance") is None
