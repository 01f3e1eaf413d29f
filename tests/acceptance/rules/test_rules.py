"""Rules about advisories, code and licences on a running server, with a real upstream."""

import json
import threading
import time

import pytest

from tests.support.advisories import malware, osv
from tests.support.distributions import metadata_of, sdist_bytes, sdist_name, wheel_bytes, wheel_name
from tests.support.server import Affineur

EVIL = b"import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n"


@pytest.fixture
def served(tmp_path, upstream):
    """A server with the policy asked for; started by the test."""
    started = []

    def serve(policy, **environment):
        config = f'[indexes.main]\nsources = ["internal", "public"]\npolicy = "tested"\n\n[policies.tested]\n{policy}\n'
        server = Affineur(tmp_path / "data", upstream.url, config=config, **environment)
        server.start()
        started.append(server)
        return server

    yield serve
    for server in started:
        server.stop()


def listed(server, project):
    return {row["filename"]: row for row in server.page(project)["files"]}


def fetched(server, project, filename):
    return server.get(listed(server, project)[filename]["url"])


def feed(tmp_path, *records):
    path = tmp_path / "feed.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records))
    return str(path)


def test_malware_is_refused_by_version_as_soon_as_it_is_known(served, upstream, tmp_path):
    good, bad = upstream.wheel("acme", "1.0"), upstream.wheel("acme", "1.1")
    server = served("known_malware = true")
    assert fetched(server, "acme", bad).status_code == 200
    server.command("advisories", "import", feed(tmp_path, malware("MAL-2026-1", "acme", ["1.1"])))
    refused = fetched(server, "acme", bad)
    assert refused.status_code == 403
    assert "acme 1.1 is malware by MAL-2026-1" in refused.reason
    assert "MAL-2026-1" in listed(server, "acme")[bad]["yanked"]
    assert fetched(server, "acme", good).status_code == 200
    assert server.get(listed(server, "acme")[bad]["url"] + ".metadata").status_code == 200


def test_a_name_that_is_malware_as_a_whole_is_told_even_where_it_has_no_files(served, tmp_path):
    server = served("known_malware = true")
    server.command("advisories", "import", feed(tmp_path, malware("MAL-2026-2", "evil")))
    (row,) = server.page("evil")["files"]
    assert row["_affineur"] == "tombstone"
    assert "evil is malware by MAL-2026-2" in server.get(row["url"]).reason


def test_your_own_project_is_not_the_one_a_public_record_names(served, tmp_path):
    server = served("known_malware = true")
    name = wheel_name("evil", "1.0")
    assert server.upload(name, wheel_bytes("evil", "1.0"), token=server.token()).status_code == 200
    server.command("advisories", "import", feed(tmp_path, malware("MAL-2026-2", "evil")))
    assert fetched(server, "evil", name).status_code == 200


def test_vulnerabilities_act_by_severity_and_name_the_fix(served, upstream, tmp_path):
    for version in ("1.0", "2.0", "3.0"):
        upstream.wheel("acme", version)
    server = served('vulnerabilities = { critical = "deny", high = "warn" }')
    rated = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]
    server.command(
        "advisories", "import", feed(tmp_path, osv("GHSA-1", fixed="2.0", severity=rated, aliases=["CVE-2026-1"]))
    )
    refused = fetched(server, "acme", wheel_name("acme", "1.0"))
    assert refused.status_code == 403
    assert "acme 1.0 has CVE-2026-1 (critical); 2.0 is free of it" in refused.reason
    assert fetched(server, "acme", wheel_name("acme", "2.0")).status_code == 200
    withdrawn = osv("GHSA-1", fixed="2.0", modified="2026-01-01T00:00:00Z", withdrawn="2026-01-01T00:00:00Z")
    server.command("advisories", "import", feed(tmp_path, withdrawn))
    assert fetched(server, "acme", wheel_name("acme", "1.0")).status_code == 200


def test_until_a_feed_is_imported_the_upstream_is_asked_once_about_what_is_wanted(served, upstream):
    upstream.wheel("acme", "1.0")
    upstream.wheel("acme", "2.0")
    told = {
        "info": {"name": "acme", "version": "1.0"},
        "vulnerabilities": [{"id": "PYSEC-2026-1", "fixed_in": ["2.0"]}],
    }
    upstream.overrides["/pypi/acme/1.0/json"] = lambda handler: handler.answer(200, json.dumps(told).encode())
    server = served('vulnerabilities = { unrated = "hold" }')
    refused = [fetched(server, "acme", wheel_name("acme", "1.0")) for _ in range(2)]
    assert [answer.status_code for answer in refused] == [403, 403]
    assert "acme 1.0 has PYSEC-2026-1 (not rated); 2.0 is free of it" in refused[0].reason
    assert "PYSEC-2026-1" in listed(server, "acme")[wheel_name("acme", "1.0")]["yanked"]
    assert fetched(server, "acme", wheel_name("acme", "2.0")).status_code == 200
    assert upstream.asked("/pypi/acme/") == ["/pypi/acme/1.0/json", "/pypi/acme/2.0/json"]


