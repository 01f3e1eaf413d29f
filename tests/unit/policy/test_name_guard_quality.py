"""The name guard reaches what docs/name-guard.md says, with a little to spare for other samples."""

import pytest

from benchmarks import name_guard as subject


@pytest.fixture(scope="module")
def bench():
    return subject.Bench()


def share(found):
    rows = list(found)
    return sum(rows) / len(rows)


def judged(bench, ways, count=300):
    return [
        (meant, bench.guard.check(name))
        for way in ways
        for name, meant in subject.generated(bench, way, count, seed=11)
    ]


@pytest.mark.parametrize(
    ("ways", "flagged"),
    [(subject.ONE_EDIT, 0.965), ([subject.separator, subject.homoglyph], 0.99), (subject.LOOSE[1:], 0.8)],
)
def test_confusions_are_found_with_what_was_meant(bench, ways, flagged):
    rows = judged(bench, ways)
    assert share(finding.flagged for _, finding in rows) >= flagged
    assert share(finding.target == meant for meant, finding in rows if finding.flagged) >= 0.98


def test_names_that_were_removed_as_malicious_are_found(bench):
    rows = [(meant, bench.guard.check(name)) for name, meant in subject.removed() if name not in bench.known]
    assert share(finding.flagged for _, finding in rows) >= 0.95
    assert all(finding.target in meant for meant, finding in rows if finding.flagged)


def test_popular_names_judged_as_if_unknown_are_seldom_flagged(bench):
    findings = [bench.unknown(name) for name in bench.ordinary()]
    assert share(finding.level == "deny" for finding in findings) <= 0.0125
    assert share(finding.flagged for finding in findings) <= 0.03


def test_names_of_debian_s_projects_are_seldom_flagged(bench):
    findings = [bench.guard.check(name) for name in subject.debian_names(bench)]
    assert share(finding.level == "deny" for finding in findings) <= 0.013
    assert share(finding.flagged for finding in findings) <= 0.025
