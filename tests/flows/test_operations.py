"""Operations: the same on a data folder and on a server, as command, over HTTP and as a library."""

import contextlib
import json
import os

import pytest
import requests

from affineur.client import Answered, Client
from affineur.errors import Invalid
from affineur.model.principals import Right
from affineur.operations.table import TABLE
from tests.support.databases import postgresql
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.server import Affineur


@pytest.fixture
def admin(affineur):
    return affineur.token("*", "admin", "root")


def test_command_acts_on_a_server_with_the_same_answer(affineur, admin):
    here = affineur.command("ledger", "log", "--format", "json").stdout
    there = affineur.command("ledger", "log", "--format", "json", "--server", affineur.url, "--token", admin).stdout
    assert json.loads(here) == json.loads(there)
    kinds = [entry["kind"] for entry in json.loads(here)]
    assert [kind for kind in kinds if kind != "policy.changed"] == ["user.added", "token.created"]


def test_library_calls_operations(affineur, admin):
    client = Client(affineur.url, admin)
    made = client.call("token create", user="root", index=["internal"], rights=["upload"])
    answer = affineur.upload(wheel_name("gouda", "1.0"), wheel_bytes("gouda", "1.0"), token=made["secret"])
    assert answer.status_code == 200
    assert client.call("withdraw yank", release="gouda==1.0", reason="holes") == [
        {"filename": wheel_name("gouda", "1.0")}
    ]
    assert affineur.page("gouda")["files"][0]["yanked"] == "holes"
    with pytest.raises(Answered, match="no such release") as caught:
        client.call("withdraw yank", release="gouda==9.0")
    assert caught.value.status == 404


def test_the_ledger_says_who_administers(affineur, admin):
    client = Client(affineur.url, admin)
    before = client.call("ledger log")[-1]["serial"]
    client.call("user add", name="eve")
    made = client.call("token create", user="eve")
    client.call("token revoke", id=made["id"])
    entries = client.call("ledger log", after=before)
    assert [(entry["kind"], entry["actor"]) for entry in entries] == [
        ("user.added", "root"), ("token.created", "root"), ("token.revoked", "root")
    ]  # fmt: skip
    assert entries[1]["data"]["user"] == "eve"


@pytest.mark.parametrize("days", [-1, 1e30])
def test_days_of_a_token_are_bounded(affineur, admin, days):
    with pytest.raises(Answered, match="--days") as caught:
        Client(affineur.url, admin).call("token create", user="root", days=days)
    assert caught.value.status == 400


def test_every_operation_wants_a_token_with_the_right(affineur):
    reader = affineur.token("*", "read", "bob")
    for operation in TABLE:
        path = f"/api/v1/{operation.path}"
        assert affineur.get(path).status_code in {401, 405}, operation.name
        answer = affineur.get(path, headers={"Authorization": f"Bearer {reader}"})
        allowed = {200} if operation.right is Right.READ else {403}
        assert answer.status_code in {400, 405, *allowed}, operation.name


def test_a_token_for_the_default_index_suffices_where_no_index_is_named(affineur):
    token = affineur.token("main", "read", "bob")
    other = affineur.token("internal", "read", "eve")
    lock = {"name": "requirements.txt", "text": "six==1.0\n"}

    def asked(token, operation, **fields):
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(f"{affineur.url}/api/v1/{operation}", json=fields, headers=headers, timeout=30).status_code

    assert asked(token, "audit", files=[lock], offline=True) == 200
    assert asked(other, "audit", files=[lock], offline=True) == 403
    assert asked(other, "audit", files=[lock], offline=True, index="internal") == 200
    assert asked(other, "convert", source=[lock], output="requirements.txt") == 200


def test_changes_are_not_made_by_get(affineur, admin):
    answer = affineur.get("/api/v1/user/add?name=eve", headers={"Authorization": f"Bearer {admin}"})
    assert answer.status_code == 405
    assert "eve" not in affineur.command("user", "list").stdout


def test_a_field_that_does_not_exist_is_refused_and_not_left_out(affineur, admin):
    client = Client(affineur.url, admin)
    with pytest.raises(
        Answered, match="no field 'projects' \\(did you mean 'project'\\?\\); there are user, index"
    ) as caught:
        client.call("token create", user="root", rights=["upload"], projects=["gouda"])
    assert caught.value.status == 400
    with pytest.raises(Answered, match="no field 'admin'"):
        client.call("user add", name="eve", admin=True)
    answer = affineur.get("/api/v1/ledger/log?limt=1", headers={"Authorization": f"Bearer {admin}"})
    assert (answer.status_code, "did you mean 'limit'" in answer.json()["detail"]) == (400, True)


