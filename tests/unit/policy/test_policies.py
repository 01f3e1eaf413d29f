"""Policies read from a configuration: every problem at once, with its place."""

from types import SimpleNamespace

import pytest

from affineur.errors import InvalidConfig
from affineur.model.names import ProjectName
from affineur.operations.policies import PolicyCheck, check
from affineur.policy.policies import configured, policies_of

BRIE = ProjectName("brie")


def load(tmp_path, text):
    path = tmp_path / "affineur.toml"
    path.write_text(text)
    return configured(path, environment={})


def problems(tmp_path, text):
    with pytest.raises(InvalidConfig) as caught:
        load(tmp_path, text)
    return caught.value.problems


def policy(tmp_path, text, name="own"):
    return policies_of(load(tmp_path, text))[name]


def names(policy, project=BRIE):
    return [rule.name for rule in policy.rules_for(project)]


def test_what_needs_no_configuration(tmp_path):
    built_in = policies_of(load(tmp_path, ""))
    assert built_in["standard"].settings()["cooldown"].days == 3
    assert "cooldown" not in built_in["open"].settings()
    assert names(built_in["open"])[:3] == ["quarantine", "ownership", "stated-hash"]


def test_every_problem_is_told_at_once_with_its_place(tmp_path):
    found = problems(
        tmp_path,
        """
        [indexes.main]
        sources = ["public"]
        policy = "standart"
        [policies.own]
        cooldwn = { days = 3 }
        mode = "watching"
        extends = "stanard"
        [policies.own.cooldown]
        days = "three"
        hurs = 1
        security_fixes = { hours = -1 }
        [policies.own.projects."acme-*"]
        mode = "watch"
        lists = { deny = [{ match = "a b" }, { reason = "why" }] }
        """,
    )
    told = "\n".join(found)
    for place in (
        "indexes.main.policy: no policy 'standart' (did you mean 'standard'?)",
        "policies.own.cooldwn: no such rule or key (did you mean 'cooldown'?)",
        "policies.own.mode: one of enforce, watch is wanted",
        "policies.own.extends: no policy 'stanard' (did you mean 'standard'?)",
        "policies.own.cooldown.days: a number is wanted",
        "policies.own.cooldown.hurs: no such key (did you mean 'hours'?)",
        "policies.own.cooldown.security_fixes.hours: it must not be negative",
        "policies.own.projects.acme-*.mode: no such rule or key",
        "policies.own.projects.acme-*.lists.deny[0].match:",
        "policies.own.projects.acme-*.lists.deny[1]: match is missing",
    ):
        assert place in told


def test_a_circle_of_policies_is_refused(tmp_path):
    found = problems(tmp_path, '[policies.a]\nextends = "b"\n[policies.b]\nextends = "a"\n')
    assert any("a -> b -> a" in problem for problem in found)


def test_extending_takes_what_is_not_said_again(tmp_path):
    own = policy(tmp_path, '[policies.own]\nextends = "standard"\nvanished = false\nfile_kinds = "wheels"\n')
    assert {"status", "file_kinds", "cooldown"} <= set(own.settings())
    assert "vanished" not in own.settings()
    assert own.settings()["file_kinds"].only == "wheels"


def test_a_table_named_like_a_built_in_policy_extends_it(tmp_path):
    standard = policy(tmp_path, "[policies.standard]\ncooldown = { days = 7 }\n", "standard")
    assert standard.settings()["cooldown"].days == 7
    assert "vanished" in standard.settings()


def test_settings_per_pattern_and_per_project(tmp_path):
    own = policy(
        tmp_path,
        """
        [policies.own]
        cooldown = 3
        [policies.own.projects."acme-*"]
        cooldown = false
        [policies.own.projects.Acme_Core]
        cooldown = { days = 1 }
        """,
    )
    assert own.settings(BRIE)["cooldown"].days == 3
    assert "cooldown" not in own.settings(ProjectName("acme-tools"))
    assert own.settings(ProjectName("acme-core"))["cooldown"].days == 1
    assert "cooldown" not in names(own, ProjectName("acme-tools"))


def test_the_revision_follows_what_the_policy_says(tmp_path):
    first = policy(tmp_path, "[policies.own]\ncooldown = 3\n")
    same = policy(tmp_path, "[policies.own]\ncooldown = 3\n")
    other = policy(tmp_path, "[policies.own]\ncooldown = 4\n")
    assert first.revision == same.revision != other.revision


def test_values_of_the_wrong_kind_are_told_as_problems_like_any_other(tmp_path):
    found = problems(
        tmp_path,
        """
        [policies.own]
        extends = ["standard"]
        mode = ["watch"]
        listing = { strict = true }
        projects = ["acme-*"]
        lookalikes = { force = ["deny"] }
        startup_code = { clear = "warm" }
        cooldown = { days = inf }
        vanished = { age = { days = nan } }
        [policies.other.projects."no name!"]
        cooldown = false
        """,
    )
    told = "\n".join(found)
    for problem in (
        "policies.own.extends: no policy ['standard']",
        "policies.own.mode: one of enforce, watch is wanted",
        "policies.own.listing: one of eager, strict is wanted",
        "policies.own.projects: a table for each name or pattern is wanted",
        "policies.own.lookalikes.force: one of off, warn, hold, deny is wanted",
        "policies.own.startup_code.clear: one of off, warn, hold, deny is wanted (did you mean 'warn'?)",
        "policies.own.cooldown.days: at most 1000000 is wanted",
        "policies.own.vanished.age.days: at most 1000000 is wanted",
        "policies.other.projects: 'no name!' is not a valid project name: use a name, or a pattern such as acme-*",
    ):
        assert problem in told


@pytest.mark.parametrize("pattern", ["acme-*", "Acme_*", "acme.*", "ACME?tools"])
def test_a_pattern_is_meant_in_any_spelling(tmp_path, pattern):
    own = policy(tmp_path, f'[policies.own]\ncooldown = 3\n[policies.own.projects."{pattern}"]\ncooldown = false\n')
    assert "cooldown" not in own.settings(ProjectName("acme-tools"))


@pytest.mark.parametrize("place", ["policies.own.lists", "policies.own.projects.brie.lists"])
def test_lists_name_sources_that_there_are(tmp_path, place):
    table = '[{place}]\nallow = [{{ match = "brie", source = "{source}" }}]\n'
    (problem,) = problems(tmp_path, table.format(place=place, source="publik"))
    assert (
        problem == f"{place}: no mirror or hosted source 'publik' (did you mean 'public'?); there are internal, public"
    )
    assert load(tmp_path, table.format(place=place, source="public"))
    assert load(tmp_path, "[mirrors.publik]\n" + table.format(place=place, source="publik"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            '[indexes.main]\npolicy = "standrd"\n',
            ["indexes.main.policy: no policy 'standrd' (did you mean 'standard'?)"],
        ),
        ('[policies.own]\n[indexes.main]\npolicy = "own"\n', []),
        ('[mirrors.other]\n[policies.own.lists]\ndeny = [{ match = "brie", source = "other" }]\n', []),
        (
            'lists = { deny = [{ match = "brie", source = "othr" }] }\n',
            ["policies.new.lists: no mirror or hosted source"],
        ),
        ('[indexes.main]\nsources = ["public"]\n', []),
    ],
)
async def test_a_file_is_checked_with_what_it_adds_to_the_configuration(tmp_path, text, wanted):
    context = SimpleNamespace(config=load(tmp_path, ""))
    found = (await check(context, PolicyCheck(text))).problems
    assert len(found) == len(wanted)
    assert all(problem.startswith(start) for problem, start in zip(found, wanted, strict=True))
