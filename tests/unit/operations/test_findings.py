"""What is said of an entry of a lock, by its listing and by what the gate decides."""

import pytest

from affineur.model.advisories import ProjectAdvisories
from affineur.model.files import ProjectStatus, Status
from affineur.model.locks import LockedFile, Pin
from affineur.model.names import ProjectName
from affineur.operations.findings import Looked, Pending, nearest, of_pin, shown, vulnerabilities
from affineur.standards import osv
from tests.support.advisories import osv as record
from tests.support.advisories import raw
from tests.support.policy import NOW, file, gate, page

SDIST, WHEEL = "brie-1.0.tar.gz", "brie-1.0-py3-none-any.whl"


def known(*records):
    return ProjectAdvisories(one for each in records for one in osv.advisories(osv.parse_record(raw(each))))


def looked(table, listing, *records, **fields):
    door = gate(table)
    given = {
        "page": listing,
        "current": True,
        "decide": lambda one: door.screen(listing, now=NOW).decisions[one.filename],
    }
    return Looked(known(*records), **{**given, **fields})


def pin(version="1.0", *, hashes=(), **fields):
    return Pin(
        ProjectName("brie"), version, files=tuple(LockedFile(hashes=(pair,)) for pair in hashes), line=7, **fields
    )


def said(entry, about):
    pending = Pending()
    rows = list(of_pin(entry, about, "r.txt", pending))
    return {(row.kind, getattr(row, "level", "?")): row.sentence for row in [*rows, *pending.findings()]}


def test_a_release_that_the_policy_holds_is_an_error_and_says_until_when():
    (row,) = of_pin(pin(), looked({"cooldown": 3}, page(file(days=1))), "r.txt", Pending())
    assert (row.kind, row.level, row.rule, row.line) == ("policy", "error", "cooldown", 7)
    assert row.until > NOW


def test_files_that_are_not_what_is_pinned_do_not_count():
    listing = page(file(WHEEL, days=1, hashes={"sha256": "a" * 64}), file(SDIST, days=9, hashes={"sha256": "b" * 64}))
    about = looked({"cooldown": 3}, listing)
    assert said(pin(), about).keys() == {("policy", "note")}
    assert said(pin(hashes=[("sha256", "b" * 64)]), about) == {}
    assert said(pin(hashes=[("sha256", "a" * 64)]), about).keys() == {("policy", "error")}
    assert said(pin(hashes=[("sha256", "c" * 64)]), about).keys() == {("wrong-hash", "error"), ("policy", "note")}
    assert said(pin(hashes=[("sha512", "c" * 128)]), about).keys() == {("policy", "note")}


def test_a_policy_that_only_watches_warns():
    (text,) = said(pin(), looked({"cooldown": 3, "mode": "watch"}, page(file(days=1)))).values()
    assert text.endswith("(the policy only watches)")


def test_every_rule_that_objects_is_told():
    listing = page(file(days=1), status=ProjectStatus(Status.QUARANTINED, "why"))
    found = said(pin(), looked({"cooldown": 3, "status": True, "lists": {"deny": ["brie"]}}, listing))
    assert found.keys() == {("quarantined", "error"), ("policy", "error")}
    assert "why" in found["quarantined", "error"]
    rows = list(of_pin(pin(), looked({"cooldown": 3, "lists": {"deny": ["brie"]}}, listing), "r.txt", Pending()))
    assert {row.rule for row in rows} == {"", "cooldown", "lists"}


def test_what_rules_have_not_seen_is_a_note_and_a_licence_not_known_is_not_checked():
    found = said(pin(), looked({"licences": ["MIT"], "startup_code": True}, page(file())))
    assert found.keys() == {("licence", "?"), ("pending", "note")}


@pytest.mark.parametrize(("current", "kind"), [(True, ("unknown-release", "error")), (False, ("listing", "?"))])
def test_a_release_that_is_not_listed_is_only_wrong_where_the_listing_is_current(current, kind):
    assert said(pin("9.0"), looked({}, page(file()), current=current)).keys() == {kind}


def test_versions_are_the_same_however_they_are_written():
    assert said(pin("1.0.0"), looked({}, page(file()))) == {}


def test_private_projects_are_not_what_advisories_are_about():
    about = looked({}, page(file(), owned=True, mirrored=False), record(name="brie"))
    assert vulnerabilities(pin(), about) == []


def test_the_nearest_fix_passes_the_gate_is_not_yanked_and_is_final():
    versions = {"1.0": {}, "1.1": {"yanked": True}, "1.2": {"days": 1}, "1.3rc1": {}, "1.3": {}, "2.0": {}}
    listing = page(*(file(f"brie-{version}-py3-none-any.whl", **fields) for version, fields in versions.items()))
    about = looked({"cooldown": 3}, listing, record("A-1", "brie", fixed="1.1"), record("A-2", "brie", fixed="2.0"))
    assert {hole.id: hole.nearest for hole in vulnerabilities(pin(), about)} == {"A-1": "1.3", "A-2": "2.0"}
    assert nearest(about, "1.0") == "2.0"
    assert nearest(about, "2.0") == ""
    assert nearest(about, "1.3.dev1", lambda holes: len(holes) > 1) == "1.3rc1"


def test_addresses_are_shown_without_secrets():
    assert shown("git+https://u:p@git.example.org/x?token=1#egg=x") == "git+https://git.example.org/x#egg=x"
    assert shown("../wheels/x.whl") == "../wheels/x.whl"
