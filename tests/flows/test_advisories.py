"""`affineur advisories`: taken in, kept up to date, their age told."""

import gzip
import json
import sqlite3
import zipfile

import pytest

from tests.support.advisories import SNAPSHOT, malware, needs_snapshot, osv
from tests.support.polling import eventually
from tests.support.server import Affineur


@pytest.fixture
def here(tmp_path):
    """A data folder without a server."""
    return Affineur(tmp_path / "data")


def imported(server, source, *more, check=True):
    run = server.command("advisories", "import", str(source), "--format", "json", *more, check=check)
    return json.loads(run.stdout)


def status(server):
    return json.loads(server.command("advisories", "status", "--format", "json", check=False).stdout)


def write(path, *records):
    path.write_text("\n".join(json.dumps(record) for record in records))
    return path


def test_never_imported_is_said_loudly_everywhere(here):
    run = here.command("advisories", "status", check=False)
    assert run.returncode == 3
    assert run.stdout.startswith("ADVISORIES WERE NEVER IMPORTED")
    assert "ADVISORIES WERE NEVER IMPORTED" in here.command("check").stdout
    for workers in ("1", "2"):
        here.start("--workers", workers)
        assert eventually(lambda: "ADVISORIES WERE NEVER IMPORTED" in here.log.read_text())
        here.stop()
        here.log.write_text("")


def test_import_again_changes_nothing_and_says_so(here, tmp_path):
    feed = write(
        tmp_path / "feed.jsonl",
        osv("A-1"),
        malware("MAL-1", "gouda"),
        osv("N-1", affected={"package": {"ecosystem": "npm", "name": "x"}}),
    )
    first = imported(here, feed)
    assert (first["records"], first["changed"], first["other"], first["projects"]) == (2, 2, 1, 2)
    again = imported(here, feed)
    assert (again["changed"], again["unchanged"], again["projects"]) == (0, 2, 0)
    state = status(here)
    assert (state["alarm"], state["records"], state["malware"]) == ("", 2, 1)
    assert "NEVER" not in here.command("check").stdout


def test_a_record_that_cannot_be_read_is_told_and_the_others_are_taken(here, tmp_path):
    feed = write(tmp_path / "feed.jsonl", osv("A-1"), {**osv("A-2"), "affected": 7}, osv("A-3"))
    run = here.command("advisories", "import", str(feed), check=False)
    assert run.returncode == 3
    assert "1 RECORDS COULD NOT BE READ" in run.stdout
    assert "feed.jsonl:2" in run.stdout
    assert "A-2" in run.stdout
    assert status(here)["records"] == 2
    assert "could not be read" in status(here)["alarm"]


def test_a_file_cut_short_changes_nothing(here, tmp_path):
    lines = "\n".join(json.dumps(osv(f"A-{number}")) for number in range(2000)).encode()
    feed = tmp_path / "feed.jsonl.gz"
    feed.write_bytes(gzip.compress(lines)[:-100])
    run = here.command("advisories", "import", str(feed), check=False)
    assert run.returncode == 1
    assert "feed.jsonl.gz" in run.stderr
    assert status(here)["records"] == 0


def test_what_is_no_feed_is_refused_with_its_name(here, tmp_path):
    (tmp_path / "page.html").write_text("<html>404</html>")
    run = here.command("advisories", "import", str(tmp_path / "page.html"), check=False)
    assert (run.returncode, "page.html" in run.stderr) == (1, True)
    run = here.command("advisories", "import", "ftp://127.0.0.1/feed", check=False)
    assert "no such file" in run.stderr


def test_update_asks_for_a_feed_where_none_is_configured(here):
    run = here.command("advisories", "update", check=False)
    assert run.returncode == 1
    assert "set advisories_feed" in run.stderr


