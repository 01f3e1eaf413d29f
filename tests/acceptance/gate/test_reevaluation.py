"""Decisions change with policies, waivers and advisories, also of files that were served already."""

import json
import signal
from xmlrpc.client import ServerProxy

import pytest

from tests.support.distributions import wheel_name
from tests.support.polling import eventually

OPEN = '[policies.standard.lists]\ndeny = ["nothing"]\n'
STRICTER = """
[policies.standard.lists]
deny = [{ match = "soft==1.0", reason = "went off" }]
[[policies.standard.vulnerabilities.ignore]]
id = "CVE-2026-1"
reason = "a date of TOML goes into the ledger like any value"
until = 2999-01-31
"""
WATCHING = '[policies.standard]\nmode = "watch"\nlists = { deny = ["soft"] }\n'
WRONG = '[policies.standard]\nmode = "sleep"\n'


@pytest.fixture(scope="module")
def configuration():
    return OPEN


@pytest.fixture(scope="module", autouse=True)
def projects(upstream):
    upstream.wheel("soft", "1.0")
    upstream.wheel("soft", "1.1")


def rows(affineur):
    return {row["filename"]: row for row in affineur.page("soft")["files"]}


def log(affineur, kind):
    return json.loads(affineur.command("ledger", "log", "--kind", kind, "--format", "json").stdout)


def reconfigure(affineur, text):
    affineur.config.write_text(text)
    affineur.process.send_signal(signal.SIGHUP)


def test_a_policy_that_changes_quarantines_what_it_refuses_without_any_request(affineur, upstream):
    address = rows(affineur)[wheel_name("soft", "1.0")]["url"]
    assert affineur.get(address).status_code == 200
    serial = affineur.page("soft")["meta"]["_last-serial"]
    before = len(upstream.log)
    reconfigure(affineur, STRICTER)
    entries = eventually(lambda: log(affineur, "file.quarantined"))
    assert entries[0]["place"] == "main"
    assert entries[0]["project"] == "soft"
    sentence = "denied by lists: soft==1.0 is on the list of what is denied: went off"
    assert entries[0]["data"]["files"] == {wheel_name("soft", "1.0"): sentence}
    assert len(upstream.log) == before
    assert affineur.get(address).status_code == 403
    assert rows(affineur)[wheel_name("soft", "1.0")]["yanked"] == sentence
    assert affineur.page("soft")["meta"]["_last-serial"] == entries[0]["serial"] > serial
    changes = [entry for entry in log(affineur, "policy.changed") if entry["place"] == "main"]
    assert len(changes) == 2
    assert changes[1]["data"]["before"] == changes[0]["data"]["revision"]
    assert changes[1]["actor"]


def test_every_interface_that_mirrors_ask_states_the_serial_of_the_decision(affineur):
    serial = [entry["serial"] for entry in log(affineur, "file.quarantined") if entry["place"] == "main"][-1]
    root = affineur.get("/main/simple/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}).json()
    assert [p["_last-serial"] for p in root["projects"] if p["name"] == "soft"] == [serial]
    assert affineur.get("/main/simple/soft/").headers["X-PyPI-Last-Serial"] == str(serial)
    assert affineur.get("/main/pypi/soft/json").headers["X-PyPI-Last-Serial"] == str(serial)
    assert int(affineur.get("/public/simple/soft/").headers["X-PyPI-Last-Serial"]) < serial
    with ServerProxy(f"{affineur.url}/main/pypi") as proxy:
        assert [row[0] for row in proxy.changelog_since_serial(serial - 1)] == ["soft"]
        assert proxy.changelog_last_serial() == serial


def test_an_invalid_policy_changes_nothing(affineur):
    reconfigure(affineur, WRONG)
    assert eventually(lambda: "not reloaded" in affineur.log.read_text())
    assert affineur.get(rows(affineur)[wheel_name("soft", "1.0")]["url"]).status_code == 403


def test_watching_refuses_nothing_and_records_all(affineur):
    reconfigure(affineur, WATCHING)
    assert eventually(lambda: rows(affineur)[wheel_name("soft", "1.0")]["yanked"] is False)
    row = rows(affineur)[wheel_name("soft", "1.0")]
    assert affineur.get(row["url"]).status_code == 200
    told = json.loads(affineur.command("why", "soft==1.0", "--format", "json", check=False).stdout)[0]
    assert told["watched"] is True
    assert told["decision"] == "denied"


def test_back_again_is_in_the_ledger_too(affineur):
    reconfigure(affineur, STRICTER)
    assert eventually(lambda: affineur.get(rows(affineur)[wheel_name("soft", "1.0")]["url"]).status_code == 403)
    reconfigure(affineur, OPEN)
    assert eventually(lambda: [e for e in log(affineur, "file.released") if e["project"] == "soft"])
    assert affineur.get(rows(affineur)[wheel_name("soft", "1.0")]["url"]).status_code == 200


def test_policy_commands(affineur, tmp_path):
    said = affineur.command("policy", "show", "main").stdout
    unknown = affineur.command("policy", "show", "nowhere", check=False)
    assert "nowhere: neither a policy nor an index; there are internal, main, " in unknown.stderr
    assert "cooldown" in said
    assert "days = 3.0" in said
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[policies.own]\ncooldwn = 3\nextends = "standrd"\n')
    made = affineur.command("policy", "check", str(wrong), check=False)
    assert made.returncode == 3
    assert "policies.own.cooldwn: no such rule or key (did you mean 'cooldown'?)" in made.stdout
    assert "policies.own.extends: no policy 'standrd' (did you mean 'standard'?)" in made.stdout
    right = tmp_path / "right.toml"
    right.write_text('extends = "standard"\ncooldown = 7\n')
    assert "no problems" in affineur.command("policy", "check", str(right)).stdout