@pytest.mark.parametrize("silence", [0, 60], ids=["failing", "silent"])
def test_an_upstream_that_tells_nothing_is_no_reason_to_hold_or_to_wait(served, upstream, silence):
    stop = threading.Event()
    upstream.wheel("acme", "1.0")
    upstream.overrides["/pypi/acme/1.0/json"] = lambda handler: (stop.wait(silence), handler.answer(500, b""))
    server = served('vulnerabilities = { unrated = "hold" }')
    begun = time.monotonic()
    assert fetched(server, "acme", wheel_name("acme", "1.0")).status_code == 200
    assert time.monotonic() - begun < 20
    stop.set()


def test_code_is_read_before_the_first_byte_leaves_and_the_reason_is_kept(served, upstream):
    good = upstream.wheel("acme", "1.0")
    bad = upstream.wheel(
        "acme", "1.1", files={"acme_init.pth": b"import os;exec(__import__('base64').b64decode('cHJpbnQoMSk='))\n"}
    )
    server = served("startup_code = true")
    assert "yanked" not in str(listed(server, "acme")[bad].get("_refused", ""))
    refused = fetched(server, "acme", bad)
    assert refused.status_code == 403
    assert refused.content != upstream.bodies[bad]
    assert (
        "held by startup_code: acme_init.pth:1 decodes hidden code and runs it at every start of Python"
        in refused.reason
    )
    assert "acme_init.pth:1" in listed(server, "acme")[bad]["yanked"]
    answer = fetched(server, "acme", good)
    assert (answer.status_code, answer.content) == (200, upstream.bodies[good])
    kinds = json.loads(server.command("ledger", "log", "--kind", "file.inspected", "--format", "json").stdout)
    assert [entry["data"]["filename"] for entry in kinds] == [bad, good]


def test_ranges_and_another_server_process_find_the_same_door(served, upstream):
    bad = sdist_name("acme", "1.0")
    upstream.add("acme", bad, sdist_bytes("acme", "1.0", files={"setup.py": EVIL}))
    server = served("startup_code = true")
    address = listed(server, "acme")[bad]["url"]
    for headers in ({"Range": "bytes=0-9"}, {"Range": "bytes=-9"}, {}):
        assert server.get(address, headers=headers).status_code == 403
    server.stop()
    server.start()
    assert server.get(address).status_code == 403
    assert len(upstream.asked(bad)) == 1


def test_a_file_that_cannot_be_read_to_its_end_is_held(served, upstream):
    name = upstream.wheel("acme", "1.0", files={"acme/__init__.py": b"x=1;" * 250_000})
    server = served("startup_code = true")
    refused = fetched(server, "acme", name)
    assert refused.status_code == 403
    assert "could not be read to its end" in refused.reason


def test_licences_by_expression_classifier_and_text(served, upstream):
    said = {
        "mit": "License-Expression: MIT\n",
        "choice": "License-Expression: GPL-3.0-only OR MIT\n",
        "gpl": "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)\n",
        "text": "License: Apache 2.0\n",
        "silent": "",
    }
    for name, extra in said.items():
        upstream.wheel(name, "1.0", metadata=metadata_of(name, "1.0", extra=extra))
    server = served('licences = { allow = ["MIT", "Apache-2.0"], unknown = "hold" }')
    codes = {name: fetched(server, name, wheel_name(name, "1.0")) for name in said}
    assert {name: answer.status_code for name, answer in codes.items()} == {
        "mit": 200, "choice": 200, "gpl": 403, "text": 200, "silent": 403,
    }  # fmt: skip
    assert "gpl 1.0 states GPL-3.0-only; the policy allows MIT, Apache-2.0" in codes["gpl"].reason
    assert "silent 1.0 states no licence that can be told" in codes["silent"].reason


def test_advice_says_what_to_use_and_lets_pass(served, upstream):
    name = upstream.wheel("enum34", "1.1.10")
    server = served("advice = true")
    assert fetched(server, "enum34", name).status_code == 200
    said = server.command("why", "enum34", check=False).stdout
    assert "enum34 is not needed since Python 3.4: use the module enum of the standard library" in said


def test_problems_of_settings_are_told_with_their_place(tmp_path):
    server = Affineur(
        tmp_path / "data", config='[policies.p]\nvulnerabilities = { critcal = "hold", ignore = [{ id = "X" }] }\n'
    )
    said = server.command("check", check=False).stderr
    assert "policies.p.vulnerabilities.critcal: no such key (did you mean 'critical'?)" in said
    assert "policies.p.vulnerabilities.ignore[0]: reason is missing" in said