def test_users_have_a_mail_address(affineur, admin):
    client = Client(affineur.url, admin)
    assert client.call("user add", name="eve", mail="eve@example.org") == {"name": "eve", "mail": "eve@example.org"}
    for wrong in ("nobody", "a@b c", "a@example.org, b@example.org"):
        with pytest.raises(Answered, match="a mail address") as caught:
            client.call("user mail", name="eve", mail=wrong)
        assert caught.value.status == 400
    client.call("user mail", name="eve", mail="e@example.org")
    assert client.call("user list") == [{"name": "eve", "mail": "e@example.org"}, {"name": "root", "mail": ""}]
    assert affineur.command("user", "mail", "eve").stdout == "eve: no address\n"
    with pytest.raises(Answered, match="no such user"):
        client.call("user mail", name="nobody")


def test_wrong_field_is_named(affineur, admin):
    answer = affineur.get("/api/v1/ledger/log?limit=many", headers={"Authorization": f"Bearer {admin}"})
    assert answer.status_code == 400
    assert "limit" in answer.json()["detail"]
    for number in ("-5", "9" * 20):
        answer = affineur.get(f"/api/v1/ledger/log?limit={number}", headers={"Authorization": f"Bearer {admin}"})
        assert answer.status_code == 400
        assert "limit" in answer.json()["detail"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("prune", "--yes", "--keep", "-1"),
        ("prune", "--yes", "--older-than", "nan"),
        ("job", "list", "--limit", "-5"),
        ("job", "list", "--limit", "9" * 30),
        ("notify", "list", "--limit", "0"),
        ("report", "downloads", "--days", "inf"),
        ("waiver", "ask", "gouda", "--rule", "cooldown", "--reason", "now", "--days", "1e300"),
    ],
)
def test_numbers_out_of_bounds_are_told_in_a_sentence(affineur, admin, arguments):
    for where in ((), ("--server", affineur.url, "--token", admin)):
        told = affineur.command(*arguments, *where, check=False)
        assert (told.returncode, told.stdout) == (1, "")
        assert told.stderr.startswith(f"affineur: {arguments[-2]} ")
        assert "a number from " in told.stderr
        assert "Traceback" not in told.stderr


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_texts_that_no_database_keeps_are_refused(tmp_path, upstream, database):
    with (
        contextlib.nullcontext("") if database == "sqlite" else postgresql() as address,
        Affineur(tmp_path / "data", upstream.url, AFFINEUR_DATABASE=address) as server,
    ):
        headers = {"Authorization": f"Bearer {server.token('*', 'admin,read', 'root')}"}
        for path in ("ledger/log?kind=a%00b", "monitor/show?name=%00", "why?what=gouda%00"):
            answer = server.get(f"/api/v1/{path}", headers=headers)
            assert (answer.status_code, "NUL" in answer.json()["detail"]) == (400, True)
        answer = requests.post(
            f"{server.url}/api/v1/user/add", data=b'{"name": "\\ud800"}', headers=headers, timeout=30
        )
        assert answer.status_code == 400
        with pytest.raises(Invalid, match="cannot be sent"):
            Client(server.url, headers["Authorization"][7:]).call("user add", name="\ud800")
        refused = server.command("ledger", "log", "--kind", os.fsdecode(b"a\xff"), check=False)
        assert (refused.returncode, "--kind: it holds what is no character" in refused.stderr) == (1, True)


def test_openapi_describes_every_operation(affineur):
    described = affineur.get("/api/v1/openapi.json").json()
    assert set(described["paths"]) == {f"/api/v1/{operation.path}" for operation in TABLE}
    limit = described["components"]["schemas"]["JobList"]["properties"]["limit"]
    assert (limit["minimum"], limit["maximum"]) == (1, 2**31 - 1)
    assert all(operation.help in affineur.get("/api/docs").text for operation in TABLE[:2])


def test_destructive_command_asks(affineur):
    token = affineur.token()
    affineur.upload(wheel_name("gouda", "1.0"), wheel_bytes("gouda", "1.0"), token=token)
    refused = affineur.command("withdraw", "delete", "gouda==1.0", check=False, stdin="n\n")
    assert refused.returncode == 1
    assert affineur.page("gouda")["files"]
    affineur.command("withdraw", "delete", "gouda==1.0", "--yes")
    assert affineur.page("gouda")["files"] == []


def test_readers_see_what_became_of_the_waivers_they_asked_for(affineur, admin):
    ada, bob = (Client(affineur.url, affineur.token("main", "read", user)) for user in ("ada", "bob"))
    asked = ada.call("waiver ask", scope="gouda", rule="cooldown", reason="now", index="main")
    bob.call("waiver ask", scope="brie", rule="cooldown", reason="me too", index="main")
    Client(affineur.url, admin).call("waiver deny", id=asked["id"], note="wait")
    (row,) = ada.call("waiver list")
    assert (row["id"], row["state"], row["note"]) == (asked["id"], "denied", "wait")
    assert [row["scope"] for row in bob.call("waiver list", state="asked")] == ["brie"]
    assert {row["scope"] for row in Client(affineur.url, admin).call("waiver list")} == {"gouda", "brie"}
    with pytest.raises(Answered, match="lacks the right"):
        ada.call("waiver deny", id=asked["id"])
