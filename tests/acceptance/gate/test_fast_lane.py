"""A release that fixes a hole in something that is in use here does not wait as long as others."""

import json
from datetime import UTC, datetime

import pytest

from tests.support.distributions import wheel_name
from tests.support.polling import eventually
from tests.support.upstream import days_ago


@pytest.fixture(scope="module", autouse=True)
def projects(upstream):
    for name, later in (("mended", "cheese/mended"), ("taken", "mallory/taken")):
        for version, days, repository in (("1.0", 90, f"cheese/{name}"), ("1.1", 1, later)):
            filename = wheel_name(name, version)
            keys = {"upload-time": days_ago(days), "provenance": upstream.provenance(filename, repository)}
            upstream.wheel(name, version, keys=keys)
    upstream.wheel("unused", "1.0", keys={"upload-time": days_ago(90)})
    upstream.wheel("unused", "1.1", keys={"upload-time": days_ago(1)})


def advisory(project):
    affected = {
        "package": {"ecosystem": "PyPI", "name": project},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
    }
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"id": f"EX-{project}", "modified": moment, "affected": [affected], "summary": "a hole"}


def refused(affineur, project):
    return [row["filename"] for row in affineur.page(project)["files"] if row["yanked"]]


def test_only_the_fix_of_what_is_used_by_the_publisher_it_had_passes(affineur, tmp_path):
    for project in ("mended", "taken", "unused"):
        assert refused(affineur, project) == [wheel_name(project, "1.1")]
        if project != "unused":
            address = affineur.page(project)["files"][0]["url"]
            assert affineur.get(address).status_code == 200
    assert eventually(lambda: affineur.used("mended") == affineur.used("taken") == {"1.0"})
    records = tmp_path / "advisories.jsonl"
    records.write_text("".join(json.dumps(advisory(name)) + "\n" for name in ("mended", "taken", "unused")))
    affineur.command("advisories", "import", str(records))
    assert refused(affineur, "mended") == []
    assert affineur.get(affineur.page("mended")["files"][1]["url"]).status_code == 200
    assert refused(affineur, "taken") == [wheel_name("taken", "1.1")]
    assert refused(affineur, "unused") == [wheel_name("unused", "1.1")]
    told = affineur.command("why", "taken==1.1", check=False).stdout
    assert "its publisher is GitHub mallory/taken release.yml, that of 1.0 was GitHub cheese/taken release.yml" in told
