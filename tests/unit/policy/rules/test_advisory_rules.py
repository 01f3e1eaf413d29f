"""Malware and vulnerabilities: by version, by severity, and what happens without data."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.model.advisories import ProjectAdvisories
from affineur.model.decisions import Effect
from affineur.policy.evidence import Evidence
from affineur.standards.osv import advisories, from_json_api, parse_record
from tests.support.advisories import malware, osv, raw
from tests.support.policy import NOW, file, page, verdict, verdicts

CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
HIGH = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}]
MALWARE, HOLES = {"known_malware": True}, {"vulnerabilities": True}


def known(*records, at=NOW, told=()):
    made = [one for record in records for one in advisories(parse_record(raw(record)))]
    return Evidence(advisories=ProjectAdvisories(made), advisories_at=at, told_versions=frozenset(told))


def release(version):
    return file(f"brie-{version}-py3-none-any.whl")


def bad(versions=(), identifier="MAL-2026-1"):
    return malware(identifier, "brie", versions)


def test_a_compromised_release_denies_that_release_alone():
    listing = page(release("1.0"), release("1.1"), release("1.2"))
    said = verdicts(MALWARE, listing, evidence=known(bad(["1.1"])))
    assert [v.effect for v in said.values()] == [Effect.ALLOW, Effect.DENY, Effect.ALLOW]
    refused = said["brie-1.1-py3-none-any.whl"]
    assert refused.sentence.startswith("brie 1.1 is malware by MAL-2026-1: Malicious code in brie (PyPI); ")
    assert not refused.whole


def test_a_record_without_versions_denies_the_project():
    said = verdict(MALWARE, release("1.0"), evidence=known(bad()))
    assert (said.effect, said.whole) == (Effect.DENY, True)
    assert "brie is malware" in said.sentence


def test_an_alias_does_not_widen_what_the_malware_record_names():
    evidence = known(bad(["1.1"]), osv("GHSA-1", "brie", aliases=["MAL-2026-1"], introduced="0", summary="x"))
    assert evidence.advisories[1].is_malware
    evidence = known(bad(["1.1"]) | {"aliases": ["GHSA-1"]}, osv("GHSA-1", "brie"))
    assert verdict(MALWARE, release("1.0"), evidence=evidence).effect is Effect.ALLOW
    assert verdict(MALWARE, release("1.1"), evidence=evidence).effect is Effect.DENY


def test_your_own_project_is_left_alone():
    assert verdict(MALWARE, release("1.0"), evidence=known(bad()), mirrored=False).effect is Effect.ALLOW
    assert verdict(MALWARE, release("1.0"), evidence=known(bad()), owned=True, mirrored=False).effect is Effect.ALLOW


def test_without_data_it_is_inactive_and_says_so():
    said = verdict(MALWARE, release("1.0"), evidence=known(at=None))
    assert said.effect is Effect.INACTIVE
    assert "no records of malware were ever imported" in said.sentence


AGED = [("known_malware", "malware"), ("vulnerabilities", "vulnerabilities")]


@pytest.mark.parametrize(("rule", "word"), AGED)
def test_old_data_hold_only_where_that_is_asked_for(rule, word):
    old, table = known(at=NOW - timedelta(days=10)), {rule: {"stale": "hold"}}
    assert verdict({rule: True}, release("1.0"), evidence=old).effect is Effect.ALLOW
    said = verdict(table, release("1.0"), evidence=old)
    assert (said.rule, said.effect) == (rule, Effect.HOLD)
    assert said.sentence.startswith(f"the records of {word} are 10 days old; ")
    fresh = verdict(table, release("1.0"), evidence=known(at=NOW - timedelta(days=6)))
    assert (fresh.effect, fresh.until) == (Effect.ALLOW, NOW + timedelta(days=1))
    longer = {rule: {"stale": "hold", "max_age": {"days": 30}}}
    assert verdict(longer, release("1.0"), evidence=old).effect is Effect.ALLOW
    never = verdict(table, release("1.0"), evidence=known(at=None))
    assert never.effect in {Effect.INACTIVE, Effect.PENDING}


@pytest.mark.parametrize(("rule", "word"), AGED)
def test_old_data_leave_your_own_project_alone(rule, word):
    old = known(at=NOW - timedelta(days=10))
    assert verdict({rule: {"stale": "deny"}}, release("1.0"), evidence=old, mirrored=False).effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("table", "record"),
    [({"known_malware": {"force": "warn"}}, bad()), ({"vulnerabilities": {"unrated": "warn"}}, osv("GHSA-1", "brie"))],
)
def test_of_old_data_and_what_they_say_the_stricter_counts(table, record):
    (rule, settings), old = *table.items(), known(record, at=NOW - timedelta(days=10))
    said = verdict({rule: settings | {"stale": "hold"}}, release("1.0"), evidence=old)
    assert said.effect is Effect.HOLD
    assert "10 days old" in said.sentence
    assert said.findings[0].where == record["id"]
    milder = verdict({rule: {name: "deny" for name in settings} | {"stale": "hold"}}, release("1.0"), evidence=old)
    assert milder.effect is Effect.DENY
    assert "days old" not in milder.sentence
    fresh = known(record, at=NOW - timedelta(days=6))
    soon = verdict({rule: settings | {"stale": "hold"}}, release("1.0"), evidence=fresh)
    assert (soon.effect, soon.until) == (Effect.WARN, NOW + timedelta(days=1))


def hole(identifier="GHSA-1", severity=None, **fields):
    return osv(identifier, "brie", **({"severity": severity} if severity else {}), **fields)


@pytest.mark.parametrize(
    ("severity", "force", "effect"),
    [(CRITICAL, "critical", Effect.HOLD), (HIGH, "high", Effect.WARN), (None, "unrated", Effect.WARN)],
)
def test_each_severity_has_its_setting(severity, force, effect):
    evidence = known(hole(severity=severity))
    assert verdict(HOLES, release("1.0"), evidence=evidence).effect is effect
    assert verdict({"vulnerabilities": {force: "deny"}}, release("1.0"), evidence=evidence).effect is Effect.DENY
    assert verdict({"vulnerabilities": {force: "off"}}, release("1.0"), evidence=evidence).effect is Effect.ALLOW


def test_the_worst_decides_and_the_way_out_is_named():
    evidence = known(
        hole("GHSA-1", HIGH, fixed="2.0"), hole("GHSA-2", CRITICAL, fixed="1.5", aliases=["CVE-2026-2"], summary="Run"),
    )  # fmt: skip
    said = verdict(HOLES, release("1.0"), evidence=evidence)
    assert said.effect is Effect.HOLD
    assert said.sentence == "brie 1.0 has CVE-2026-2 (critical) and 1 more; 2.0 is free of them"
    assert [finding.where for finding in said.findings] == ["GHSA-2", "GHSA-1"]
    assert said.findings[0].what == "critical, hold: Run; fixed in 1.5"
    assert verdict(HOLES, release("1.5"), evidence=evidence).sentence == "brie 1.5 has GHSA-1 (high); 2.0 is free of it"
    assert verdict(HOLES, release("2.0"), evidence=evidence).effect is Effect.ALLOW


def test_no_way_out_is_said_too():
    said = verdict(HOLES, release("1.0"), evidence=known(hole(severity=CRITICAL)))
    assert said.sentence == "brie 1.0 has GHSA-1 (critical); no later release without it is known"


def test_what_is_ignored_counts_again_after_its_end():
    evidence = known(hole(severity=CRITICAL, aliases=["CVE-2026-1"]))
    entry = {"id": "CVE-2026-1", "reason": "never called", "until": NOW + timedelta(days=2)}
    table = {"vulnerabilities": {"ignore": [entry]}}
    said = verdict(table, release("1.0"), evidence=evidence)
    assert (said.effect, said.until) == (Effect.ALLOW, NOW + timedelta(days=2))
    later = verdict(table, release("1.0"), evidence=evidence, now=NOW + timedelta(days=2))
    assert later.effect is Effect.HOLD


def test_what_is_ignored_does_not_hide_that_the_data_grow_old():
    entry = {"id": "GHSA-1", "reason": "never called", "until": NOW + timedelta(days=2)}
    table = {"vulnerabilities": {"unrated": "deny", "stale": "hold", "ignore": [entry]}}
    soon = verdict(table, release("1.0"), evidence=known(hole(), at=NOW - timedelta(days=6)))
    assert (soon.effect, soon.until) == (Effect.ALLOW, NOW + timedelta(days=1))
    held = verdict(table, release("1.0"), evidence=known(hole(), at=NOW - timedelta(days=8)))
    assert (held.effect, held.until) == (Effect.HOLD, NOW + timedelta(days=2))


def test_malware_is_not_a_vulnerability_too():
    assert verdict(HOLES, release("1.0"), evidence=known(bad())).effect is Effect.ALLOW


def test_until_a_feed_is_here_it_waits_for_what_the_upstream_tells():
    assert verdict(HOLES, release("1.0"), evidence=known(at=None)).effect is Effect.PENDING
    assert verdict(HOLES, release("1.0"), evidence=known(at=None, told=["1"])).effect is Effect.ALLOW
    document = {"info": {"name": "brie", "version": "1.0"}, "vulnerabilities": [{"id": "PYSEC-1"}]}
    evidence = Evidence(advisories=ProjectAdvisories(from_json_api(document)), told_versions=frozenset({"1"}))
    assert verdict(HOLES, release("1.0"), evidence=evidence).effect is Effect.WARN
    assert verdict(HOLES, release("1.1"), evidence=evidence).effect is Effect.PENDING


VERSIONS = st.sampled_from(["0.9", "1.0", "1.0.post1", "1.1", "2.0rc1", "2.0", "2.1"])


@given(st.lists(st.tuples(VERSIONS, VERSIONS), min_size=1, max_size=4), VERSIONS)
def test_the_release_that_is_named_as_free_is_free(bounds, version):
    records = [
        hole(f"GHSA-{n}", CRITICAL, introduced=low, fixed=high) for n, (low, high) in enumerate(bounds) if low != high
    ]
    evidence = known(*records)
    said = verdict(HOLES, release(version), evidence=evidence)
    if said.sentence.endswith(("is free of them", "is free of it")):
        free = said.sentence.rpartition("; ")[2].split(" ")[0]
        concerned = {finding.where for finding in said.findings}
        still = {hole.advisory.id for hole in evidence.advisories.of(free)} & concerned
        assert still == set()
