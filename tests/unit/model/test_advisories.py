from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_version
from packaging.version import Version

from affineur.model.advisories import (
    Advisory,
    AdvisoryKind,
    Origin,
    ProjectAdvisories,
    Range,
    Severity,
    affects,
    canonical,
    holes,
    merged,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def advisory(identifier="PYSEC-1", **fields):
    return Advisory(identifier, "acme", **fields)


@pytest.mark.parametrize(
    "text", ["1", "1.0", "1.0.0", "01.2", "0", "0.0", "10.20.0", "1!2.0", "1.0a1", "v1.0-RC.1", "1.0.post0", "1.0.dev3", "1.0+Local.1", "1.0-1"]
)  # fmt: skip
def test_canonical_spelling_agrees_with_packaging(text):
    assert canonical(text) == canonicalize_version(text).lower()


def test_what_is_no_version_is_compared_as_text():
    assert canonical("0.1-Bulbasaur") == canonical("0.1-bulbasaur")


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        (Range("", fixed="2.0"), ["0.dev0", "0", "1.9", "2.0rc1", "2.0.dev1", "1.9+local"], ["2.0", "2.0.post1", "2.0+cpu", "1!0"]),
        (Range("1.0", fixed="2.0"), ["1.0", "1.0+cpu", "1.0.post1"], ["1.0rc1", "0.9", "1.0.dev0"]),
        (Range("1.0", last_affected="1.5"), ["1.5", "1.5.0", "1.5+cpu"], ["1.5.1", "1.5.post1"]),
        (Range("1!1.0"), ["1!1.0", "1!3", "2!0"], ["3.0", "1!0.9"]),
        (Range("1.0", limit="3.0"), ["2.9"], ["3.0", "3.0+x"]),
        (Range("", fixed="1.0+security2"), ["1.0", "1.0+security1"], ["1.0+security2"]),
    ],
)  # fmt: skip
def test_bounds(bounds, inside, outside):
    assert [text for text in inside if not bounds.holds(Version(text))] == []
    assert [text for text in outside if bounds.holds(Version(text))] == []


def test_listed_versions_match_in_any_spelling_and_with_a_local_part():
    named = advisory(versions=frozenset({"2", "0.1-bulbasaur"}))
    assert all(affects(named, text) for text in ["2.0", "2", "2.0.0", "v2", "2.0+cu121", "0.1-Bulbasaur"])
    assert not any(affects(named, text) for text in ["2.0.1", "2.0rc1", "nonsense"])


def test_a_record_without_versions_means_all_of_malware_and_none_of_anything_else():
    assert affects(advisory(kind=AdvisoryKind.MALWARE), "1.0")
    assert affects(advisory(kind=AdvisoryKind.MALWARE), "not a version")
    assert not affects(advisory(), "1.0")


def test_a_version_without_order_is_named_only_by_a_range_without_bounds():
    assert affects(advisory(ranges=(Range(),)), "2013-01-21T20")
    assert not affects(advisory(ranges=(Range(fixed="2"),)), "2013-01-21T20")


def test_records_of_one_hole_are_joined_through_shared_aliases():
    records = [
        advisory(
            "PYSEC-1", aliases=("CVE-1",), severity=Severity.MEDIUM, ranges=(Range(fixed="2.0"),), summary="a hole"
        ),
        advisory("GHSA-1", aliases=("CVE-1", "CVE-2"), severity=Severity.HIGH, versions=frozenset({"1"})),
        advisory("PYSEC-2", aliases=("CVE-2",), ranges=(Range(fixed="2.1"),)),
        advisory("PYSEC-3", ranges=(Range(fixed="9"),)),
        advisory("PYSEC-4", aliases=("PYSEC-3",), ranges=(Range(fixed="9"),)),
        advisory("PYSEC-5", withdrawn=NOW, ranges=(Range(),)),
    ]
    first, second = sorted(holes(tuple(records), "1.0"), key=lambda hole: len(hole.ids))[::-1]
    assert set(first.ids) == {"PYSEC-1", "GHSA-1", "PYSEC-2", "CVE-1", "CVE-2"}
    assert (first.advisory.id, first.severity) == ("PYSEC-1", Severity.HIGH)
    assert set(second.ids) == {"PYSEC-3", "PYSEC-4"}


def test_fix_is_the_nearest_later_version_where_no_record_applies():
    hole = merged(
        [
            advisory("A", aliases=("C",), ranges=(Range("1.0", "1.5"), Range("2.0", "2.3"))),
            advisory("B", aliases=("C",), ranges=(Range("1.0", "1.5.1"), Range("2.0", "2.3"))),
        ]
    )[0]
    assert hole.fixed_after("1.2") == "1.5.1"
    assert hole.fixed_after("2.1") == "2.3"
    assert hole.fixed_after("0.1-bulbasaur") == ""
    assert merged([advisory("A", ranges=(Range("1.0"),))])[0].fixed_after("1.2") == ""


def test_the_record_with_most_to_say_speaks_whatever_the_order():
    short = advisory("Z", aliases=("C",), origin=Origin.JSON_API, versions=frozenset({"1"}), fixed_in=("2",))
    full = advisory("A", aliases=("C",), ranges=(Range(fixed="2"),))
    assert merged([short, full]) == merged([full, short])
    assert merged([short, full])[0].advisory is full


def test_answers_are_kept_by_version():
    known = ProjectAdvisories([advisory(ranges=(Range(fixed="2"),))])
    assert known.of("1.0") is known.of("1.0.0")
    assert known.of("2.0") == ()


SPELT = st.sampled_from(
    ["0.1", "1.0a1", "1.0", "1.0.0", "1.0+cpu", "1.1", "2.0rc1", "2.0", "3.0.post1", "1!1", "odd version"]
)
BOUND = st.sampled_from(["", "0.1", "1.0a1", "1.0", "1.1", "2.0", "3.0.post1"])
RANGES = st.builds(Range, introduced=BOUND, fixed=BOUND, last_affected=BOUND, limit=BOUND)
RECORDS = st.builds(
    Advisory,
    id=st.sampled_from(["A", "B", "C", "D"]),
    project=st.just("acme"),
    kind=st.sampled_from(list(AdvisoryKind)),
    ranges=st.lists(RANGES, max_size=3).map(tuple),
    versions=st.sets(SPELT, max_size=2).map(lambda found: frozenset(canonical(text) for text in found)),
)


@given(st.lists(RECORDS, max_size=5, unique_by=lambda record: record.id), st.lists(SPELT, min_size=1, max_size=4))
def test_looking_up_by_place_finds_what_asking_each_record_finds(records, versions):
    known = ProjectAdvisories(records)
    for version in versions:
        asked = {record.id for record in records if affects(record, version)}
        assert {hole.advisory.id for hole in known.of(version)} == asked
