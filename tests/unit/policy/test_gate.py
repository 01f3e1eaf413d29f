"""The gate, for every order of rules, every clock and every text that packages may bring."""

import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.errors import Refused
from affineur.model.decisions import Effect, Verdict
from affineur.model.files import ProjectStatus, Status
from affineur.model.names import IndexName
from affineur.model.waivers import Waiver, WaiverState, scope_of
from affineur.policy.evidence import NOTHING, Evidence, Need
from affineur.policy.gate import Screened, sentence_of
from affineur.policy.judge import NEVER_WAIVED, lifted, verdicts_of
from affineur.policy.rule import Facts
from affineur.standards.simple_api import render
from affineur.web.problems import document, phrase_of
from tests.support.policy import NOW, file, gate, page

TABLE = {
    "cooldown": 3,
    "status": True,
    "vanished": True,
    "file_kinds": {"prereleases": False},
    "lists": {"deny": ["*==6"]},
}
EFFECTS = st.sampled_from([None, *Effect])


class Saying:
    """A rule that says what it is told to, or breaks."""

    needs = frozenset()

    def __init__(self, name, effect):
        self.name, self.effect = name, effect

    def judge(self, facts, now):
        if self.effect == "breaks":
            raise ZeroDivisionError
        return None if self.effect is None else Verdict(self.name, self.effect, "so it says")


class Needing(Saying):
    needs = frozenset({Need.ADVISORIES})


def facts(evidence=NOTHING, mirrored=True):
    one = file()
    return Facts(one, page(one), mirrored, owned=False, evidence=evidence)


def waiver(rule="*", index="*", scope="brie", ends=None):
    return Waiver("w1", scope_of(scope), rule, index, "ada", "needed", NOW, ends, WaiverState.GRANTED)


@given(st.lists(st.one_of(EFFECTS, st.just("breaks")), max_size=5))
def test_no_order_of_rules_lets_pass_what_one_of_them_refuses(effects):
    rules = [Saying(f"r{at}", effect) for at, effect in enumerate(effects)]
    refusing = any(effect == "breaks" or (effect is not None and effect >= Effect.HOLD) for effect in effects)
    for order in list(permutations(rules))[:24]:
        verdicts = lifted(verdicts_of(order, facts(), NOW), facts(), IndexName("main"), NOW)
        assert any(verdict.effect >= Effect.HOLD for verdict in verdicts) == refusing


def test_missing_evidence_holds_and_says_what_is_missing():
    evidence = Evidence(failed={Need.ADVISORIES: "the database does not answer"})
    (verdict,) = verdicts_of([Needing("r", None)], facts(evidence), NOW)
    assert verdict.effect is Effect.HOLD
    assert "the database does not answer" in verdict.sentence


def test_a_rule_that_breaks_holds_and_is_named():
    (verdict,) = verdicts_of([Saying("r", "breaks")], facts(), NOW)
    assert verdict.effect is Effect.HOLD
    assert verdict.sentence == "the rule r failed: ZeroDivisionError"


@pytest.mark.parametrize(
    ("given_", "rule", "lifts"),
    [
        (waiver(), "cooldown", True),
        (waiver(rule="cooldown"), "cooldown", True),
        (waiver(rule="status"), "cooldown", False),
        (waiver(index="other"), "cooldown", False),
        (waiver(scope="brie==1.0"), "cooldown", True),
        (waiver(scope="brie==1.1"), "cooldown", False),
        (waiver(scope="gouda"), "cooldown", False),
        (waiver(ends=NOW + timedelta(seconds=1)), "cooldown", True),
        (waiver(ends=NOW), "cooldown", False),
        (waiver(), "known_malware", False),
        (waiver(rule="known_malware"), "known_malware", True),
        *((waiver(), name, False) for name in sorted(NEVER_WAIVED)),
        *((waiver(rule=name), name, False) for name in sorted(NEVER_WAIVED)),
    ],
)
def test_what_a_waiver_lifts(given_, rule, lifts):
    told = facts(Evidence(waivers=(given_,)))
    (verdict,) = lifted(verdicts_of([Saying(rule, Effect.DENY)], told, NOW), told, IndexName("main"), NOW)
    assert (verdict.effect is Effect.ALLOW) == lifts
    assert verdict.waiver == ("w1" if lifts else "")
    assert not lifts or verdict.until == given_.ends_at


