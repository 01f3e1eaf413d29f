"""Core metadata beside a file (PEP 658, 714): byte for byte that of the wheel, or not offered."""

import hashlib
import io
import json
import time
import zipfile

import pytest
import requests

from tests.support import distributions
from tests.support.polling import eventually, until
from tests.support.server import Affineur

EXTRA = "Summary: gr\u00fc\u00df dich\r\nX-Odd:  kept \n\n\nA description.\n\n"


def in_wheel(body):
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA")))


def beside(affineur, row, **options):
    return requests.get(affineur.url + row["url"] + ".metadata", timeout=20, **options)


def offered(affineur, project):
    """The only row of a project's page once it offers metadata with a hash."""

    def row():
        (found,) = affineur.page(project)["files"]
        return found if isinstance(found["core-metadata"], dict) else None

    return until(row, wanted="metadata with a hash")


def test_what_the_upstream_offers_is_offered_here_with_its_hash(affineur, upstream):
    filename = upstream.wheel("offered", "1.0", extra=EXTRA)
    (row,) = affineur.page("offered")["files"]
    wanted = in_wheel(upstream.bodies[filename])
    assert row["core-metadata"] == {"sha256": hashlib.sha256(wanted).hexdigest()}
    answer = beside(affineur, row)
    assert answer.status_code == 200
    assert answer.content == wanted
    assert upstream.asked(f"/files/{filename}") == [f"/files/{filename}.metadata"]


@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
def test_metadata_is_compressed_and_tagged_like_a_page(affineur, raw, upstream, coding):
    upstream.wheel("tagged", "1.0", extra="Summary: s\n\n" + "word " * 500)
    (row,) = affineur.page("tagged")["files"]
    path = row["url"] + ".metadata"
    answer, _ = raw(path, headers={"Accept-Encoding": coding})
    assert answer.headers.get("Content-Encoding", "identity") == coding
    assert "Accept-Encoding" in answer.headers["Vary"]
    again, nothing = raw(path, headers={"Accept-Encoding": coding, "If-None-Match": answer.headers["ETag"]})
    assert (again.status, nothing) == (304, b"")
    head, nothing = raw(path, method="HEAD", headers={"Accept-Encoding": coding})
    assert (head.status, nothing) == (200, b"")
    assert head.headers["ETag"] == answer.headers["ETag"]
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]


def test_what_the_upstream_does_not_offer_is_read_from_the_wheel_by_ranges(affineur, upstream):
    filename = upstream.wheel("unoffered", "1.0", keys={"core-metadata": False}, extra=EXTRA, padding=2_000_000)
    row = offered(affineur, "unoffered")
    wanted = in_wheel(upstream.bodies[filename])
    assert row["core-metadata"] == {"sha256": hashlib.sha256(wanted).hexdigest()}
    sent = upstream.sent.get(f"/files/{filename}", 0)
    assert 0 < sent < 200_000, "ranges of the wheel are read, not all of it"
    assert beside(affineur, row).content == wanted
    assert upstream.sent[f"/files/{filename}"] == sent


def test_the_newest_wheels_of_a_project_are_looked_into_first_and_all_in_the_end(affineur, upstream):
    for minor in range(1, 31):
        keys = {"core-metadata": False, "upload-time": f"2024-01-{minor:02}T00:00:00Z"}
        upstream.wheel("aged", f"1.{minor}", keys=keys, padding=50_000)
    affineur.page("aged")
    eventually(lambda: all(row["core-metadata"] for row in affineur.page("aged")["files"]))
    for row in affineur.page("aged")["files"]:
        wanted = in_wheel(upstream.bodies[row["filename"]])
        assert row["core-metadata"] == {"sha256": hashlib.sha256(wanted).hexdigest()}
    asked = [int(path.split("-")[1].split(".")[1]) for path in upstream.asked("/files/aged-")]
    assert set(asked[:4]) <= set(range(30, 22, -1))
    assert sorted(set(asked)) == list(range(1, 31))
    log = json.loads(affineur.command("ledger", "log", "--project", "aged", "--format", "json").stdout)
    found = [entry for entry in log if entry["kind"] == "metadata.found"]
    assert 1 < len(found) <= 4, "many wheels are one entry"


def test_a_host_that_gives_no_ranges_is_asked_once_and_not_for_every_wheel(tmp_path, upstream):
    names = [upstream.wheel("stubborn", f"1.{minor}", keys={"core-metadata": False}) for minor in range(9)]
    upstream.rangeless.update(names)
    with Affineur(tmp_path / "data", upstream.url) as server:
        server.page("stubborn")
        time.sleep(1.5)
        server.page("stubborn")
        assert 1 <= len(upstream.asked("/files/stubborn-")) <= 4


def test_wheels_not_looked_into_before_the_end_are_looked_into_after_the_next_start(tmp_path, upstream):
    filename = upstream.wheel("begun", "1.0", keys={"core-metadata": False})
    upstream.overrides[f"/files/{filename}"] = lambda handler: handler.answer(503, b"later")
    with Affineur(tmp_path / "data", upstream.url, AFFINEUR_FRESH_FOR="0") as server:
        assert server.page("begun")["files"][0]["core-metadata"] is False
    del upstream.overrides[f"/files/{filename}"]
    with Affineur(tmp_path / "data", upstream.url, AFFINEUR_FRESH_FOR="0", AFFINEUR_PATIENCE="10") as server:
        assert offered(server, "begun")["core-metadata"]["sha256"]


