"""`affineur audit`: what it finds in real files, what it says it could not look at, and its exit codes."""

import hashlib
import json
import venv

import msgspec
import pytest
import requests

from affineur.model.principals import NOBODY
from affineur.operations.audit import Audit, audit
from affineur.operations.operation import Document
from tests.support.advisories import malware, osv
from tests.support.audits import FOUND, UNSURE, audited, told, written
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.in_process import InProcess
from tests.support.server import Affineur


@pytest.fixture
def here(tmp_path):
    """A data folder without a server or an upstream."""
    return Affineur(tmp_path / "data")


def kinds(report, part="findings"):
    return {row["kind"] for row in report[part]}


def test_without_advisories_it_is_loud_and_not_clean(here, tmp_path):
    report = audited(here, written(tmp_path / "requirements.txt", "brie==1.0"), "--offline", code=UNSURE)
    assert kinds(report, "unknown") == {"advisories", "listing"}
    assert report["dependencies"][0]["skip_reason"] == "no advisories were ever imported"
    text = here.command("audit", str(tmp_path / "requirements.txt"), "--offline", check=False).stdout
    assert text.startswith("ADVISORIES WERE NEVER IMPORTED")
    assert "nothing found" not in text


def test_one_finding_for_a_hole_with_every_id_and_its_fix(here, tmp_path):
    told(
        here, tmp_path / "feed",
        osv("PYSEC-1", "brie", fixed="1.5", aliases=["CVE-1"], summary="holes too large"),
        osv("GHSA-1", "brie", fixed="1.5", aliases=["CVE-1"]),
        osv("PYSEC-2", "brie", fixed="1.5", withdrawn="2024-06-01T00:00:00Z"),
    )  # fmt: skip
    file = written(tmp_path / "requirements.txt", "# cheese", "Brie[rind]==1.0 ; python_version > '3'", "brie == 1.0.0")
    report = audited(here, file, "--offline", code=FOUND)
    (row,) = report["dependencies"]
    assert (row["name"], row["version"], row["line"]) == ("brie", "1.0", 2)
    (hole,) = row["vulns"]
    assert {hole["id"], *hole["aliases"]} == {"PYSEC-1", "GHSA-1", "CVE-1"}
    assert hole["fix_versions"] == ["1.5"]
    assert audited(here, written(tmp_path / "fixed.txt", "brie==1.5"), "--offline")["dependencies"][0]["vulns"] == []
    assert audited(here, written(tmp_path / "pre.txt", "brie==1.5rc1"), "--offline")["dependencies"][0]["vulns"]


def test_all_looked_at_and_nothing_found(upstream, tmp_path):
    body = wheel_bytes("brie", "1.0")
    upstream.add("brie", wheel_name("brie", "1.0"), body)
    here = Affineur(tmp_path / "data", upstream=upstream.url)
    told(here, tmp_path / "feed", osv("PYSEC-1", "gouda"))
    digest = hashlib.sha256(body).hexdigest()
    file = written(tmp_path / "requirements.txt", f"brie==1.0 --hash=sha256:{digest}")
    report = audited(here, file, code=0)
    assert (report["unknown"], kinds(report) - {"pending"}) == ([], set())
    wrong = written(tmp_path / "wrong.txt", f"brie==1.0 --hash=sha256:{'0' * 64}")
    assert "wrong-hash" in kinds(audited(here, wrong, code=FOUND))


def test_what_listings_say(upstream, tmp_path):
    upstream.add("brie", wheel_name("brie", "1.0"), wheel_bytes("brie", "1.0"), yanked="too soft")
    upstream.add("brie", wheel_name("brie", "1.1"), wheel_bytes("brie", "1.1"))
    upstream.add("gouda", wheel_name("gouda", "1.0"), wheel_bytes("gouda", "1.0"))
    upstream.statuses["gouda"] = {"status": "quarantined", "reason": "under investigation"}
    here = Affineur(tmp_path / "data", upstream=upstream.url)
    told(here, tmp_path / "feed", malware("MAL-1", "evil"))
    file = written(
        tmp_path / "r.txt", "brie==1.0", "brie==9.9; python_version < '3'", "gouda==1.0", "nobody-has-it==1", "evil==1"
    )
    report = audited(here, file, code=FOUND)
    said = {(row["kind"], row["name"], row["version"], row["line"]) for row in report["findings"]}
    assert ("yanked", "brie", "1.0", 1) in said
    assert ("unknown-release", "brie", "9.9", 2) in said
    assert ("quarantined", "gouda", "1.0", 3) in said
    assert ("unknown-project", "nobody-has-it", "1", 4) in said
    evil = next(row for row in report["dependencies"] if row["name"] == "evil")
    assert [(hole["kind"], hole["id"]) for hole in evil["vulns"]] == [("malware", "MAL-1")]


