"""What is wrong with a release, by advisories, the gate and the page."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from affineur.model.advisories import Advisory, AdvisoryKind, ProjectAdvisories, Range, Severity
from affineur.model.alerts import AlertKind, Fix
from affineur.model.decisions import Decision, Effect, Verdict
from affineur.model.files import File, Page, ProjectStatus, Status
from affineur.model.names import IndexName, ProjectName
from affineur.operations.causes import Known
from affineur.policy.gate import Screened

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOUDA = ProjectName("gouda")
HOLE = Advisory("GHSA-1", GOUDA, severity=Severity.HIGH, summary="a hole", ranges=(Range(fixed="1.1"),))


def file(version, **more):
    return File(f"gouda-{version}-py3-none-any.whl", version, upload_time=NOW, **more)


def known(*files, advisories=(), refused=None, status=ProjectStatus()):
    """What is known of files; `refused` are versions with the rule and the moment that frees them."""
    decisions = {}
    for each in files:
        rule, until = (refused or {}).get(each.version, (None, None))
        verdicts = (Verdict(rule, Effect.HOLD, "so it is", until),) if rule else ()
        decisions[each.filename] = Decision(IndexName("main"), GOUDA, each.filename, "1", NOW, verdicts)
    return Known(ProjectAdvisories(advisories), Screened(Page(GOUDA, files, status=status), decisions))


def kinds(found, version="1.0"):
    return [cause.kind for cause in found.causes(version)]


def test_a_sound_release_has_no_cause():
    assert kinds(known(file("1.0"), advisories=[HOLE]), "1.1") == [AlertKind.MISSING]
    assert kinds(known(file("1.1"), advisories=[HOLE]), "1.1") == []
    assert kinds(known(file("1.0")), "1.0.0") == []


def test_the_fix_is_the_nearest_release_without_the_hole_that_passes():
    files = (file("1.0"), file("1.1"), file("1.2"), file("2.0"), file("3.0a1"))
    free = NOW + timedelta(days=1)

    def fix(**more):
        (cause, *_) = known(*files, advisories=[HOLE, *more.pop("advisories", ())], **more).causes("1.0")
        return cause.fix

    assert fix() == Fix("1.1", listed=True)
    assert fix(refused={"1.1": ("cooldown", free)}) == Fix("1.2", listed=True)
    every = {version: ("cooldown", free) for version in ("1.1", "1.2", "2.0")}
    assert fix(refused=every) == Fix("1.1", True, "held by cooldown: so it is", free)
    hostile = Advisory("MAL-1", GOUDA, AdvisoryKind.MALWARE, versions=frozenset({"1.1"}))
    assert fix(advisories=[hostile]) == Fix("1.2", listed=True)


def test_a_fix_that_is_not_listed_is_named():
    (cause,) = known(file("1.0"), advisories=[HOLE]).causes("1.0")
    assert (cause.kind, cause.fix, cause.urgent) == (AlertKind.ADVISORY, Fix("1.1"), False)


def test_advisories_count_where_no_page_is_held():
    assert [cause.ids for cause in Known(ProjectAdvisories([HOLE])).causes("1.0")] == [("GHSA-1",)]


def test_yanks_status_deletion_and_refusal_are_causes():
    assert kinds(known(file("1.0", yanked=True, yanked_reason="burns"))) == [AlertKind.YANKED]
    assert kinds(known(file("1.0", vanished=NOW))) == [AlertKind.MISSING]
    assert kinds(known(file("2.0"))) == [AlertKind.MISSING]
    assert kinds(known(file("1.0"), status=ProjectStatus(Status.ARCHIVED))) == [AlertKind.ARCHIVED]
    assert kinds(known(file("1.0"), refused={"1.0": ("licences", None)})) == [AlertKind.REFUSED]
    wheel, sdist = file("1.0"), File("gouda-1.0.tar.gz", "1.0")
    assert kinds(known(wheel, sdist, refused={})) == []


def test_what_is_refused_for_what_is_told_anyway_is_told_once():
    refused = {"1.0": ("vulnerabilities", None)}
    assert kinds(known(file("1.0"), advisories=[HOLE], refused=refused)) == [AlertKind.ADVISORY]


def test_a_lost_attestation_is_a_cause():
    signed = {"provenance": "hosted"}
    assert kinds(known(file("1.0", **signed), file("1.1"))) == [AlertKind.PUBLISHER]
    assert kinds(known(file("1.0", **signed), file("1.1"), file("1.2", **signed))) == []
    assert kinds(known(file("1.0"), file("1.1"))) == []


def test_another_publisher_of_the_newest_release_is_a_cause():
    signed = {"provenance": "hosted"}
    found = known(file("1.0", **signed), file("1.1", **signed), file("0.9"))
    assert [each.version for each in found.to_compare(["1.0"])] == ["1.0", "1.1"]
    assert found.to_compare(["0.9", "1.1"]) == []
    found.publishers = {"gouda-1.0-py3-none-any.whl": "the dairy", "gouda-1.1-py3-none-any.whl": "mallory"}
    (cause,) = found.causes("1.0")
    assert cause.kind is AlertKind.PUBLISHER
    assert cause.sentence == "the newest release, 1.1, was published by mallory, this one by the dairy"
    same = known(file("1.0", **signed), file("1.1", **signed))
    same.publishers = dict.fromkeys(found.publishers, "the dairy")
    assert kinds(same) == []


def built(tag, digest, **more):
    return File(f"gouda-1.0-{tag}.whl", "1.0", upload_time=NOW, hashes={"sha256": digest}, **more)


def refusing(files, filenames, *, mirrored=True, rule="scan", effect=Effect.DENY):
    decisions = {
        each.filename: Decision(
            IndexName("main"), GOUDA, each.filename, "1", NOW,
            (Verdict(rule, effect, "so it is"),) if each.filename in filenames else (),
        )
        for each in files
    }  # fmt: skip
    return Known(ProjectAdvisories([HOLE]), Screened(Page(GOUDA, files, mirrored=mirrored), decisions))


def test_the_files_that_a_lock_names_decide():
    one, two = built("cp311-cp311-any", "1" * 64), built("cp312-cp312-any", "2" * 64)
    sdist = File("gouda-1.0.tar.gz", "1.0", hashes={"sha256": "3" * 64})
    found = refusing((one, two, sdist), {one.filename})
    assert found.by_files("1.0")

    def sentences(*digests):
        causes = found.causes("1.0", frozenset(digest * 64 for digest in digests))
        return [(cause.kind, cause.sentence, cause.urgent) for cause in causes if cause.kind is not AlertKind.ADVISORY]

    assert sentences() == sentences("2", "3") == []
    assert sentences("1") == [(AlertKind.REFUSED, "denied by scan: so it is", True)]
    part = "of the 2 files that the lock names 1 may not leave: denied by scan: so it is"
    assert sentences("1", "2") == [(AlertKind.REFUSED, part, True)]
    missing = "none of the files of this release that the lock names is listed any more"
    assert sentences("9") == [(AlertKind.MISSING, missing, True)]


def test_a_refused_source_distribution_says_nothing_of_a_lock_with_wheels():
    wheel = built("py3-none-any", "1" * 64)
    sdist = File("gouda-1.0.tar.gz", "1.0", hashes={"sha256": "3" * 64})
    found = refusing((wheel, sdist), {sdist.filename})
    assert [cause.kind for cause in found.causes("1.0", frozenset({"1" * 64, "3" * 64}))] == [AlertKind.ADVISORY]
    assert AlertKind.REFUSED in [cause.kind for cause in found.causes("1.0", frozenset({"3" * 64}))]


def test_files_matter_only_where_they_stand_differently_or_may_be_gone_without_a_trace():
    one, two = built("cp311-cp311-any", "1" * 64), built("cp312-cp312-any", "2" * 64)
    assert not refusing((one, two), ()).by_files("1.0")
    assert not refusing((one, two), {one.filename, two.filename}).by_files("1.0")
    assert refusing((one, two), (), mirrored=False).by_files("1.0")
    assert not refusing((one, two), (), mirrored=False).by_files("2.0")
    assert refusing((one, replace(two, vanished=NOW)), ()).by_files("1.0")
    assert not Known(ProjectAdvisories([HOLE])).by_files("1.0")


def test_an_uploaded_project_without_any_file_left_is_missing():
    def empty(*, mirrored):
        return Known(ProjectAdvisories(()), Screened(Page(GOUDA, (), mirrored=mirrored), {}))

    assert kinds(empty(mirrored=False)) == [AlertKind.MISSING]
    assert kinds(empty(mirrored=True)) == []
