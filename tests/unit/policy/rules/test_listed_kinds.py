"""The rules that judge by the listing alone: lists, file kinds, status, vanished files."""

from datetime import timedelta

import pytest

from affineur.errors import InvalidConfig
from affineur.model.decisions import Effect
from affineur.model.files import ProjectStatus, Status
from tests.support.policy import NOW, file, gate, page, verdict

YOUNG = file(days=0)


@pytest.mark.parametrize("match", ["brie", "BR*", "brie==1.0", "brie>=0.9,<2", "brie-1.0-py3-none-any.whl"])
def test_a_denied_file_is_refused(match):
    assert verdict({"lists": {"deny": [match]}}, file()).effect is Effect.DENY


@pytest.mark.parametrize("match", ["gouda", "brie==1.1", "brie>1.0", "brie-1.0.tar.gz"])
def test_another_file_is_not(match):
    assert verdict({"lists": {"deny": [match]}}, file()).effect is Effect.ALLOW


def test_an_allowed_file_passes_other_rules_until_the_entry_ends():
    table = {"cooldown": 3, "lists": {"allow": [{"match": "brie", "reason": "ours", "until": "2026-11-23"}]}}
    assert verdict(table, YOUNG).effect is Effect.ALLOW
    assert verdict(table, YOUNG, now=NOW + timedelta(days=1)).effect is Effect.HOLD
    screened = gate(table).screen(page(YOUNG), now=NOW)
    assert screened.changes_at == NOW + timedelta(hours=12)


def test_denial_goes_before_allowance():
    assert verdict({"lists": {"deny": ["brie"], "allow": ["brie"]}}, file()).effect is Effect.DENY


def test_these_and_nothing_else():
    table = {"lists": {"allow": ["brie==1.0"], "nothing_else": True}}
    assert verdict(table, file()).effect is Effect.ALLOW
    assert verdict(table, file("brie-1.1-py3-none-any.whl")).effect is Effect.DENY
    said = verdict(table, file("gouda-1.0-py3-none-any.whl"), project="gouda")
    assert said.effect is Effect.DENY
    assert said.whole
    assert said.sentence == "gouda is not on the list, and nothing else passes here"


def test_a_project_is_not_refused_as_a_whole_where_a_pattern_allows_some_of_it():
    said = verdict({"lists": {"allow": ["br*==1.1"], "nothing_else": True}}, file())
    assert (said.effect, said.whole) == (Effect.DENY, False)
    assert said.sentence == "brie 1.0 is not on the list, and nothing else passes here"


def test_the_sentence_tells_the_whole_entry():
    table = {"lists": {"deny": [{"match": "*", "tag": "*-any", "source": "public", "reason": "none"}]}}
    told = verdict(table, file()).sentence
    assert told == "* tagged *-any from public is on the list of what is denied: none"


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"file_kinds": {"python": "3.x"}}, "policies.tested.file_kinds.python: '3.x' is no version of Python"),
        ({"licences": {"deny": ["AGPL"]}}, "policies.tested.licences.deny[0]: 'AGPL' is no SPDX identifier"),
        ({"licences": {"allow": ["MIT OR ISC"]}}, "policies.tested.licences.allow[0]: 'MIT OR ISC' is no SPDX"),
    ],
)
def test_what_would_never_match_is_a_mistake(table, problem):
    with pytest.raises(InvalidConfig) as caught:
        verdict(table, file())
    assert caught.value.problems[0].startswith(problem)


def test_a_lock_file_and_nothing_else(tmp_path):
    lock = tmp_path / "requirements.txt"
    lock.write_text("brie==1.0 \\\n    --hash=sha256:" + "a" * 64 + "\nCamembert>=2,<3\n")
    table = {"lists": {"lock": str(lock)}}
    assert verdict(table, file()).effect is Effect.ALLOW
    assert verdict(table, file("brie-1.1-py3-none-any.whl")).effect is Effect.DENY
    assert verdict(table, file("camembert-2.5-py3-none-any.whl"), project="camembert").effect is Effect.ALLOW
    assert verdict(table, file("gouda-1.0-py3-none-any.whl"), project="gouda").whole
    assert verdict({**table, "cooldown": 3}, YOUNG).effect is Effect.HOLD


def test_a_lock_file_that_cannot_be_read_is_told_with_its_place(tmp_path):
    with pytest.raises(InvalidConfig) as caught:
        verdict({"lists": {"lock": str(tmp_path / "none.txt")}}, file())
    assert "policies.tested.lists.lock: " in caught.value.problems[0]
    assert "none.txt" in caught.value.problems[0]


def test_entries_by_tag_and_source():
    wheel = file("brie-1.0-cp311-cp311-win_amd64.whl")
    assert verdict({"lists": {"deny": [{"match": "*", "tag": "*-win_amd64"}]}}, wheel).effect is Effect.DENY
    assert verdict({"lists": {"deny": [{"match": "*", "tag": "*-win_amd64"}]}}, file()).effect is Effect.ALLOW
    assert verdict({"lists": {"deny": [{"match": "*", "source": "public"}]}}, file()).effect is Effect.DENY
    assert verdict({"lists": {"deny": [{"match": "*", "source": "internal"}]}}, file()).effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("table", "refused"),
    [
        ({"only": "wheels"}, {"brie-1.0.tar.gz"}),
        ({"only": "sdists"}, {"brie-1.0-py3-none-any.whl", "brie-2.0rc1-py3-none-any.whl"}),
        ({"prereleases": False}, {"brie-2.0rc1-py3-none-any.whl"}),
        ({"yanked": False}, {"brie-1.0.tar.gz"}),
        ({"python": "3.8"}, {"brie-2.0rc1-py3-none-any.whl"}),
        ({}, set()),
    ],
)
def test_file_kinds(table, refused):
    listing = page(
        file(), file("brie-1.0.tar.gz", yanked=True), file("brie-2.0rc1-py3-none-any.whl", requires_python=">=3.9")
    )
    assert set(gate({"file_kinds": table}).screen(listing, now=NOW).refused) == refused


@pytest.mark.parametrize(
    ("status", "effect"),
    [
        (Status.QUARANTINED, Effect.HOLD),
        (Status.ARCHIVED, Effect.WARN),
        (Status.DEPRECATED, Effect.WARN),
        (Status.ACTIVE, Effect.ALLOW),
    ],
)
def test_status(status, effect):
    said = verdict({"status": True}, file(), status=ProjectStatus(status, "because"))
    assert said.effect is effect
    assert effect is Effect.ALLOW or "because" in said.sentence


def test_what_vanished_young_is_held_and_what_was_older_stays():
    young = file(days=40, vanished=NOW - timedelta(days=20))
    old = file(days=400, vanished=NOW - timedelta(days=20))
    assert verdict({"vanished": True}, young).effect is Effect.HOLD
    assert verdict({"vanished": True}, old).effect is Effect.WARN
    assert verdict({"vanished": {"older": "deny"}}, old).effect is Effect.DENY
    assert verdict({"vanished": {"age": {"days": 10}}}, young).effect is Effect.WARN