def test_the_nearest_fix_is_one_that_the_gate_lets_through_today(upstream, tmp_path):
    for version in ("1.0", "1.1", "1.2", "1.3rc1", "1.3"):
        upstream.add("brie", wheel_name("brie", version), wheel_bytes("brie", version))
    table = '[policies.standard]\nlists = { deny = ["brie==1.2"] }\n'
    here = Affineur(tmp_path / "data", upstream=upstream.url, config=table)
    told(here, tmp_path / "feed", osv("PYSEC-1", "brie", fixed="1.1"), osv("PYSEC-2", "brie", fixed="1.2"))
    report = audited(here, written(tmp_path / "r.txt", "brie==1.0"), code=FOUND)
    (row,) = report["dependencies"]
    assert {hole["id"]: hole["nearest"] for hole in row["vulns"]} == {"PYSEC-1": "1.1", "PYSEC-2": "1.3"}
    assert row["fixed_by"] == "1.3"


async def test_offline_asks_no_upstream_and_online_each_listing_once(upstream, tmp_path):
    names = [f"cheese-{number}" for number in range(40)]
    for name in names:
        upstream.wheel(name, "1.0")
    pinned = (Document("r.txt", "".join(f"{name}==1.0\n" for name in names)),)
    async with InProcess(tmp_path / "data", upstream.url) as server:
        context = server.site.context(NOBODY)
        report = await audit(context, Audit(pinned, offline=True))
        assert (upstream.log, kinds(msgspec.to_builtins(report), "unknown")) == ([], {"advisories", "listing"})
        report = await audit(context, Audit(pinned))
        assert kinds(msgspec.to_builtins(report), "unknown") == {"advisories"}
        pages = [path for path in upstream.log if path.startswith("/simple/")]
        assert sorted(pages) == sorted(f"/simple/{name}/" for name in names)
        asked = len(upstream.log)
        report = await audit(context, Audit(pinned, offline=True))
        assert (len(upstream.log), kinds(msgspec.to_builtins(report), "unknown")) == (asked, {"advisories"})


def test_an_upstream_that_does_not_answer_is_not_taken_for_clean(upstream, tmp_path):
    here = Affineur(tmp_path / "data", upstream=upstream.url)
    told(here, tmp_path / "feed", osv("PYSEC-1", "gouda"))
    upstream.stop()
    report = audited(here, written(tmp_path / "r.txt", "brie==1.0"), code=UNSURE)
    assert kinds(report, "unknown") == {"listing"}


def test_what_cannot_be_known_is_said(here, tmp_path):
    told(here, tmp_path / "feed", osv("PYSEC-1", "gouda"))
    file = written(
        tmp_path / "r.txt", "brie", "gouda>=1", "feta @ https://u:secret@files.example.org/feta.zip?sig=secret", "-r https://x.example.org/y"
    )  # fmt: skip
    report = audited(here, file, "--offline", code=FOUND)
    assert {(row["kind"], row["name"]) for row in report["unknown"]} >= {
        ("unpinned", "brie"), ("unpinned", "gouda"), ("direct-url", "feta"), ("unread", ""),
    }  # fmt: skip
    assert "secret" not in json.dumps(report)
    assert all(row["skip_reason"] for row in report["dependencies"])


