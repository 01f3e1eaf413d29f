"""Yank, unyank, delete, undelete and status: the same by command on a folder in use, and over the API."""

import time

import pytest

from affineur.client import Answered, Client
from tests.support.distributions import sdist_bytes, sdist_name, wheel_bytes, wheel_name


@pytest.fixture(scope="module")
def settings():
    return {"AFFINEUR_DELETE_GRACE": "8"}


@pytest.fixture(scope="module")
def admin(affineur):
    return Client(affineur.url, affineur.token("*", "admin", "root"))


@pytest.fixture
def release(affineur, token, name):
    """A release with a wheel and an sdist, and an older one."""
    for version in ("0.9", "1.0"):
        affineur.upload(wheel_name(name, version), wheel_bytes(name, version), token=token)
    affineur.upload(sdist_name(name, "1.0"), sdist_bytes(name, "1.0"), token=token)
    return f"{name}==1.0"


def rows(affineur, name):
    return {row["filename"]: row for row in affineur.page(name)["files"]}


def events(admin, name):
    log = admin.call("ledger log", project=name)
    return [(entry["kind"], entry["actor"]) for entry in log if entry["kind"] != "file.uploaded"]


def test_yank_and_unyank_over_the_api(affineur, admin, name, release):
    before = affineur.get(f"/main/simple/{name}/").headers["ETag"]
    reason = "holes <b>\x1b[31m\nmore"
    concerned = admin.call("withdraw yank", release=release, reason=reason)
    assert {file["filename"] for file in concerned} == {wheel_name(name, "1.0"), sdist_name(name, "1.0")}
    found = rows(affineur, name)
    assert found[wheel_name(name, "1.0")]["yanked"] == found[sdist_name(name, "1.0")]["yanked"] == "holes <b> [31m more"
    assert found[wheel_name(name, "0.9")]["yanked"] is False
    page = affineur.get(f"/main/simple/{name}/")
    assert 'data-yanked="holes &lt;b&gt; [31m more"' in page.text
    assert page.headers["ETag"] != before
    assert affineur.get(found[wheel_name(name, "1.0")]["url"]).status_code == 200

    admin.call("withdraw unyank", release=release)
    assert [row["yanked"] for row in rows(affineur, name).values()] == [False] * 3
    admin.call("withdraw yank", release=release)
    assert rows(affineur, name)[wheel_name(name, "1.0")]["yanked"] is True
    assert events(admin, name) == [("release.yanked", "root"), ("release.unyanked", "root"), ("release.yanked", "root")]


def test_commands_on_the_folder_in_use(affineur, admin, name, release):
    said = affineur.command("withdraw", "yank", release, "--reason", "holes").stdout
    assert f"yanked {wheel_name(name, '1.0')}" in said
    assert rows(affineur, name)[wheel_name(name, "1.0")]["yanked"] == "holes"
    affineur.command("withdraw", "unyank", release)
    assert affineur.command("withdraw", "delete", release, check=False, stdin="n\n").returncode == 1
    assert len(rows(affineur, name)) == 3
    affineur.command("withdraw", "delete", release, "--yes")
    assert list(rows(affineur, name)) == [wheel_name(name, "0.9")]
    assert [kind for kind, _ in events(admin, name)] == ["release.yanked", "release.unyanked", "release.deleted"]


def test_delete_and_undelete_within_the_grace_period(affineur, admin, name, release, token):
    address = rows(affineur, name)[wheel_name(name, "1.0")]["url"]
    admin.call("withdraw delete", release=release)
    assert list(rows(affineur, name)) == [wheel_name(name, "0.9")]
    for suffix in ("", ".metadata"):
        assert affineur.get(address + suffix).status_code == 404
    assert affineur.upload(wheel_name(name, "1.0"), wheel_bytes(name, "1.0"), token=token).status_code == 400

    brought_back = admin.call("withdraw undelete", release=release)
    assert {file["filename"] for file in brought_back} == {wheel_name(name, "1.0"), sdist_name(name, "1.0")}
    assert len(rows(affineur, name)) == 3
    assert affineur.get(address).content == wheel_bytes(name, "1.0")
    assert affineur.upload(wheel_name(name, "1.0"), wheel_bytes(name, "1.0"), token=token).status_code == 200
    assert [kind for kind, _ in events(admin, name)] == ["release.deleted", "release.undeleted"]


def test_undelete_after_the_grace_period(admin, name, release):
    admin.call("withdraw delete", release=release)
    time.sleep(8.1)
    with pytest.raises(Answered, match="deleted too long ago") as caught:
        admin.call("withdraw undelete", release=release)
    assert caught.value.status == 404


def test_name_stays_owned_when_every_release_is_deleted(affineur, admin, name, release, upstream):
    admin.call("withdraw delete", release=release)
    admin.call("withdraw delete", release=f"{name}==0.9")
    assert rows(affineur, name) == {}
    assert upstream.asked(name) == []


def test_status_is_shown_and_entered(affineur, admin, name, release):
    for verb, status in (("deprecate", "deprecated"), ("archive", "archived"), ("quarantine", "quarantined")):
        answer = admin.call(f"withdraw {verb}", project=name, reason="because\nof it")
        assert (answer["project"], answer["status"], answer["reason"]) == (name, status, "because of it")
        assert affineur.page(name)["project-status"] == {"status": status, "reason": "because of it"}
        html = affineur.get(f"/main/simple/{name}/").text
        assert f'<meta name="pypi:project-status" content="{status}">' in html
    admin.call("withdraw activate", project=name)
    assert affineur.page(name).get("project-status", {"status": "active"})["status"] == "active"
    assert len(rows(affineur, name)) == 3
    assert [kind for kind, _ in events(admin, name)] == ["project.status"] * 4


WRONG = {
    "no such release": ("withdraw yank", {"release": "nothing==1.0"}, 404),
    "no version": ("withdraw yank", {"release": "nothing"}, 400),
    "no version at all": ("withdraw delete", {"release": "nothing==x"}, 400),
    "no such source": ("withdraw yank", {"release": "nothing==1.0", "source": "public"}, 404),
    "nothing deleted": ("withdraw undelete", {"release": "nothing==1.0"}, 404),
    "no such project": ("withdraw archive", {"project": "nothing"}, 404),
    "no name": ("withdraw archive", {"project": "-"}, 400),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_there_is_told(admin, case):
    operation, fields, status = WRONG[case]
    with pytest.raises(Answered) as caught:
        admin.call(operation, **fields)
    assert caught.value.status == status


def test_uploader_does_not_withdraw(affineur, token, release):
    client = Client(affineur.url, token)
    for operation in ("yank", "unyank", "delete", "undelete"):
        with pytest.raises(Answered) as caught:
            client.call(f"withdraw {operation}", release=release)
        assert caught.value.status == 403


def test_administrator_of_another_source_does_not_withdraw(affineur, release):
    client = Client(affineur.url, affineur.token("staging", "admin", "sam"))
    with pytest.raises(Answered) as caught:
        client.call("withdraw yank", release=release)
    assert caught.value.status == 403
