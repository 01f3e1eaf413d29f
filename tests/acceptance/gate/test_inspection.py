"""Content is seen before it leaves: at the first request where listings are eager, ahead where they are strict."""

import pytest

from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.polling import eventually

CONFIG = """
[policies.eager]
startup_code = true
[policies.strict]
extends = "eager"
listing = "strict"
[indexes.eager]
sources = ["public"]
policy = "eager"
[indexes.strict]
sources = ["public"]
policy = "strict"
"""
EVIL = {"evil.pth": b"import os,base64;exec(base64.b64decode('aW1wb3J0IG9zO29zLnN5c3RlbSgiY3VybCBoIik='))\n"}


@pytest.fixture(scope="module")
def configuration():
    return CONFIG


@pytest.fixture(scope="module", autouse=True)
def projects(upstream):
    for prefix in ("now", "ahead"):
        upstream.wheel(f"{prefix}-good", "1.0")
        filename = wheel_name(f"{prefix}-evil", "1.0")
        upstream.add(f"{prefix}-evil", filename, wheel_bytes(f"{prefix}-evil", "1.0", files=EVIL))
        upstream.wheel(f"{prefix}-evil", "0.9")


def row(affineur, project, index, version="1.0"):
    (found,) = [r for r in affineur.page(project, index)["files"] if r["filename"] == wheel_name(project, version)]
    return found


def test_an_eager_listing_shows_it_and_the_bytes_wait_for_the_inspection(affineur, upstream):
    evil = row(affineur, "now-evil", "eager")
    assert evil["yanked"] is False
    answer = affineur.get(evil["url"])
    assert answer.status_code == 403
    assert answer.reason.startswith("held by startup_code: ")
    assert b"base64" not in answer.content
    assert "held by startup_code" in row(affineur, "now-evil", "eager")["yanked"]
    good = row(affineur, "now-good", "eager")
    assert affineur.get(good["url"]).content == upstream.bodies[good["filename"]]
    before = len(upstream.asked(evil["filename"]))
    assert affineur.get(evil["url"]).status_code == 403
    assert len(upstream.asked(evil["filename"])) == before


def test_a_strict_listing_shows_it_as_yanked_until_it_was_inspected_ahead(affineur, upstream):
    assert row(affineur, "ahead-good", "strict")["yanked"] == "not inspected yet"
    assert row(affineur, "ahead-evil", "strict")["yanked"] == "not inspected yet"
    assert eventually(lambda: row(affineur, "ahead-good", "strict")["yanked"] is False)
    assert eventually(lambda: "held by startup_code" in str(row(affineur, "ahead-evil", "strict")["yanked"]))
    assert upstream.asked(wheel_name("ahead-good", "1.0"))
    assert affineur.get(row(affineur, "ahead-good", "strict")["url"]).status_code == 200
    assert affineur.get(row(affineur, "ahead-evil", "strict")["url"]).status_code == 403
