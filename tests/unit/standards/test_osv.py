import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from affineur.errors import InvalidDocument
from affineur.model.advisories import AdvisoryKind, Origin, Range, Severity, affects
from affineur.standards.osv import advisories, from_json_api, parse_record
from tests.support.advisories import malware, needs_snapshot, osv, raw, snapshot_lines


def one(record):
    (made,) = advisories(parse_record(raw(record)))
    return made


def bound_of(kind, text):
    return Version("0.dev0") if (kind, text) == ("introduced", "0") else Version(text)


def naive(events, version):
    """The evaluation as the schema's document describes it, for one range."""

    def order(event):
        ((kind, text),) = event.items()
        return bound_of(kind, text), ["fixed", "introduced", "last_affected"].index(kind)

    vulnerable = False
    for event in sorted(events, key=order):
        ((kind, text),) = event.items()
        bound = bound_of(kind, text)
        if kind == "introduced" and version >= bound:
            vulnerable = True
        elif (kind == "fixed" and version >= bound) or (kind == "last_affected" and version > bound):
            vulnerable = False
    return vulnerable


VERSIONS = st.sampled_from(
    ["0", "0.1", "1.0.dev1", "1.0a1", "1.0rc1", "1.0", "1.0.post1", "1.1", "2.0", "2.0.1", "1!0.1"]
)


@given(
    st.lists(VERSIONS, min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from(["fixed", "last_affected"]), VERSIONS), max_size=4),
    VERSIONS,
)
def test_ranges_mean_what_the_schema_says(introduced, ends, version):
    events = [{"introduced": text} for text in introduced] + [{kind: text} for kind, text in ends]
    made = one(osv(events=events))
    assert affects(made, version) == naive(events, Version(version))


def test_one_advisory_for_each_project_of_the_ecosystem():
    record = osv(name="Acme.Tools")
    other = {"package": {"ecosystem": "npm", "name": "acme"}, "versions": ["1.0"]}
    second = {"package": {"ecosystem": "PyPI", "name": "acme-gpu"}, "versions": ["1.0"]}
    record["affected"] += [other, second]
    assert [item.project for item in advisories(parse_record(raw(record)))] == ["acme-tools", "acme-gpu"]


def test_commits_say_nothing_and_semantic_versions_only_where_alone():
    commits = {"type": "GIT", "repo": "x", "events": [{"introduced": "0"}, {"fixed": "abc"}]}
    semantic = {"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "9.0"}]}
    usual = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}
    assert one(osv(ranges=[commits])).ranges == ()
    assert one(osv(ranges=[commits, semantic])).ranges == (Range(fixed="9.0"),)
    assert one(osv(ranges=[semantic, usual])).ranges == (Range(fixed="2.0"),)
    assert one(osv(ranges=[semantic], versions=["1.0"])).ranges == ()


def test_a_bound_that_cannot_be_compared_leaves_the_range_to_the_list_or_opens_it():
    events = [{"introduced": "1.0"}, {"fixed": "banana"}]
    listed = one(osv(events=events, versions=["1.1"]))
    assert affects(listed, "1.1")
    assert not affects(listed, "1.2")
    assert affects(one(osv(events=events)), "99")


def test_limit_ends_what_is_said_without_being_a_fix():
    made = one(osv(events=[{"introduced": "1.0"}, {"limit": "2.0"}]))
    assert affects(made, "1.9")
    assert not affects(made, "2.0")
    assert made.fixes == ()


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({}, Severity.UNRATED),
        ({"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:C/I:C/A:C"}]}, Severity.HIGH),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}, Severity.CRITICAL),
        ({"severity": [{"type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}]}, Severity.CRITICAL),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"},
                       {"type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}]}, Severity.HIGH),
        ({"database_specific": {"severity": "MODERATE"}}, Severity.MEDIUM),
        ({"affected": {"ecosystem_specific": {"severity": "CRITICAL"}}}, Severity.CRITICAL),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"}],
          "database_specific": {"severity": "HIGH"}}, Severity.LOW),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/nonsense" * 50}]}, Severity.UNRATED),
        ({"severity": [{"type": "Ubuntu", "score": "high"}]}, Severity.UNRATED),
    ],
)  # fmt: skip
def test_severity(fields, severity):
    assert one(osv(**fields)).severity is severity