def test_locks_of_other_tools_and_files_at_addresses_tell_line_and_version(here, tmp_path):
    told(here, tmp_path / "feed", osv("PYSEC-1", "brie", fixed="2.0"), osv("PYSEC-2", "curd-tools", fixed="2.0"))
    lock = written(
        tmp_path / "uv.lock", "version = 1", 'requires-python = ">=3.11"', "[[package]]", 'name = "own"', 'version = "1"',
        'source = { editable = "." }', "[[package]]", 'name = "brie"', 'version = "1.0"',
        'source = { registry = "https://packages.example.org/simple" }',
    )  # fmt: skip
    (row,) = audited(here, lock, "--offline", code=FOUND)["dependencies"]
    assert (row["name"], row["line"], row["vulns"][0]["id"]) == ("brie", 8, "PYSEC-1")
    direct = written(tmp_path / "r.txt", "https://files.example.org/curd_tools-1.0-py3-none-any.whl")
    report = audited(here, direct, "--offline", code=FOUND)
    (row,) = report["dependencies"]
    assert (row["name"], row["version"], row["vulns"][0]["id"]) == ("curd-tools", "1.0", "PYSEC-2")
    assert (kinds(report), report["unknown"]) == ({"direct-url"}, [])


def test_traps_of_requirements_files(here, tmp_path):
    told(here, tmp_path / "feed", osv("PYSEC-1", "gouda"))
    some = f"--hash=sha256:{'0' * 64}"
    file = written(
        tmp_path / "r.txt", "--index-url http://index.example.org/simple", "--extra-index-url https://other.example.org/simple",
        "--find-links wheels", "--trusted-host index.example.org", f"brie==1.0 {some}", "feta==1.0", f"edam==1.0 --hash=md5:{'0' * 32}",
        "-e git+https://git.example.org/curd#egg=curd", "reqeusts==1.0",
    )  # fmt: skip
    said = {(row["kind"], row["line"]) for row in audited(here, file, "--offline", code=FOUND)["findings"]}
    assert said >= {
        ("insecure-index", 1), ("extra-index-url", 2), ("find-links", 3), ("trusted-host", 4), ("missing-hash", 6),
        ("weak-hash", 7), ("editable", 8), ("look-alike", 9),
    }  # fmt: skip


def test_files_without_any_hash_are_a_finding_when_hashes_are_required(here, tmp_path):
    told(here, tmp_path / "feed", osv("PYSEC-1", "gouda"))
    file = written(tmp_path / "r.txt", "brie==1.0")
    assert kinds(audited(here, file, "--offline", code=UNSURE)) == {"missing-hash"}
    assert kinds(audited(here, file, "--offline", "--require-hashes", code=FOUND)) == {"missing-hash"}


def test_what_is_wrong_with_a_file_that_is_named_is_said_of_it(here, tmp_path):
    (tmp_path / "parts").mkdir()
    named = written(
        tmp_path / "parts" / "web.txt", "brie==1.0 --hash=md5:" + "a" * 32, "--trusted-host example.org", "gouda==1.0"
    )
    file = written(tmp_path / "r.txt", "# all", "-r parts/web.txt", "feta==1.0 --hash=sha256:" + "b" * 64)
    report = audited(here, file, "--offline", code=FOUND)
    places = {row["kind"]: (row["file"], row["line"]) for row in report["findings"]}
    assert places == {"weak-hash": (named, 1), "trusted-host": (named, 2), "missing-hash": (named, 3)}


def test_exceptions_have_reasons_and_ends(here, tmp_path):
    told(
        here,
        tmp_path / "feed",
        osv("PYSEC-1", "brie", aliases=["CVE-1"]),
        osv("PYSEC-2", "brie"),
        osv("PYSEC-3", "brie"),
    )
    file = written(tmp_path / "r.txt", "brie==1.0")
    ignore = written(
        tmp_path / "ignore.toml",
        '[[ignore]]\nid = "CVE-1"\nproject = "Brie"\nreason = "we do not melt it"\nend = 2999-01-01',
        '[[ignore]]\nid = "PYSEC-2"\nreason = "was fine then"\nend = 2020-01-01',
        '[[ignore]]\nid = "PYSEC-3"\nproject = "gouda"\nreason = "of another project"',
        '[[ignore]]\nid = "listing"\nreason = "offline"',
    )  # fmt: skip
    report = audited(here, file, "--offline", "--ignore-file", ignore, code=FOUND)
    assert [hole["id"] for hole in report["dependencies"][0]["vulns"]] == ["PYSEC-2", "PYSEC-3"]
    assert {(row["id"], row["reason"], row["end"]) for row in report["ignored"]} == {
        ("PYSEC-1", "we do not melt it", "2999-01-01"), ("listing", "offline", ""),
    }  # fmt: skip
    assert report["unknown"] == []
    assert ["has ended" in text for text in report["ignore_problems"]] == [True, False]
    bad = written(tmp_path / "bad.toml", '[[ignore]]\nid = "CVE-1"')
    run = here.command("audit", file, "--ignore-file", bad, check=False)
    assert (run.returncode, "ignore[0].reason" in run.stderr) == (1, True)


