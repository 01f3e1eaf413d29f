"""Young files are held, by the upload of each file."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.model.advisories import Advisory, AdvisoryKind, Range
from affineur.model.decisions import Effect
from affineur.model.names import ProjectName
from affineur.model.scans import Finding, Level, Scan, Trait
from affineur.policy.evidence import Evidence
from tests.support.policy import NOW, file, gate, page, verdict

BRIE = ProjectName("brie")
FIX = Advisory("EX-1", BRIE, ranges=(Range(fixed="2.0"),))


def fixing(**fields):
    clean = {"a" * 64: Scan("1")}
    given = {"advisories": (FIX,), "used_versions": frozenset({"1.0"}), "scans": clean, **fields}
    return Evidence(**given)


def young(days=1.0, **fields):
    return file("brie-2.0-py3-none-any.whl", days=days, **fields)


def judged(one, evidence, **table):
    before = file("brie-1.0-py3-none-any.whl", days=400)
    screened = gate({"cooldown": {"days": 3, **table}}).screen(page(before, one), now=NOW, evidence=evidence)
    return screened.decisions[one.filename].strictest


def test_what_is_said():
    said = verdict({"cooldown": 3}, file(days=0.5))
    assert said.effect is Effect.HOLD
    assert said.sentence == "1.0 is 12 hours old, 3 days are asked; free on 2026-11-25"
    assert said.until == NOW + timedelta(days=2.5)


def test_each_file_by_its_own_upload():
    table, release = {"cooldown": 3}, page(file(days=5), file("brie-1.0.tar.gz", days=1))
    screened = gate(table).screen(release, now=NOW)
    assert list(screened.refused) == ["brie-1.0.tar.gz"]


def test_an_upload_nobody_dates_counts_from_the_first_sight():
    one = file(days=None, first_seen=NOW - timedelta(days=1))
    assert verdict({"cooldown": 3}, one).until == NOW + timedelta(days=2)


def test_private_files_are_exempt_unless_said_otherwise():
    assert verdict({"cooldown": 3}, file(days=0), mirrored=False).effect is Effect.ALLOW
    assert verdict({"cooldown": {"private": True}}, file(days=0), mirrored=False).effect is Effect.HOLD


def test_installers_wait_a_day():
    pip = file("pip-30.0-py3-none-any.whl", days=1.1)
    assert verdict({"cooldown": 3}, pip, project="pip").effect is Effect.ALLOW
    assert verdict({"cooldown": 3}, file(days=1.1)).effect is Effect.HOLD
    assert verdict({"cooldown": {"tools": {"days": 2}}}, pip, project="pip").effect is Effect.HOLD


def test_a_fix_of_what_is_in_use_takes_the_fast_lane():
    assert judged(young(), fixing()).effect is Effect.ALLOW
    assert judged(young(days=0.2), fixing()).until == NOW + timedelta(hours=12) - timedelta(days=0.2)


def test_the_fast_lane_begins_once_somebody_looked_into_the_file():
    assert judged(young(), fixing(scans={})).effect is Effect.PENDING
    assert judged(young(days=5), fixing(scans={})).effect is Effect.ALLOW
    found = Finding(Trait.NETWORK, Level.WARN, "setup.py", 1, "urlopen()", "asks the network")
    assert judged(young(), fixing(scans={"a" * 64: Scan("1", (found,))})).effect is Effect.HOLD
    assert judged(young(), fixing(scans={"a" * 64: Scan("1", problem="too large")})).effect is Effect.HOLD


def test_no_fast_lane_without_cause():
    assert judged(young(), fixing(used_versions=frozenset())).effect is Effect.HOLD
    assert judged(young(), fixing(used_versions=frozenset({"2.0"}))).effect is Effect.HOLD
    assert judged(young(), fixing(), security_fixes=False).effect is Effect.HOLD


def test_no_fast_lane_for_a_suspect():
    malware = Advisory("EX-2", BRIE, AdvisoryKind.MALWARE, versions=frozenset({"0.1"}))
    assert judged(young(), fixing(advisories=(FIX, malware))).effect is Effect.HOLD


def proven(before="ada", after="ada"):
    """A fix and the release before it, both with provenance that names these publishers."""
    one, fix = file("brie-1.0-py3-none-any.whl", days=400, provenance="p"), young(provenance="p")
    named = {one.filename: before, fix.filename: after}
    return one, fix, {name: who for name, who in named.items() if who}


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ("ada", "ada", Effect.ALLOW),
        ("ada", "eve", Effect.HOLD),
        ("ada", "", Effect.HOLD),
        ("", "ada", Effect.HOLD),
        ("", "", Effect.HOLD),
    ],
)
def test_the_fast_lane_wants_the_same_publisher(before, after, effect):
    one, fix, publishers = proven(before, after)
    screened = gate({"cooldown": 3}).screen(page(one, fix), now=NOW, evidence=fixing(publishers=publishers))
    assert screened.decisions[fix.filename].strictest.effect is effect


def test_the_fast_lane_wants_provenance_where_the_release_before_had_it():
    before, fix = file("brie-1.0-py3-none-any.whl", days=400, provenance="p"), young()
    screened = gate({"cooldown": 3}).screen(page(before, fix), now=NOW, evidence=fixing())
    assert screened.decisions[fix.filename].strictest.effect is Effect.HOLD


def test_the_first_release_of_a_project_takes_no_fast_lane():
    screened = gate({"cooldown": 3}).screen(page(young()), now=NOW, evidence=fixing())
    assert screened.refused


@given(st.floats(0, 40), st.floats(0, 30))
def test_it_changes_at_the_moment_told_and_not_before(age, days):
    one, table = file(days=age), {"cooldown": {"days": days}}
    said = verdict(table, one)
    if said.effect is Effect.ALLOW:
        assert age + 1e-6 >= days
    else:
        assert verdict(table, one, now=said.until).effect is Effect.ALLOW
        assert verdict(table, one, now=said.until - timedelta(microseconds=1)).effect is Effect.HOLD