VERSIONS = st.sampled_from(["1", "2", "3", "4rc1", "5", "6"])
FILES = st.lists(
    st.builds(
        lambda version, suffix, days, gone: file(
            f"brie-{version}{suffix}", version=version, days=days, vanished=NOW if gone else None
        ),
        VERSIONS, st.sampled_from(["-py3-none-any.whl", ".tar.gz"]), st.floats(0, 60), st.booleans(),
    ),
    max_size=8, unique_by=lambda one: one.filename,
)  # fmt: skip


class _Anchors(HTMLParser):
    def __init__(self):
        super().__init__()
        self.yanked = {}

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        if tag == "a":
            self.yanked[told["href"].partition("#")[0]] = told.get("data-yanked")


@given(FILES, st.sampled_from(list(Status)))
def test_html_and_json_agree_and_nothing_refused_is_admitted(files, status):
    own = gate(TABLE)
    screened = own.screen(page(*files, status=ProjectStatus(status)), now=NOW)
    link, none = (lambda one: one.filename), (lambda _one: None)
    rows = json.loads(render.render_json(screened.page, link, none, screened.yanks()))["files"]
    anchors = _Anchors()
    anchors.feed(render.render_html(screened.page, link, none, screened.yanks()).decode())
    assert {row["filename"]: row["yanked"] or None for row in rows} == anchors.yanked
    assert len(screened.refused) in {0, len(files)} or set(screened.yanks()) == set(screened.refused)
    for one in files:
        if one.filename in screened.refused:
            with pytest.raises(Refused):
                own.admit(screened, one)
        else:
            own.admit(screened, one)


@given(FILES, st.floats(0, 80))
def test_a_page_changes_by_time_when_it_says_and_not_before(files, hours):
    own, listing = gate(TABLE), page(*files)
    screened = own.screen(listing, now=NOW)
    later = NOW + timedelta(hours=hours)
    if screened.changes_at is None or later < screened.changes_at:
        assert set(own.screen(listing, now=later).refused) == set(screened.refused)
    if screened.changes_at is not None:
        assert screened.changes_at > NOW


def test_a_hold_ends_at_its_moment():
    one = file(days=2)
    own = gate({"cooldown": 3})
    moment = own.screen(page(one), now=NOW).changes_at
    assert own.screen(page(one), now=moment - timedelta(microseconds=1)).refused
    assert not own.screen(page(one), now=moment).refused


HOSTILE = st.text(st.characters(codec="utf-8"), max_size=400)
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@given(HOSTILE, HOSTILE, st.text(max_size=300))
def test_no_text_of_a_package_controls_a_terminal(reason, sentence, address):
    own = gate({"status": "deny", "file_kinds": {"yanked": False}})
    one = file(yanked=True, yanked_reason=sentence)
    screened: Screened = own.screen(page(one, status=ProjectStatus(Status.QUARANTINED, reason)), now=NOW)
    with pytest.raises(Refused) as caught:
        own.admit(screened, one, address)
    phrase = phrase_of(caught.value)
    assert phrase.isascii()
    assert phrase.isprintable()
    assert len(phrase) <= 200
    assert not CONTROLS.search(document(caught.value, "/")["detail"])
    for verdict in screened.decisions[one.filename].verdicts:
        assert not CONTROLS.search(sentence_of(verdict))


def test_watching_refuses_nothing_and_keeps_every_verdict():
    screened = gate({**TABLE, "mode": "watch"}).screen(page(file(days=1)), now=NOW)
    decision = screened.decisions[file().filename]
    assert not screened.refused
    assert decision.objectionable
    assert decision.strictest.effect is Effect.HOLD


def test_the_tombstone_says_what_was_meant():
    own = gate({"lists": {"deny": ["reqeusts"]}})
    buried = own.tombstone(page(project="reqeusts").project, now=NOW)
    assert [one.filename for one in buried.page.files] == ["reqeusts-0+held.by.policy-py3-none-any.whl"]
    assert buried.whole is not None
    assert own.tombstone(page(project="requests").project, now=NOW) is None