def test_an_upstream_without_ranges_gives_metadata_once_the_file_is_here(affineur, upstream):
    filename = upstream.wheel("rangeless", "1.0", keys={"core-metadata": False}, extra=EXTRA, padding=2_000_000)
    upstream.rangeless.add(filename)
    (row,) = affineur.page("rangeless")["files"]
    assert row["core-metadata"] is False
    assert affineur.get(row["url"]).content == upstream.bodies[filename]
    row = offered(affineur, "rangeless")
    wanted = in_wheel(upstream.bodies[filename])
    assert row["core-metadata"] == {"sha256": hashlib.sha256(wanted).hexdigest()}
    assert beside(affineur, row).content == wanted


def test_an_offer_that_the_upstream_does_not_keep_is_kept_from_the_wheel(affineur, upstream):
    filename = upstream.wheel("unkept", "1.0", extra=EXTRA)
    del upstream.bodies[filename + ".metadata"]
    (row,) = affineur.page("unkept")["files"]
    answer = beside(affineur, row)
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == row["core-metadata"]["sha256"]


def test_an_offer_of_wrong_bytes_is_kept_from_the_wheel(affineur, upstream):
    filename = upstream.wheel("swapped", "1.0", extra=EXTRA)
    upstream.bodies[filename + ".metadata"] = (
        b"Metadata-Version: 2.1\nName: swapped\nVersion: 1.0\nRequires-Dist: evil\n"
    )
    (row,) = affineur.page("swapped")["files"]
    answer = beside(affineur, row)
    assert answer.status_code == 200
    assert answer.content == in_wheel(upstream.bodies[filename])


def test_an_offer_without_a_hash_gains_one_when_it_is_kept(affineur, upstream):
    filename = upstream.wheel("hashless", "1.0", keys={"core-metadata": True}, extra=EXTRA)
    wanted = in_wheel(upstream.bodies[filename])
    (row,) = affineur.page("hashless")["files"]
    assert beside(affineur, row).content == wanted
    assert offered(affineur, "hashless")["core-metadata"] == {"sha256": hashlib.sha256(wanted).hexdigest()}


def test_an_offer_that_contradicts_the_wheel_is_corrected_once_the_wheel_is_here(affineur, upstream):
    other = b"Metadata-Version: 2.1\nName: lied\nVersion: 1.0\nRequires-Dist: evil\n"
    filename = upstream.wheel("lied", "1.0", keys={"core-metadata": {"sha256": hashlib.sha256(other).hexdigest()}})
    upstream.bodies[filename + ".metadata"] = other
    (row,) = affineur.page("lied")["files"]
    assert affineur.get(row["url"]).status_code == 200
    wanted = in_wheel(upstream.bodies[filename])
    (row,) = affineur.page("lied")["files"]
    assert row["core-metadata"] == {"sha256": hashlib.sha256(wanted).hexdigest()}
    assert beside(affineur, row).content == wanted


def test_a_wheel_without_metadata_offers_none(affineur, upstream):
    upstream.add("empty", "empty-1.0-py3-none-any.whl", _zip({"empty/__init__.py": b""}))
    (row,) = affineur.page("empty")["files"]
    assert row["core-metadata"] is False
    assert beside(affineur, row).status_code == 404
    (row,) = affineur.page("empty")["files"]
    assert row["core-metadata"] is False


def test_an_sdist_offers_none(affineur, upstream, token):
    upstream.add("source", "source-1.0.tar.gz", distributions.sdist_bytes("source", "1.0"))
    name, body = distributions.sdist_name("own", "1.0"), distributions.sdist_bytes("own", "1.0")
    assert affineur.upload(name, body, token=token).status_code == 200
    for project in ("source", "own"):
        (row,) = affineur.page(project)["files"]
        assert row["core-metadata"] is False
        assert beside(affineur, row).status_code == 404


def test_an_uploaded_wheel_offers_its_own(affineur, token):
    body = distributions.wheel_bytes("uploaded", "1.0", extra=EXTRA.replace("\r", ""))
    assert affineur.upload(distributions.wheel_name("uploaded", "1.0"), body, token=token).status_code == 200
    (row,) = affineur.page("uploaded")["files"]
    assert row["core-metadata"] == {"sha256": hashlib.sha256(in_wheel(body)).hexdigest()}
    assert beside(affineur, row).content == in_wheel(body)


def test_metadata_stays_when_the_upstream_is_gone(affineur, upstream):
    filename = upstream.wheel("staying", "1.0", extra=EXTRA)
    (row,) = affineur.page("staying")["files"]
    wanted = beside(affineur, row).content
    upstream.stop()
    try:
        answer = beside(affineur, row)
    finally:
        upstream.restart()
    assert answer.content == wanted == in_wheel(upstream.bodies[filename])


def _zip(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return buffer.getvalue()