def test_what_an_index_holds(upstream, tmp_path):
    upstream.add("brie", wheel_name("brie", "1.0"), wheel_bytes("brie", "1.0"))
    upstream.add("brie", wheel_name("brie", "2.0"), wheel_bytes("brie", "2.0"))
    with Affineur(tmp_path / "data", upstream=upstream.url) as server:
        (row,) = (row for row in server.page("brie")["files"] if "1.0" in row["filename"])
        assert requests.get(server.file_url(row), timeout=10).status_code == 200
        uploaded = server.upload(
            wheel_name("acme-cheese", "1.0"), wheel_bytes("acme-cheese", "1.0"), token=server.token()
        )
        assert uploaded.status_code == 200, uploaded.reason
        told(server, tmp_path / "feed", osv("PYSEC-1", "brie", fixed="2.0"), malware("MAL-1", "acme-cheese"))
        report = audited(server, "--index", "main", code=FOUND)
        rows = {(row["name"], row["version"]): row for row in report["dependencies"]}
        assert rows.keys() == {("brie", "1.0"), ("acme-cheese", "1.0")}
        assert [hole["id"] for hole in rows["brie", "1.0"]["vulns"]] == ["PYSEC-1"]
        assert rows["acme-cheese", "1.0"]["vulns"] == []
        assert rows["acme-cheese", "1.0"]["skip_reason"].startswith("it is private")


def test_on_a_server_as_on_a_data_folder(upstream, tmp_path):
    upstream.add("brie", wheel_name("brie", "1.0"), wheel_bytes("brie", "1.0"))
    with Affineur(tmp_path / "data", upstream=upstream.url) as server:
        told(server, tmp_path / "feed", osv("PYSEC-1", "brie", fixed="2.0"))
        more = written(tmp_path / "more.txt", "brie==1.0")
        file = written(tmp_path / "r.txt", "-r more.txt")
        token = server.token("*", "read", "reader")
        there = audited(server, file, "--server", server.url, "--token", token, code=FOUND)
        here = audited(server, file, code=FOUND)
        assert there["dependencies"] == here["dependencies"]
        assert (there["dependencies"][0]["file"], there["dependencies"][0]["line"]) == (more, 1)
        assert requests.post(f"{server.url}/api/v1/audit", json={"index": "main"}, timeout=10).status_code == 401


def test_an_environment_is_audited_where_the_command_runs(tmp_path):
    folder = tmp_path / "env"
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "brie-1.0.dist-info").mkdir()
    (site / "brie-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: brie\nVersion: 1.0\n")
    with Affineur(tmp_path / "data") as server:
        told(server, tmp_path / "feed", osv("PYSEC-1", "brie", fixed="2.0"))
        there = ("--server", server.url, "--token", server.token("*", "read", "reader"))
        for arguments in ((), there):
            report = audited(server, "--python", str(folder), "--offline", *arguments, code=FOUND)
            assert [row["vulns"][0]["id"] for row in report["dependencies"]] == ["PYSEC-1"]
            assert kinds(report) == set()


def test_a_lock_at_an_address(here, tmp_path, upstream):
    told(here, tmp_path / "feed", osv("PYSEC-1", "brie", fixed="2.0"))
    upstream.bodies["requirements.txt"] = b"brie==1.0\n"
    address = f"http://user:secret@127.0.0.1:{upstream.port}/files/requirements.txt?token=secret"
    report = audited(here, "--url", address, "--offline", code=FOUND)
    (row,) = report["dependencies"]
    assert (row["file"], row["line"]) == (f"http://127.0.0.1:{upstream.port}/files/requirements.txt", 1)
    assert "secret" not in json.dumps(report)
    upstream.bodies["requirements.txt"] = b"#" * (17 * 2**20)
    run = here.command("audit", "--url", address, "--offline", check=False)
    assert (run.returncode, "more than" in run.stderr) == (1, True)
    assert here.command("audit", "--url", "file:///etc/passwd", "--offline", check=False).returncode == 1
