"""Advisories in the catalog and in memory, on both databases."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta

from affineur.standards.osv import advisories as read
from affineur.standards.osv import from_json_api, parse_record
from affineur.storage.catalog import advisories, ledger
from affineur.storage.catalog.advisories import Feed
from affineur.storage.known_advisories import KnownAdvisories
from tests.support.advisories import malware, needs_snapshot, osv, raw, snapshot_lines

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def store(catalog, *records, feed="feed"):
    made = {record["id"]: read(parse_record(raw(record))) for record in records}
    described = Feed(feed, NOW, NOW, None, len(made), 0, "")
    return catalog.write_now(advisories.store, described, made)


def events(catalog):
    return [entry.event for entry in catalog.read_now(ledger.after, 0, 1000, kind=advisories.CHANGED)]


def named(known, project, version):
    return [hole.advisory.id for hole in known.of(project).of(version)]


def test_only_what_changed_is_written_and_told(catalog):
    first = store(catalog, osv("A-1", "acme", fixed="2.0"), osv("A-2", "Gouda.Tools"))
    assert (first.changed, first.unchanged, first.projects) == (2, 0, ("acme", "gouda-tools"))
    again = store(catalog, osv("A-1", "acme", fixed="2.0"), osv("A-2", "gouda-tools", fixed="3.0"))
    assert (again.changed, again.unchanged, again.projects) == (1, 1, ("gouda-tools",))
    assert store(catalog, osv("A-1", "acme", fixed="2.0")).projects == ()
    assert [event.data["projects"] for event in events(catalog)] == [["acme", "gouda-tools"], ["gouda-tools"]]


def test_an_older_record_never_replaces_a_later_one(catalog):
    store(catalog, osv("A-1", fixed="2.0", modified="2024-06-01T00:00:00Z"))
    outcome = store(catalog, osv("A-1", fixed="9.0", modified="2024-05-01T00:00:00Z"), feed="old snapshot")
    assert (outcome.changed, outcome.older) == (0, 1)
    assert named(KnownAdvisories(catalog), "acme", "3.0") == []


def test_a_project_that_a_record_no_longer_names_is_freed_and_told(catalog):
    store(catalog, osv("A-1", "acme"))
    outcome = store(catalog, osv("A-1", "gouda"))
    assert outcome.projects == ("acme", "gouda")
    known = KnownAdvisories(catalog)
    assert (named(known, "acme", "1.0"), named(known, "gouda", "1.0")) == ([], ["A-1"])


def test_withdrawn_records_are_held_but_say_nothing(catalog):
    store(catalog, osv("A-1"))
    known = KnownAdvisories(catalog)
    assert named(known, "acme", "1.0") == ["A-1"]
    outcome = store(catalog, osv("A-1", modified="2025-01-01T00:00:00Z", withdrawn="2025-01-01T00:00:00Z"))
    assert outcome.projects == ("acme",)
    known.take(events(catalog)[-1])
    assert named(known, "acme", "1.0") == []
    assert catalog.read_now(advisories.totals) == advisories.Totals(1, 0, 1, 1)


def test_aliases_of_several_feeds_are_one_hole(catalog):
    store(catalog, osv("PYSEC-2024-1", aliases=["CVE-2024-1"], fixed="2.0"))
    store(catalog, osv("GHSA-x", aliases=["CVE-2024-1"], fixed="2.0"), feed="another")
    (hole,) = KnownAdvisories(catalog).of("acme").of("1.0")
    assert {"PYSEC-2024-1", "GHSA-x", "CVE-2024-1"} == set(hole.ids)


def test_memory_follows_the_events_and_nothing_else_is_reloaded(catalog):
    known = KnownAdvisories(catalog)
    assert known.of("acme") == ()
    assert known.as_of is None
    store(catalog, malware("MAL-1", "acme", ["1.0"]), osv("A-2", "gouda"))
    assert known.take(events(catalog)[0]) == ("acme", "gouda")
    assert named(known, "acme", "1.0") == ["MAL-1"]
    assert named(known, "acme", "1.1") == []
    assert known.as_of == NOW
    gouda = known.of("gouda")
    store(catalog, malware("MAL-1", "acme", ["1.0", "1.1"]))
    known.take(events(catalog)[1])
    assert named(known, "acme", "1.1") == ["MAL-1"]
    assert known.of("gouda") is gouda


def test_many_projects_are_told_in_several_events(catalog):
    outcome = store(catalog, *(osv(f"A-{number}", f"project-{number}") for number in range(1201)))
    assert len(outcome.projects) == 1201
    told = [name for event in events(catalog) for name in advisories.concerned(event)]
    assert sorted(told) == sorted(outcome.projects)
    assert len(events(catalog)) == 3


def test_what_an_upstream_said_of_a_version_holds_for_it_alone(catalog):
    document = {"info": {"name": "acme", "version": "1.0"}, "vulnerabilities": [{"id": "PYSEC-1", "fixed_in": ["1.1"]}]}
    catalog.write_now(advisories.note_told, "public", "acme", "1.0", from_json_api(document))
    catalog.write_now(advisories.note_told, "public", "acme", "1.1", [])
    known = KnownAdvisories(catalog)
    assert (named(known, "acme", "1.0"), named(known, "acme", "1.1")) == (["PYSEC-1"], [])
    assert catalog.read_now(advisories.asked, "public", "acme") == {"1", "1.1"}
    assert [event.data["projects"] for event in events(catalog)] == [["acme"]]
    catalog.write_now(advisories.note_told, "public", "acme", "1.0", [])
    known.take(events(catalog)[-1])
    assert named(known, "acme", "1.0") == []


def test_what_was_asked_is_asked_again_after_a_day_and_soon_where_nobody_answered(catalog):
    catalog.write_now(advisories.note_told, "public", "acme", "1.0", [])
    catalog.write_now(advisories.note_told, "public", "acme", "2.0", [], soon=True)

    def due(**later):
        moment = datetime.now(UTC) + timedelta(**later)
        return [version for *_, version in catalog.read_now(advisories.to_ask_again, moment, 10)]

    assert (due(), due(minutes=11), due(hours=25)) == ([], ["2.0"], ["2.0", "1.0"])


def test_a_silent_upstream_does_not_unsay_what_it_said(catalog):
    document = {"info": {"name": "acme", "version": "1.0"}, "vulnerabilities": [{"id": "PYSEC-1"}]}
    catalog.write_now(advisories.note_told, "public", "acme", "1.0", from_json_api(document))
    catalog.write_now(advisories.note_told, "public", "acme", "1.0", [], soon=True)
    assert named(KnownAdvisories(catalog), "acme", "1.0") == ["PYSEC-1"]


def test_many_threads_may_ask_while_it_changes(catalog):
    known, wrong, stop = KnownAdvisories(catalog), [], threading.Event()
    store(catalog, osv("A-1", fixed="2.0"), osv("B-1", "gouda"))

    def ask():
        while not stop.wait(0.001):
            if named(known, "gouda", "1.0") != ["B-1"] or named(known, "acme", "1.0") not in (["A-1"], []):
                wrong.append(known.of("gouda"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(10):
        moment = f"2025-01-{number + 1:02}T00:00:00Z"
        store(catalog, osv("A-1", modified=moment, **({"withdrawn": moment} if number % 2 else {})))
        known.take(events(catalog)[-1])
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


@needs_snapshot
def test_the_whole_database_loads_in_two_seconds_and_answers_ten_thousand_look_ups_in_one(catalog):
    records = [json.loads(line) for line in snapshot_lines()]
    bulk = [malware(f"MAL-2025-{number}", f"bad-name-{number}") for number in range(15_000)]
    store(catalog, *records, *bulk)
    questions = []
    for record in records:
        for affected in record["affected"]:
            name = affected["package"]["name"].lower().replace("_", "-").replace(".", "-")
            questions += [(name, version, record["id"]) for version in affected.get("versions", [])[:4]]
    questions = (questions * 3)[:10_000]
    assert len(questions) == 10_000
    known = KnownAdvisories(catalog)
    begun = time.perf_counter()
    assert named(known, "bad-name-7", "1.0") == ["MAL-2025-7"]
    loading = time.perf_counter() - begun
    begun = time.process_time()
    answers = [(known.of(name).of(version), identifier) for name, version, identifier in questions]
    looking = time.process_time() - begun
    withdrawn = {record["id"] for record in records if record.get("withdrawn")}
    missed = {i for holes, i in answers if i not in withdrawn and not any(i in hole.ids for hole in holes)}
    assert missed == set()
    assert loading < 2.0
    assert looking < 1.0


def test_the_long_texts_of_some_records_are_read_at_once(catalog):
    store(catalog, osv("A-1", "acme", details="long"), osv("A-2", "gouda", details="longer"), osv("A-3", "gouda"))
    wanted = ["A-1", "A-3", *(f"B-{number}" for number in range(1200))]
    assert catalog.read_now(advisories.descriptions, wanted) == {("A-1", "acme"): "long", ("A-3", "gouda"): ""}
    assert catalog.read_now(advisories.descriptions, []) == {}
