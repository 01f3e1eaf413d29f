"""Provenance beside a file (PEP 740)."""

import json

import pytest

from tests.support import distributions

DOCUMENT = {
    "version": 1,
    "attestation_bundles": [
        {"publisher": {"kind": "GitHub", "repository": "acme/cheddar", "claims": None}, "attestations": []}
    ],
}


@pytest.fixture(scope="module")
def settings():
    return {"AFFINEUR_PUBLIC_URL": "https://packages.example.org"}


@pytest.fixture(scope="module", autouse=True)
def project(upstream):
    def provenance(handler):
        body = json.dumps(DOCUMENT).encode()
        handler.answer(200, body, {"Content-Type": "application/vnd.pypi.integrity.v1+json"})

    upstream.overrides["/integrity/cheddar"] = provenance
    upstream.wheel("cheddar", "1.0", keys={"provenance": "/integrity/cheddar"})
    upstream.wheel("cheddar", "1.1", keys={"provenance": None})
    upstream.wheel("cheddar", "1.2", keys={"provenance": f"http://127.0.0.1:{upstream.port}/integrity/cheddar"})
    upstream.add("cheddar", "cheddar-0.1.tar.gz", distributions.sdist_bytes("cheddar", "0.1"), provenance="/gone")


def test_it_is_offered_at_an_absolute_address_of_ours_where_the_upstream_has_it(affineur):
    for row in affineur.page("cheddar")["files"]:
        version = row["filename"].split("-")[1]
        assert "provenance" in row
        if version == "1.1":
            assert row["provenance"] is None
        else:
            assert row["provenance"].startswith("https://packages.example.org/packages/main/")


@pytest.mark.parametrize("version", ["1.0", "1.2"])
def test_it_is_served_as_the_upstream_has_it(affineur, version):
    (row,) = (row for row in affineur.page("cheddar")["files"] if row["filename"].split("-")[1] == version)
    answer = affineur.get(row["provenance"].removeprefix("https://packages.example.org"))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/vnd.pypi.integrity.v1+json"
    assert answer.json() == DOCUMENT
    bundle = answer.json()["attestation_bundles"][0]
    assert answer.json()["version"] == 1
    assert bundle["publisher"]["kind"] == "GitHub"
    assert "claims" in bundle["publisher"]


def test_html_offers_it_at_the_same_address(affineur):
    text = affineur.get("/main/simple/cheddar/").text
    for row in affineur.page("cheddar")["files"]:
        assert (f'data-provenance="{row["provenance"]}"' in text) == (row["provenance"] is not None)


def test_a_file_without_one_has_none(affineur):
    (row,) = (row for row in affineur.page("cheddar")["files"] if row["provenance"] is None)
    answer = affineur.get(row["url"].removeprefix("https://packages.example.org") + ".provenance")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_it_stays_when_the_upstream_is_gone(affineur, upstream):
    (row,) = (row for row in affineur.page("cheddar")["files"] if row["filename"].split("-")[1] == "1.0")
    path = row["provenance"].removeprefix("https://packages.example.org")
    assert affineur.get(path).json() == DOCUMENT
    upstream.stop()
    try:
        answer = affineur.get(path)
    finally:
        upstream.restart()
    assert answer.status_code == 200
    assert answer.json() == DOCUMENT
