"""A policy tried on what was downloaded before it is put in force."""

import json

import pytest
import requests

from tests.support.distributions import wheel_name
from tests.support.polling import eventually
from tests.support.upstream import days_ago


@pytest.fixture(scope="module", autouse=True)
def projects(upstream):
    upstream.wheel("tried", "1.0", keys={"upload-time": days_ago(50)})
    upstream.wheel("tried", "2.0", keys={"upload-time": days_ago(5)})
    upstream.wheel("calm", "1.0", keys={"upload-time": days_ago(50)})


@pytest.fixture(scope="module", autouse=True)
def downloaded(affineur, projects, tmp_path_factory):
    for project in ("tried", "calm"):
        for row in affineur.page(project)["files"]:
            for _ in range(3):
                assert affineur.get(row["url"], headers={"User-Agent": "pip/26.3"}).status_code == 200
    assert affineur.get("/main/simple/never-there/").status_code == 404
    folder = tmp_path_factory.mktemp("downloaded")

    def counted():
        made = rehearsed(affineur, folder, "cooldown = 1\n")
        return made["requests"], made["page_requests"]

    assert eventually(lambda: counted() == (9, 3))


def rehearsed(affineur, tmp_path, text, *more):
    policy = tmp_path / "new.toml"
    policy.write_text(text)
    made = affineur.command("policy", "rehearse", str(policy), "--format", "json", *more, check=False)
    assert made.returncode in {0, 3}, made.stderr
    return json.loads(made.stdout)


def test_what_would_have_been_refused_and_what_taken_instead(affineur, tmp_path):
    made = rehearsed(affineur, tmp_path, "[policies.standard]\ncooldown = { days = 10 }\n")
    assert made["requests"] == 9
    assert made["refused"] == 3
    row = made["files"][0]
    assert row["filename"] == wheel_name("tried", "2.0")
    assert row["rule"] == "cooldown"
    assert row["times"] == 3
    assert row["instead"] == "1.0"
    assert row["clients"] == ["pip/26.3"]
    assert "5 days old, 10 days are asked" in row["sentence"]


def test_who_asked_for_pages_that_would_have_led_elsewhere(affineur, tmp_path):
    made = rehearsed(affineur, tmp_path, "[policies.standard]\ncooldown = { days = 10 }\n")
    assert made["page_requests"] == 3
    (row,) = made["pages"]
    assert (row["project"], row["version"], row["whole"], row["rule"], row["instead"]) == (
        "tried", "2.0", False, "cooldown", "1.0",
    )  # fmt: skip
    assert (row["times"], made["pages_affected"]) == (1, 1)
    assert row["clients"] == [f"python-requests/{requests.__version__}"]


def test_who_asked_for_a_project_that_would_have_been_refused_as_a_whole(affineur, tmp_path):
    made = rehearsed(affineur, tmp_path, "lists = { deny = ['calm', 'never-there'] }\n")
    calm, never = sorted(made["pages"], key=lambda row: row["project"])
    assert (calm["project"], calm["whole"], calm["times"], calm["instead"]) == ("calm", True, 1, "")
    assert (never["project"], never["whole"], never["version"]) == ("never-there", True, "")
    assert "denied by lists" in never["sentence"]


def test_a_policy_that_would_have_refused_nothing(affineur, tmp_path):
    assert rehearsed(affineur, tmp_path, "cooldown = { days = 2 }\n")["files"] == []


def test_a_lock_file(affineur, tmp_path):
    lock = tmp_path / "requirements.txt"
    lock.write_text("tried==2.0 \\\n  --hash=sha256:" + "a" * 64 + "\ncalm==1.0\n")
    made = rehearsed(affineur, tmp_path, "cooldown = { days = 10 }\n", "--lock", str(lock))
    assert made["requests"] == 2
    assert [row["filename"] for row in made["files"]] == [wheel_name("tried", "2.0")]


def test_what_of_a_lock_file_is_refused_unseen_and_what_cannot_be_judged(affineur, tmp_path):
    lock = tmp_path / "requirements.txt"
    lock.write_text("reqeusts==2.31.0\nnowhere==1.0\ntried==9.0\ncalm>=1\n")
    made = rehearsed(affineur, tmp_path, '[policies.new]\nlookalikes = "deny"\n', "--lock", str(lock))
    assert (made["requests"], made["refused"]) == (3, 1)
    assert "did you mean requests?" in made["files"][0]["sentence"]
    assert [text.partition(":")[0] for text in sorted(made["unjudged"])] == ["calm>=1", "nowhere==1.0", "tried==9.0"]
    said = affineur.command("policy", "rehearse", str(tmp_path / "new.toml"), "--lock", str(lock), check=False)
    assert said.returncode == 3
    assert "NOT JUDGED: tried==9.0: there is no such release" in said.stdout


def test_nothing_changes(affineur):
    assert affineur.get(affineur.page("tried")["files"][0]["url"]).status_code == 200
    assert json.loads(affineur.command("ledger", "log", "--kind", "file.quarantined", "--format", "json").stdout) == []


def test_a_wrong_policy_is_told(affineur, tmp_path):
    policy = tmp_path / "wrong.toml"
    policy.write_text("cooldwn = 3\n")
    made = affineur.command("policy", "rehearse", str(policy), check=False)
    assert made.returncode == 1
    assert "cooldwn: no such rule" in made.stderr