@pytest.mark.parametrize(
    "record",
    [
        malware(),
        osv("GHSA-1", aliases=["MAL-2024-9"]),
        osv("GHSA-1", database_specific={"cwe_ids": ["CWE-506"]}),
        osv("GHSA-1", database_specific={"malicious-packages-origins": []}),
        osv("GHSA-1", summary="Malware in acme"),
    ],
)
def test_malware_is_known_by_its_marks(record):
    assert one(record).kind is AdvisoryKind.MALWARE


def test_a_word_in_the_details_is_no_mark():
    assert (
        one(osv(summary="Parser hole", details="could run malicious code in a browser")).kind
        is AdvisoryKind.VULNERABILITY
    )


def test_malware_of_one_release_names_that_release_alone():
    made = one(malware(versions=["1.82.7"]))
    assert affects(made, "1.82.7")
    assert not affects(made, "1.82.6")


def test_text_is_bounded_and_cannot_move_a_cursor():
    made = one(osv(summary="a\x1b[2Jb\u202ec\x9b" + "x" * 1000, details="\x07" + "y" * 10_000, aliases=["CVE\x1b]0;t"]))
    text = made.summary + made.details + made.aliases[0]
    assert not any(c in text for c in "\x1b\x07\x9b\u202e")
    assert len(made.summary) <= 300
    assert len(made.details) <= 4000


def test_times_that_databases_write_wrongly_do_not_stop_a_record():
    assert one(osv(published="1-01-01T00:00:00Z")).published is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", ""),
        ("[]", ""),
        ('{"id": 3}', "id"),
        ('{"id": ""}', "id"),
        ('{"id": "A", "affected": [{"versions": [1]}]}', "A"),
        ('{"id": "A", "affected": [{"package": {"ecosystem": "PyPI", "name": "../x"}}]}', "A"),
        ('{"id": "A", "withdrawn": "soon", "affected": [{"package": {"ecosystem": "PyPI", "name": "x"}}]}', "A"),
        ("[" * 100_000, ""),
    ],
)
def test_errors_name_the_record(text, place):
    with pytest.raises(InvalidDocument) as caught:
        advisories(parse_record(text.encode()))
    assert place in caught.value.sentence


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["id", "affected", "package", "name", "ecosystem", "ranges", "events", "severity", "withdrawn", "versions"]), inner
)))  # fmt: skip
def test_whatever_is_given_becomes_advisories_or_a_sentence(document):
    try:
        advisories(parse_record(json.dumps(document).encode()))
    except InvalidDocument as error:
        assert error.sentence


def test_json_api_names_the_version_it_is_about():
    told = {
        "id": "PYSEC-1",
        "aliases": ["CVE-1"],
        "details": "d",
        "fixed_in": ["2.0"],
        "link": "https://example.org/1",
        "source": "osv",
    }
    (made,) = from_json_api({"info": {"name": "Acme", "version": "1.0"}, "vulnerabilities": [told]})
    assert affects(made, "1.0.0")
    assert not affects(made, "1.1")
    assert (made.project, made.origin, made.fixes) == ("acme", Origin.JSON_API, ("2.0",))


def test_json_api_without_vulnerabilities_and_with_nonsense():
    assert from_json_api({"info": {"name": "acme", "version": "1.0"}}) == []
    with pytest.raises(InvalidDocument):
        from_json_api({"info": {"name": "acme", "version": "1.0"}, "vulnerabilities": [{"id": {}}]})


@needs_snapshot
def test_every_version_that_real_records_list_is_affected():
    missed, lines = [], list(snapshot_lines())
    for line in lines:
        document = json.loads(line)
        for made in advisories(parse_record(line)):
            missed += [
                (made.id, text)
                for part in document["affected"]
                for text in part.get("versions", ())
                if not affects(made, text)
            ]
    assert missed == []
    assert len(lines) == 2661


@needs_snapshot
def test_bounds_of_real_records_are_on_the_right_side():
    wrong = []
    for line in snapshot_lines():
        document = json.loads(line)
        listed = {text for part in document["affected"] for text in part.get("versions", ())}
        for made in advisories(parse_record(line)):
            for item in made.ranges:
                try:
                    wrong += [(made.id, item)] if item.introduced and not affects(made, item.introduced) else []
                    if item.fixed and item.fixed not in listed and item.holds(Version(item.fixed)):
                        wrong.append((made.id, item))
                except InvalidVersion:
                    wrong.append((made.id, item))
    assert wrong == []
