"""What was found out about files: kept by digest, gathered once, on both databases."""

import asyncio

import pytest

from affineur.model.files import File, Page
from affineur.model.licences import Stated
from affineur.model.names import ProjectName, SourceName
from affineur.model.scans import Level, Scan
from affineur.policy.evidence import Need
from affineur.sources.inspector import Inspector
from affineur.standards import licences, startup_code
from affineur.storage.catalog import evidence, ledger
from affineur.storage.known_advisories import KnownAdvisories
from tests.support.distributions import metadata_of, sdist_bytes, wheel_bytes

BRIE = ProjectName("brie")
EVIL = b"import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n"


@pytest.fixture
async def inspector(catalog):
    made = Inspector(catalog, KnownAdvisories(catalog), {}, 20.0)
    yield made
    await made.close()


def lying(tmp_path, filename, body, sha="b" * 64):
    path = tmp_path / sha
    path.write_bytes(body)
    return Page(BRIE, (), SourceName("public")), File(filename, "1.0", {"sha256": sha}), path


def scans(catalog):
    return catalog.read_now(evidence.of_project, evidence.SCAN, BRIE, startup_code.REVISION)


def inspections(catalog):
    return [entry.event.data for entry in catalog.read_now(ledger.after, 0, 100, kind="file.inspected")]


def test_evidence_is_found_by_project_digest_and_revision(catalog):
    scan = Scan("1")
    catalog.write_now(evidence.record, evidence.SCAN, "a" * 64, "1", BRIE, "brie.whl", scan)
    catalog.write_now(evidence.record, evidence.LICENCE, "a" * 64, "1", BRIE, "brie.whl", Stated("MIT"))
    assert catalog.read_now(evidence.of_project, evidence.SCAN, BRIE, "1") == {"a" * 64: scan}
    assert catalog.read_now(evidence.of_project, evidence.LICENCE, BRIE, "1") == {"a" * 64: Stated("MIT")}
    assert catalog.read_now(evidence.of_project, evidence.SCAN, BRIE, "2") == {}
    assert catalog.read_now(evidence.one, evidence.SCAN, "a" * 64, "other", "1") is None
    catalog.write_now(evidence.record, evidence.SCAN, "a" * 64, "2", BRIE, "brie.whl", Scan("2", problem="x"))
    assert catalog.read_now(evidence.of_project, evidence.SCAN, BRIE, "1") == {}


async def test_many_who_ask_at_once_have_it_scanned_once(catalog, inspector, tmp_path):
    page, file, path = lying(tmp_path, "brie-1.0.tar.gz", sdist_bytes("brie", "1.0", files={"setup.py": EVIL}))
    await asyncio.gather(*(inspector.scan(page, file, path) for _ in range(5)))
    await inspector.scan(page, file, path)
    assert scans(catalog)[file.sha256].level is Level.HOLD
    assert {entry["level"] for entry in inspections(catalog)} == {"hold"}


async def test_a_scan_that_takes_too_long_or_too_much_ends_alone_and_says_so(catalog, tmp_path, monkeypatch):
    impatient = Inspector(catalog, KnownAdvisories(catalog), {}, 0.02)
    long = b"\n".join(b"x%d = [%d, {}, (), 'a']" % (n, n) for n in range(30_000))
    page, file, path = lying(tmp_path, "brie-1.0.tar.gz", sdist_bytes("brie", "1.0", files={"setup.py": long}))
    await impatient.scan(page, file, path)
    assert "too long" in scans(catalog)[file.sha256].problem or "time" in scans(catalog)[file.sha256].problem
    await impatient.close()
    patient = Inspector(catalog, KnownAdvisories(catalog), {}, 20.0)
    page, other, path = lying(tmp_path, "brie-1.0.tar.gz", sdist_bytes("brie", "1.0"), "c" * 64)
    await patient.scan(page, other, path)
    assert scans(catalog)[other.sha256].complete
    await patient.close()


async def test_a_file_without_a_stated_digest_is_kept_under_its_own(catalog, inspector, tmp_path):
    page, _, path = lying(tmp_path, "x", wheel_bytes("brie", "1.0"))
    await inspector.scan(page, File("brie-1.0-py3-none-any.whl", "1.0"), path)
    (digest,) = scans(catalog)
    assert len(digest) == 64


@pytest.mark.parametrize("make", [wheel_bytes, sdist_bytes], ids=["wheel", "sdist"])
async def test_licences_are_read_out_of_the_file_itself(catalog, inspector, tmp_path, make):
    body = make("brie", "1.0", metadata=metadata_of("brie", "1.0", extra="License-Expression: MIT\n"))
    name = "brie-1.0-py3-none-any.whl" if make is wheel_bytes else "brie-1.0.tar.gz"
    page, file, path = lying(tmp_path, name, body)
    await inspector.looks[Need.LICENCE](page, file, path)
    found = catalog.read_now(evidence.of_project, evidence.LICENCE, BRIE, licences.REVISION)
    assert found[file.sha256].expression == "MIT"
    page, broken, path = lying(tmp_path, name, b"nothing", "d" * 64)
    await inspector.read_licence(page, broken, path)
    found = catalog.read_now(evidence.of_project, evidence.LICENCE, BRIE, licences.REVISION)
    assert found[broken.sha256] == Stated()