def test_update_takes_a_zip_from_an_address_once(tmp_path, upstream):
    body = tmp_path / "all.zip"
    with zipfile.ZipFile(body, "w") as archive:
        for number in range(3):
            archive.writestr(f"A-{number}.json", json.dumps(osv(f"A-{number}")))

    def answer(handler):
        if handler.headers.get("If-None-Match") == '"1"':
            handler.answer(304, b"")
        else:
            handler.answer(200, body.read_bytes(), {"ETag": '"1"'})

    upstream.overrides["/feeds/all.zip"] = answer
    address = f"http://ada:secret@127.0.0.1:{upstream.port}/feeds/all.zip?key=secret"
    here = Affineur(tmp_path / "data", AFFINEUR_ADVISORIES_FEED=address)
    first = json.loads(here.command("advisories", "update", "--format", "json").stdout)
    assert (first["records"], first["changed"]) == (3, 3)
    again = json.loads(here.command("advisories", "update", "--format", "json").stdout)
    assert (again["records"], again["changed"], again["unchanged"]) == (3, 0, 3)
    told = here.command("advisories", "status").stdout + here.command("ledger", "log", "--format", "json").stdout
    assert "secret" not in told
    assert not list((tmp_path / "data" / "blobs" / "staging").iterdir())


@pytest.mark.parametrize("status_code", [404, 500])
def test_an_address_that_fails_changes_nothing(here, upstream, status_code):
    upstream.overrides["/feed"] = lambda handler: handler.answer(status_code, b"{}")
    run = here.command("advisories", "import", f"http://127.0.0.1:{upstream.port}/feed", check=False)
    assert (run.returncode, f"answered {status_code}" in run.stderr) == (1, True)


def test_the_age_raises_an_alarm(tmp_path):
    here = Affineur(tmp_path / "data", AFFINEUR_ADVISORIES_MAX_AGE="0")
    imported(here, write(tmp_path / "feed.jsonl", osv("A-1")))
    run = here.command("advisories", "status", check=False)
    assert run.returncode == 3
    assert "ADVISORIES ARE 0 DAYS OLD" in run.stdout
    assert "advisories update" in run.stdout


@needs_snapshot
def test_the_real_snapshot_on_a_server_with_progress(affineur):
    admin = affineur.token("*", "admin", "root")
    run = affineur.command("advisories", "import", str(SNAPSHOT), "--server", affineur.url, "--token", admin)
    assert "2661 records" in run.stdout
    assert "records read" in run.stderr
    assert status(affineur)["withdrawn"] == 10


def test_a_server_asks_the_feed_by_itself(tmp_path, upstream):
    upstream.overrides["/feed"] = lambda handler: handler.answer(200, json.dumps(osv("A-1")).encode())
    here = Affineur(tmp_path / "data", AFFINEUR_ADVISORIES_FEED=f"http://127.0.0.1:{upstream.port}/feed")
    here.start()
    assert eventually(lambda: status(here)["records"] == 1, seconds=60)
    here.stop()


def test_without_a_feed_a_server_asks_the_upstream_again_about_what_was_wanted(tmp_path, upstream):
    name = upstream.wheel("acme", "1.0")
    config = (
        '[indexes.main]\nsources = ["public"]\npolicy = "p"\n[policies.p]\nvulnerabilities = { unrated = "hold" }\n'
    )
    here = Affineur(tmp_path / "data", upstream.url, config=config)
    here.start()
    address = here.page("acme")["files"][0]["url"]
    assert here.get(address).status_code == 200
    here.stop()
    with sqlite3.connect(tmp_path / "data" / "catalog.db") as database:
        database.execute("UPDATE told_advisories SET checked_at = 0")
        database.execute("DELETE FROM timetable")
    told = {"info": {"name": "acme", "version": "1.0"}, "vulnerabilities": [{"id": "PYSEC-1"}]}
    upstream.overrides["/pypi/acme/1.0/json"] = lambda handler: handler.answer(200, json.dumps(told).encode())
    here.start()
    assert eventually(lambda: here.get(address).status_code != 200, seconds=60)
    refused = here.get(address)
    here.stop()
    assert refused.status_code == 403
    assert "PYSEC-1" in refused.reason
    assert name in address
