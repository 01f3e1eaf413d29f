"""Who may no longer read an index is told nothing more of it: no message, no feed, no list."""

import contextlib
import sqlite3

import pytest

from affineur.client import Answered, Client
from tests.support.advisories import osv, raw
from tests.support.polling import eventually
from tests.support.server import Affineur
from tests.support.webhooks import Hooks

CONFIG = """
[indexes.closed]
sources = ["public"]
anonymous = false
"""
LOCK = [{"name": "requirements.txt", "text": "gouda==1.0\n"}]


@pytest.fixture
def server(tmp_path, upstream):
    upstream.wheel("gouda", "1.0")
    with Affineur(tmp_path / "data", upstream.url, config=CONFIG, AFFINEUR_WEBHOOK_NETWORKS="127.0.0.0/8") as made:
        yield made


@pytest.fixture
def admin(server):
    return Client(server.url, server.token("*", "admin", "root"))


def imported(server, tmp_path, *records):
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"\n".join(map(raw, records)))
    server.command("advisories", "import", str(path))


def test_rights_count_when_news_are_told(server, tmp_path, admin):
    ada, bob = (Client(server.url, server.token("closed", "read", user)) for user in ("ada", "bob"))
    adas_other = Client(server.url, server.token("main", "read", "ada"))
    feed = ada.call("monitor feeds")["json"].partition("/feeds/")[2]
    with Hooks() as adas, Hooks() as bobs:
        for name, user, hooks in (("shop", "ada", adas), ("till", "bob", bobs)):
            admin.call("monitor add", name=name, lock=LOCK, index="closed", owner=user, tell=[hooks.target])
        imported(server, tmp_path, osv("A-1", "gouda"))
        assert eventually(lambda: adas.got and bobs.got)
        assert len(server.get(f"/feeds/{feed}").json()["items"]) == 1
        assert [row["lock"] for row in ada.call("monitor alerts")] == ["shop"]

        (token,) = [row["id"] for row in admin.call("token list") if (row["user"], row["indexes"]) == ("ada", "closed")]
        admin.call("token revoke", id=token)
        imported(server, tmp_path, osv("A-2", "gouda"))
        assert eventually(lambda: len(bobs.got) == 2)
        assert eventually(lambda: not waiting(server))
        assert len(adas.got) == 1
        assert "news withheld" in server.log.read_text()
        assert server.get(f"/feeds/{feed}").json()["items"] == []
        assert adas_other.call("monitor alerts") == []
        (row,) = adas_other.call("monitor list")
        assert (row["name"], row["alerts"]) == ("shop", 0)
        with pytest.raises(Answered, match="about closed, which this token may not read"):
            adas_other.call("monitor show", name="shop")
        assert [row["lock"] for row in bob.call("monitor alerts")] == ["till", "till"]
        with pytest.raises(Answered, match="ada would be told nothing"):
            admin.call("monitor add", name="more", lock=LOCK, index="closed", owner="ada")
        admin.call("monitor add", name="free", lock=LOCK, index="main", owner="ada")
        assert adas_other.call("monitor remove", name="shop")


def waiting(server):
    """How many notices were not made into messages yet."""
    with contextlib.closing(sqlite3.connect(server.data / "catalog.db", timeout=30)) as database:
        return database.execute("SELECT count(*) FROM notices").fetchone()[0]
