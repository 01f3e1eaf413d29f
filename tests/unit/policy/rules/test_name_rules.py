"""The rules `lookalikes` and `stdlib_names`: whom they answer for, and how strictly."""

from datetime import timedelta

import pytest

from affineur.model.advisories import Advisory, Range
from affineur.model.decisions import Effect
from affineur.model.names import ProjectName
from affineur.policy.evidence import Evidence, Need
from affineur.policy.lookalikes.guard import Finding, Guard
from affineur.policy.lookalikes.popular import popular
from affineur.policy.lookalikes.watch import Likeness
from tests.support.policy import NOW, file, gate, page, verdict

GUARD = Guard(popular())


def seen(project, *, days=1.0, releases=1, used=()):
    since = NOW - timedelta(days=days)
    return Evidence(likeness=Likeness(GUARD.check(project), since, releases), used_versions=frozenset(used))


def judged(project, table="deny", evidence=None, **fields):
    policy = {"lookalikes": table, "stdlib_names": "deny"}
    return verdict(policy, file(f"{project}-1.0.tar.gz"), project=project, evidence=evidence or seen(project), **fields)


def test_what_is_said():
    said = judged("reqeusts")
    assert (said.effect, said.rule, said.whole, said.hint) == (Effect.DENY, "lookalikes", True, "requests")
    assert said.sentence == "did you mean requests? reqeusts looks like it (two letters swapped)"


def test_doubtful_names_are_warned_of():
    assert judged("requests-dev").effect is Effect.WARN
    assert judged("requests-dev", {"doubtful": "deny"}).effect is Effect.DENY
    assert judged("requests-dev", {"force": "warn", "doubtful": "deny"}).effect is Effect.WARN
    assert judged("requests-dev", {"doubtful": "off"}).effect is Effect.ALLOW


@pytest.mark.parametrize(("table", "effect"), [("off", "ALLOW"), ("warn", "WARN"), ("hold", "HOLD"), ("deny", "DENY")])
def test_the_force_is_a_setting(table, effect):
    assert judged("reqeusts", table).effect is Effect[effect]


@pytest.mark.parametrize(
    ("standing", "effect"),
    [
        ({"days": 800, "releases": 4}, Effect.DENY),
        ({"days": 700, "releases": 9}, Effect.DENY),
        ({"days": 800, "releases": 9}, Effect.WARN),
        ({"days": 2000, "releases": 25}, Effect.ALLOW),
        ({"used": {"1.0"}}, Effect.WARN),
        ({"used": {"1.0"}, "days": 800, "releases": 9}, Effect.ALLOW),
    ],
)
def test_the_standing_of_the_project_counts(standing, effect):
    assert judged("reqeusts", evidence=seen("reqeusts", **standing)).effect is effect


def test_files_uploaded_here_are_nobody_s_lookalikes():
    assert judged("reqeusts", mirrored=False).effect is Effect.ALLOW
    assert judged("urllib2", mirrored=False).effect is Effect.ALLOW
    assert judged("reqeusts", owned=True).rule == "ownership"


def test_ordinary_names_pass():
    assert judged("brie").effect is Effect.ALLOW
    assert judged("requests").effect is Effect.ALLOW


def test_modules_are_denied_and_backports_are_not():
    said = judged("xml-dom", "off")
    assert (said.effect, said.rule, said.whole) == (Effect.DENY, "stdlib_names", True)
    assert judged("dataclasses").effect is Effect.ALLOW
    assert judged("urllib2").rule == "stdlib_names"


def test_a_name_that_nobody_registered_gets_a_tombstone():
    def tombstone(project, **more):
        policy = gate({"lookalikes": "deny", "stdlib_names": "deny"})
        return policy.tombstone(ProjectName(project), now=NOW, evidence=Evidence(likeness=likeness(project), **more))

    def likeness(project):
        return Likeness(GUARD.check(project))

    assert [f.filename for f in tombstone("reqeusts").page.files] == [
        "reqeusts-0+did.you.mean.requests-py3-none-any.whl"
    ]
    assert [f.filename for f in tombstone("urllib2").page.files] == ["urllib2-0+held.by.policy-py3-none-any.whl"]
    assert tombstone("requests-dev") is None
    assert tombstone("brie") is None


def test_a_list_that_cannot_be_read_holds():
    evidence = Evidence(failed={Need.NAME: "popular.txt: cannot be read"})
    said = judged("brie", evidence=evidence)
    assert (said.effect, "popular.txt" in said.sentence) == (Effect.HOLD, True)


def test_every_kind_has_its_words():
    from affineur.policy.lookalikes.spelling import Kind

    for kind in set(Kind) - {Kind.STDLIB}:
        finding = Finding("briee", True, "brie", kind.value, "deny")
        said = judged("briee", evidence=Evidence(likeness=Likeness(finding)))
        assert said.sentence.startswith("did you mean brie? briee looks like it (")


def test_one_file_is_judged_in_the_light_of_its_whole_page():
    """A fix is compared with the release before it, also when it alone is about to leave."""
    old, fix = file("brie-1.0-py3-none-any.whl", days=400), file("brie-2.0-py3-none-any.whl", days=1)
    evidence = Evidence(
        advisories=(Advisory("EX-1", ProjectName("brie"), ranges=(Range(fixed="2.0"),)),),
        used_versions=frozenset({"1.0"}),
    )
    screened = gate({"cooldown": 3}).screen(page(old, fix), now=NOW, evidence=evidence, only=fix)
    assert {name: decision.refused for name, decision in screened.decisions.items()} == {fix.filename: False}
