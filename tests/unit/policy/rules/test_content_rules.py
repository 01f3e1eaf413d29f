"""Rules about what files hold: pending until they were looked into, then by what was found."""

import pytest

from affineur.model.decisions import Effect
from affineur.model.licences import Stated
from affineur.model.scans import Finding, Level, Scan, Trait
from affineur.policy.evidence import Evidence
from affineur.policy.rules.advice import outdated
from tests.support.policy import file, page, verdict, verdicts

SHA = "a" * 64
CODE = {"startup_code": True}


def scanned(*levels, problem=""):
    found = tuple(Finding(Trait.NETWORK, level, "setup.py", 3, "urlopen()", f"does {level.name}") for level in levels)
    return Evidence(scans={SHA: Scan("1", found, problem)})


def test_a_file_nobody_looked_into_is_pending():
    assert verdict(CODE, file()).effect is Effect.PENDING
    assert verdict({"licences": ["MIT"]}, file()).effect is Effect.PENDING


@pytest.mark.parametrize(
    ("levels", "effect"),
    [
        ((), Effect.ALLOW),
        ((Level.NOTE,), Effect.ALLOW),
        ((Level.WARN,), Effect.WARN),
        ((Level.HOLD, Level.WARN), Effect.HOLD),
    ],
)
def test_clear_cases_are_held_and_doubtful_ones_warned_of(levels, effect):
    assert verdict(CODE, file(), evidence=scanned(*levels)).effect is effect


def test_the_heaviest_finding_is_named_with_its_place():
    said = verdict(CODE, file(), evidence=scanned(Level.HOLD, Level.HOLD, Level.WARN))
    assert said.sentence == "setup.py:3 does HOLD (and 1 more findings)"
    assert (said.findings[0].where, said.findings[0].line, said.findings[0].text) == ("setup.py", 3, "urlopen()")


def test_what_was_not_read_to_its_end_has_its_own_setting():
    evidence = scanned(Level.WARN, problem="setup.py: it is too large")
    said = verdict(CODE, file(), evidence=evidence)
    assert said.effect is Effect.HOLD
    assert "could not be read to its end: setup.py: it is too large" in said.sentence
    assert verdict({"startup_code": {"unscanned": "off"}}, file(), evidence=evidence).effect is Effect.WARN
    graver = scanned(Level.HOLD, problem="x")
    assert verdict({"startup_code": {"clear": "deny"}}, file(), evidence=graver).effect is Effect.DENY


def test_own_files_are_read_only_where_that_is_asked_for():
    assert verdict(CODE, file(), mirrored=False).effect is Effect.ALLOW
    assert verdict({"startup_code": {"private": True}}, file(), mirrored=False).effect is Effect.PENDING


def licence(table, expression="", text="", *classifiers):
    evidence = Evidence(licences={SHA: Stated(expression, text, classifiers)})
    return verdict({"licences": table}, file(), evidence=evidence)


@pytest.mark.parametrize(
    ("table", "expression", "effect"),
    [
        ({"allow": ["MIT"]}, "MIT", Effect.ALLOW),
        ({"allow": ["MIT"]}, "ISC", Effect.DENY),
        ({"allow": ["MIT"], "other": "warn"}, "ISC", Effect.WARN),
        ({"allow": ["MIT"]}, "MIT OR GPL-3.0-only", Effect.ALLOW),
        ({"allow": ["MIT"]}, "MIT AND GPL-3.0-only", Effect.DENY),
        ({"deny": ["AGPL-*"]}, "AGPL-3.0-or-later", Effect.DENY),
        ({"deny": ["AGPL-*"]}, "AGPL-3.0-only OR MIT", Effect.ALLOW),
        ({"deny": ["AGPL-*"]}, "AGPL-3.0-only AND MIT", Effect.DENY),
        ({"allow": ["*"], "deny": ["GPL-*"]}, "GPL-2.0-only", Effect.DENY),
        ({"allow": ["MIT"], "warn": ["LGPL-*"]}, "LGPL-3.0-only", Effect.WARN),
        ({"warn": ["LGPL-*"]}, "MIT", Effect.ALLOW),
        ({"allow": ["MIT"]}, "", Effect.WARN),
        ({"allow": ["MIT"], "unknown": "deny"}, "", Effect.DENY),
    ],
)
def test_licences_by_what_the_lists_say(table, expression, effect):
    assert licence(table, expression).effect is effect


def test_the_licence_is_said_with_what_is_asked():
    said = licence({"allow": ["MIT", "ISC"]}, "GPL-3.0-only")
    assert said.sentence == "brie 1.0 states GPL-3.0-only; the policy allows MIT, ISC"
    assert said.findings[0].where == "License-Expression"


def test_advice_names_what_to_use_and_only_warns():
    listing = page(file("enum34-1.1.10-py3-none-any.whl"), project="enum34")
    (said,) = verdicts({"advice": True}, listing).values()
    assert said.effect is Effect.WARN
    assert said.sentence == "enum34 is not needed since Python 3.4: use the module enum of the standard library"
    assert verdict({"advice": True}, file()).effect is Effect.ALLOW


def test_every_row_of_the_table_says_something_and_is_named_as_projects_are():
    from affineur.model.names import normalize

    assert len(outdated()) > 90
    for name, row in outdated().items():
        assert name == normalize(name)
        assert row.instead
        assert row.since or name not in row.instead.split()
