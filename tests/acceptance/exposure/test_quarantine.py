"""A release put under quarantine is served to nobody from the next request on, and those who have it are told."""

import subprocess
import sys

import pytest

from affineur.client import Answered, Client
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.polling import eventually
from tests.support.server import clean_environment


@pytest.fixture(scope="module")
def admin(affineur):
    return Client(affineur.url, affineur.token("*", "admin", "root"))


def statuses(affineur, project, version, index="main"):
    (row,) = (row for row in affineur.page(project, index)["files"] if f"-{version}-" in row["filename"])
    path = row["url"].removeprefix(affineur.url)
    return affineur.get(path), row


def test_one_release_of_a_mirrored_project(affineur, upstream, admin, tmp_path):
    for version in ("1.0", "2.0"):
        upstream.wheel("holey", version)
    assert [statuses(affineur, "holey", version)[0].status_code for version in ("1.0", "2.0")] == [200, 200]
    made = admin.call("withdraw quarantine", project="holey==2.0", reason="steals\n tokens")
    assert (made["project"], made["status"], made["reason"]) == ("holey==2.0", "quarantined", "steals tokens")
    assert {row["index"]: row["served"] for row in made["indexes"]} == {"main": False, "public": False}
    for index in ("main", "public"):
        answer, row = statuses(affineur, "holey", "2.0", index)
        assert answer.status_code == 403
        assert "held by quarantine: holey==2.0 was quarantined by root on" in answer.reason
        assert "steals tokens" in row["yanked"]
        assert statuses(affineur, "holey", "1.0", index)[0].status_code == 200
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "-d", str(tmp_path)]
    done = subprocess.run(
        [*command, "-i", affineur.index(), "holey==2.0"], env=clean_environment(), capture_output=True, text=True
    )
    assert done.returncode
    assert "was quarantined by root" in done.stdout + done.stderr
    assert eventually(lambda: admin.call("ledger log", kind="file.quarantined"))
    with pytest.raises(Answered, match=r"not under quarantine; there are holey==2\.0"):
        admin.call("withdraw activate", project="holey")
    assert admin.call("withdraw activate", project="holey==2.0")["status"] == "active"
    assert statuses(affineur, "holey", "2.0")[0].status_code == 200


def test_a_project_before_anybody_asked_for_it_and_a_range(affineur, upstream, admin):
    upstream.wheel("unseen", "1.0")
    admin.call("withdraw quarantine", project="unseen")
    answer, _ = statuses(affineur, "unseen", "1.0")
    assert (answer.status_code, "held by quarantine: unseen was" in answer.reason) == (403, True)
    admin.call("withdraw activate", project="unseen")
    admin.call("withdraw quarantine", project="unseen>=2")
    assert statuses(affineur, "unseen", "1.0")[0].status_code == 200


def test_only_what_comes_from_a_source(affineur, upstream, admin):
    upstream.wheel("sourced", "1.0")
    admin.call("withdraw quarantine", project="sourced==1.0", source="internal")
    assert statuses(affineur, "sourced", "1.0")[0].status_code == 200
    admin.call("withdraw quarantine", project="sourced==1.0", source="public")
    assert statuses(affineur, "sourced", "1.0")[0].status_code == 403


def test_a_release_of_an_uploaded_project(affineur, admin, token):
    for version in ("1.0", "2.0"):
        assert affineur.upload(wheel_name("homemade", version), wheel_bytes("homemade", version), token=token).ok
    admin.call("withdraw quarantine", project="homemade==1.0", reason="key inside")
    assert [statuses(affineur, "homemade", version)[0].status_code for version in ("1.0", "2.0")] == [403, 200]


def test_no_waiver_lifts_it_and_only_administrators_of_all_set_it_everywhere(affineur, admin):
    with pytest.raises(Answered, match="withdraw activate"):
        admin.call("waiver ask", scope="holey", rule="quarantine", reason="please")
    some = Client(affineur.url, affineur.token("internal", "admin", "ines"))
    with pytest.raises(Answered, match="right admin"):
        some.call("withdraw quarantine", project="holey")
    with pytest.raises(Answered, match="is not under quarantine"):
        some.call("withdraw activate", project="nothing-here", source="internal")


def test_who_has_it_is_told(affineur, upstream, admin):
    upstream.wheel("widely", "1.0")
    secrets = {user: affineur.token("*", "read", user) for user in ("ada", "bob", "eve", "zoe")}
    for user, name in (("ada", "shop"), ("bob", "bob"), ("zoe", "zoe")):
        admin.call("user mail", name=user, mail=f"{name}@example.org")
    document = {"name": "r.txt", "text": "widely==1.0\n"}
    ada = Client(affineur.url, secrets["ada"])
    ada.call("monitor add", name="shop", lock=[document], tell=["mail:shop@example.org"])
    Client(affineur.url, secrets["bob"]).call("monitor prefer", tell=["mail:bob@example.org"])
    other = [{**document, "text": "brie==1.0\n"}]
    Client(affineur.url, secrets["zoe"]).call("monitor add", name="till", lock=other, tell=["mail:zoe@example.org"])
    path = affineur.page("widely")["files"][0]["url"].removeprefix(affineur.url)
    for user in ("bob", "eve", "zoe"):
        assert affineur.get(path, auth=("x", secrets[user])).status_code == 200
    affineur.get(path)
    assert eventually(lambda: admin.call("exposure", what="widely")["times"] == 4)
    made = admin.call("withdraw quarantine", project="widely==1.0", reason="a thief", notify=True)
    assert (made["told"], made["untold"], made["anonymous"]) == (["ada", "bob", "zoe"], ["eve"], 1)
    waiting = [row for row in admin.call("notify list") if row["subject"] == "widely==1.0 is under quarantine"]
    assert sorted((row["owner"], row["channel"]) for row in waiting) == [
        ("ada", "mail"),
        ("bob", "mail"),
        ("zoe", "mail"),
    ]
