"""Locks are watched by a real server: an advisory arrives, and whom it concerns is told within seconds."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
import requests

from tests.support.advisories import malware, osv
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.mail import smtp
from tests.support.polling import until
from tests.support.server import Affineur
from tests.support.tls import certificate
from tests.support.webhooks import Hooks


@pytest.fixture
def mails(tmp_path):
    """A mail server in the clear: its inbox and its port."""
    with smtp("plain", certificate(tmp_path)) as made:
        yield made


@pytest.fixture
def server(tmp_path, upstream, mails):
    settings = {"WEBHOOK_NETWORKS": "127.0.0.0/8", "FRESH_FOR": "0", "SMTP_HOST": "127.0.0.1", "SMTP_SECURITY": "plain"}
    settings |= {"SMTP_PORT": str(mails[1]), "SMTP_FROM": "index@example.org"}
    named = {f"AFFINEUR_{name}": value for name, value in settings.items()}
    with Affineur(tmp_path / "data", upstream.url, config="fresh_for = 0\n", **named) as made:
        made.admin = made.token("*", "admin", "root")
        yield made


@pytest.fixture
def hooks():
    with Hooks() as made:
        yield made


def call(server, operation, token, **fields):
    return requests.post(
        f"{server.url}/api/v1/{operation}", json=fields, headers={"Authorization": f"Bearer {token}"}, timeout=30
    )


def watch(server, tmp_path, hooks, text, name="shop", tell=(), **more):
    lock = {"name": "requirements.txt", "text": text}
    answer = ask(server, "monitor/add", name=name, lock=[lock], owner="ada", tell=[hooks.target, *tell], **more)
    answer.raise_for_status()
    return answer.json()


def ask(server, operation, **fields):
    """Have an administrator ask."""
    return call(server, operation, server.admin, **fields)


def alerts(server, **more):
    return ask(server, "monitor/alerts", **more).json()


def imported(server, tmp_path, *records):
    path = tmp_path / f"feed-{time.monotonic_ns()}.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records))
    ask(server, "advisories/import", source=str(path)).raise_for_status()


def items(hooks):
    return [item for body in hooks.bodies for item in body["items"]]


def test_an_advisory_is_told_within_seconds_and_the_alert_closes_itself(server, tmp_path, hooks, upstream, mails):
    upstream.wheel("gouda", "1.0")
    upstream.wheel("gouda", "1.1")
    made = watch(server, tmp_path, hooks, "gouda==1.0\nbrie==2.0\n", tell=["mail:team@example.org"])
    assert (made["pins"], made["unpinned"]) == (2, [])
    hooks.secret = made["secrets"][hooks.target]
    until(lambda: server.page("gouda")["files"])
    record = osv(
        "GHSA-1", "gouda", fixed="1.1", aliases=["CVE-2026-1"], summary="<b>Holes</b> everywhere",
        database_specific={"severity": "HIGH"},
    )  # fmt: skip
    imported(server, tmp_path, record)
    began = time.monotonic()
    until(lambda: hooks.got and mails[0].mails)
    assert time.monotonic() - began < 5
    assert mails[0].mails[0]["Subject"] == hooks.bodies[0]["subject"]
    assert "<b>Holes</b>" not in mails[0].mails[0].get_body(("html",)).get_content()
    assert hooks.verified()
    (item,) = items(hooks)
    assert (item["news"], item["kind"], item["project"], item["version"]) == ("opened", "advisory", "gouda", "1.0")
    assert (item["locks"], item["fix"]["version"]) == (["shop"], "1.1")
    assert item["commands"] == ["affineur audit requirements.txt --fix --write"]
    (row,) = alerts(server)
    assert (row["state"], row["ids"][:2]) == ("open", ["GHSA-1", "CVE-2026-1"])
    imported(server, tmp_path, {**record, "modified": "2026-05-01T00:00:00Z"})
    watch(server, tmp_path, hooks, "gouda==1.1\nbrie==2.0\n")
    until(lambda: len(hooks.got) == 2)
    assert [(item["news"], item["version"]) for item in items(hooks)] == [("opened", "1.0"), ("closed", "1.0")]
    assert not hooks.bodies[-1]["urgent"]
    assert alerts(server) == []
    assert [row["version"] for row in alerts(server, state="closed")] == ["1.0"]


def test_malware_is_urgent_and_a_withdrawn_record_closes_its_alert(server, tmp_path, hooks):
    watch(server, tmp_path, hooks, "gouda==1.0\n")
    record = malware("MAL-1", "gouda", ["1.0"])
    imported(server, tmp_path, record)
    until(lambda: hooks.got)
    assert hooks.bodies[0]["urgent"]
    assert "malware" in hooks.bodies[0]["subject"]
    gone = {**record, "modified": "2026-05-01T00:00:00Z", "withdrawn": "2026-05-01T00:00:00Z"}
    imported(server, tmp_path, gone)
    until(lambda: len(hooks.got) == 2)
    assert [item["news"] for item in items(hooks)] == ["opened", "closed"]


def test_what_the_author_withdraws_is_told(server, tmp_path, hooks):
    token = server.token()
    body = wheel_bytes("gouda", "1.0")
    assert server.upload(wheel_name("gouda", "1.0"), body, token=token).ok
    assert server.upload(wheel_name("gouda", "1.1"), wheel_bytes("gouda", "1.1"), token=token).ok
    watch(server, tmp_path, hooks, "gouda==1.0\n")
    ask(server, "withdraw/yank", release="gouda==1.0", reason="it burns")
    until(lambda: hooks.got)
    assert [(item["kind"], item["summary"]) for item in items(hooks)] == [
        ("yanked", "its author withdrew this release: it burns")
    ]
    ask(server, "withdraw/archive", project="gouda")
    until(lambda: len(hooks.got) == 2)
    ask(server, "withdraw/delete", release="gouda==1.0")
    until(lambda: "missing" in {item["kind"] for item in items(hooks)})
    assert {row["kind"] for row in alerts(server)} == {"archived", "missing"}


def test_a_security_release_is_told_with_when_it_is_free(server, tmp_path, hooks, upstream):
    upstream.wheel("gouda", "1.0")
    watch(server, tmp_path, hooks, "gouda==1.0\n")
    until(lambda: server.page("gouda")["files"])
    imported(server, tmp_path, osv("GHSA-1", "gouda", fixed="1.1"))
    until(lambda: hooks.got)
    assert items(hooks)[0]["fix"] is None or not items(hooks)[0]["fix"]["listed"]
    upstream.wheel("gouda", "1.1")
    server.page("gouda")
    until(lambda: len(hooks.got) == 2)
    item = items(hooks)[1]
    assert (item["news"], item["fix"]["version"]) == ("security-release", "1.1")
    assert item["fix"]["passes"] or item["fix"]["free_at"]


def test_ci_posts_a_lock_with_a_token_that_may_read(server, tmp_path, hooks):
    token = server.token("main", "read", "ci")
    other = server.token("main", "read", "eve")
    document = {"name": "requirements.txt", "text": "gouda==1.0\n"}
    fields = {"name": "till", "lock": [document], "tell": ["mail:team@elsewhere.example"]}
    refused = call(server, "monitor/add", token, **fields)
    assert (refused.status_code, "affineur user mail" in refused.json()["detail"]) == (403, True)
    server.command("user", "mail", "ci", "team@elsewhere.example")
    assert call(server, "monitor/add", token, **fields).json()["owner"] == "ci"
    assert call(server, "monitor/add", token, **{**fields, "tell": []}).json()["tell"] == [
        "mail:team@elsewhere.example"
    ]
    assert call(server, "monitor/add", other, **{**fields, "tell": []}).status_code == 409
    assert call(server, "monitor/add", other, **{**fields, "name": "x", "owner": "ci"}).status_code == 403
    with_hook = {**fields, "tell": [hooks.target]}
    assert call(server, "monitor/add", token, **with_hook).status_code == 403
    assert call(server, "monitor/prefer", token, tell=["mail:eve@elsewhere.example"]).status_code == 403
    assert ask(server, "monitor/add", **with_hook, owner="ci").ok
    assert call(server, "monitor/add", token, **with_hook).json()["tell"] == [hooks.target], "as it was named for them"
    assert call(server, "monitor/add", token, **{**with_hook, "name": "another"}).status_code == 403
    assert call(server, "monitor/show", other, name="till").status_code == 404
    assert [row["name"] for row in call(server, "monitor/list", token).json()] == ["till"]
    assert call(server, "monitor/list", other).json() == []
    large = call(server, "monitor/add", other, name="large", lock=[{**document, "text": "# " + "x" * 2**23}])
    assert (large.status_code, "larger than 8388608" in large.json()["detail"]) == (400, True)
    feed = call(server, "monitor/feeds", token, lock="till").json()["json"]
    assert requests.get(feed, timeout=10).ok
    ask(server, "monitor/add", name="till", lock=[document], owner="eve").raise_for_status()
    assert requests.get(feed, timeout=10).status_code == 404, "it is another's now"
    ask(server, "monitor/add", name="till", lock=[document], owner="ci").raise_for_status()
    assert call(server, "monitor/remove", other, name="till").status_code == 404
    assert call(server, "monitor/remove", token, name="till").ok


def test_a_muted_lock_says_nothing_and_an_acknowledged_alert_only_changes(server, tmp_path, hooks):
    watch(server, tmp_path, hooks, "gouda==1.0\nbrie==1.0\n")
    ask(server, "monitor/mute", name="shop")
    imported(server, tmp_path, osv("A-1", "gouda"))
    until(lambda: alerts(server))
    ask(server, "monitor/mute", name="shop", days=0)
    imported(server, tmp_path, osv("A-2", "brie"))
    until(lambda: hooks.got)
    assert [item["ids"] for item in items(hooks)] == [["A-2"]]
    by_id = {row["ids"][0]: row["id"] for row in alerts(server)}
    ask(server, "monitor/acknowledge", alerts=[by_id["A-2"]])
    assert {row["ids"][0]: row["state"] for row in alerts(server)} == {"A-1": "open", "A-2": "acknowledged"}
    ask(server, "monitor/mute", name="shop", alert=by_id["A-1"])
    watch(server, tmp_path, hooks, "cheddar==1.0\n")
    until(lambda: len(hooks.got) == 2)
    assert [(item["news"], item["ids"]) for item in items(hooks)[1:]] == [("closed", ["A-2"])]
    assert alerts(server) == []


def test_links_of_a_message_act_only_when_the_button_is_pressed(server, tmp_path, hooks):
    watch(server, tmp_path, hooks, "gouda==1.0\n")
    imported(server, tmp_path, osv("A-1", "gouda", summary="<i>holes</i>"))
    until(lambda: hooks.got)
    (item,) = items(hooks)
    page = requests.get(item["acknowledge"], timeout=10)
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"], "no click is to be lured onto it"
    assert (page.status_code, "A-1" in page.text, '<form method="post">' in page.text) == (200, True, True)
    assert alerts(server)[0]["state"] == "open", "looking changes nothing"
    assert "1 alert is acknowledged" in requests.post(item["acknowledge"], timeout=10).text
    assert alerts(server)[0]["state"] == "acknowledged"
    requests.post(item["mute"], timeout=10)
    assert alerts(server)[0]["state"] == "muted"
    assert requests.post(item["mute"][:-2] + "AA", timeout=10).status_code == 404
    assert requests.post(hooks.bodies[0]["stop"], data={"List-Unsubscribe": "One-Click"}, timeout=10).ok
    assert ask(server, "monitor/show", name="shop").json()["tell"] == []
    feeds_tell_the_same(server)


def feeds_tell_the_same(server):
    addresses = ask(server, "monitor/feeds", lock="shop").json()
    atom = requests.get(addresses["atom"], timeout=10)
    titles = [entry.text for entry in ElementTree.fromstring(atom.content).iter("{http://www.w3.org/2005/Atom}title")]
    assert titles == ["affineur: shop", "gouda 1.0: vulnerability (A-1) in shop (muted)"]
    assert atom.headers["Content-Type"].startswith("application/atom+xml")
    again = requests.get(addresses["atom"], headers={"If-None-Match": atom.headers["ETag"]}, timeout=10)
    assert again.status_code == 304
    rss = ElementTree.fromstring(requests.get(addresses["rss"], timeout=10).content)
    assert next(item.findtext("description") for item in rss.iter("item")).startswith("<i>holes</i>")
    (row,) = requests.get(addresses["json"], timeout=10).json()["items"]
    assert row["tags"] == ["advisory", "muted"]
    fresh = ask(server, "monitor/feeds", lock="shop", new=True).json()
    assert requests.get(addresses["atom"], timeout=10).status_code == 404
    assert requests.get(fresh["atom"], timeout=10).ok
    assert requests.get(f"{server.url}/feeds/{'A' * 43}.atom", timeout=10).status_code == 404


def test_what_a_user_downloads_is_watched_without_a_lock(server, tmp_path, hooks, upstream):
    upstream.wheel("gouda", "1.0")
    token = server.token("main", "read", "ada")
    row = server.page("gouda")["files"][0]
    headers = {"Authorization": f"Bearer {token}"}
    assert server.get(row["url"], headers=headers).ok
    fields = {"name": "use", "by_use": "user:ada", "tell": [hooks.target], "owner": "ada"}
    until(lambda: ask(server, "monitor/add", **fields).json()["pins"] == 1)
    imported(server, tmp_path, osv("A-1", "gouda"), osv("A-2", "brie"))
    until(lambda: hooks.got)
    assert [(item["project"], item["locks"]) for item in items(hooks)] == [("gouda", ["use"])]
    assert call(server, "monitor/add", token, name="other", by_use="user:root").status_code == 403


def test_what_deserves_a_look_is_listed(server, tmp_path, hooks, upstream):
    upstream.wheel("gouda", "1.0", keys={"upload-time": "2020-01-01T00:00:00Z"})
    upstream.wheel("brie", "1.0", keys={"upload-time": f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"})
    watch(server, tmp_path, hooks, "gouda==1.0\nbrie==1.0\n")
    rows = until(lambda: ask(server, "monitor/report", name="shop").json())
    assert [(row["project"], row["why"][:14]) for row in rows] == [("gouda", "no release for")]
    assert rows[0]["last_release"].startswith("2020-01-01")


def test_a_release_by_another_publisher_is_told(server, tmp_path, hooks, upstream):
    def release(version, repository):
        keys = {"provenance": upstream.provenance(wheel_name("gouda", version), repository)}
        upstream.wheel("gouda", version, keys=keys)
        server.page("gouda")

    release("1.0", "cheese/gouda")
    watch(server, tmp_path, hooks, "gouda==1.0\n")
    release("1.1", "cheese/gouda")
    release("1.2", "mallory/gouda")
    until(lambda: items(hooks))
    (item,) = items(hooks)
    assert (item["news"], item["kind"], item["version"]) == ("opened", "publisher", "1.0")
    assert "1.2, was published by GitHub mallory/gouda release.yml" in item["summary"]


def test_what_waits_for_quiet_hours_is_told_when_they_are_taken_back(server, tmp_path, hooks):
    token = server.token("main", "read", "ada")
    watch(server, tmp_path, hooks, "gouda==1.0\n")
    begin = datetime.now(UTC) - timedelta(hours=1)
    quiet = f"{begin:%H:%M}-{begin + timedelta(hours=12):%H:%M}"
    call(server, "monitor/prefer", token, quiet=quiet).raise_for_status()
    imported(server, tmp_path, osv("A-1", "gouda"))
    until(lambda: alerts(server))
    assert not hooks.got
    call(server, "monitor/prefer", token, quiet="none").raise_for_status()
    until(lambda: hooks.got)


def test_what_is_downloaded_later_is_watched_too(server, tmp_path, hooks, upstream):
    upstream.wheel("gouda", "1.0")
    imported(server, tmp_path, osv("A-1", "gouda"))
    token = server.token("main", "read", "ada")
    ask(server, "monitor/add", name="use", by_use="user:ada", tell=[hooks.target], owner="ada").raise_for_status()
    until(lambda: ask(server, "monitor/show", name="use").ok)
    address = server.page("gouda")["files"][0]["url"]
    assert server.get(address, headers={"Authorization": f"Bearer {token}"}).ok
    until(lambda: hooks.got)
    assert [(item["ids"], item["locks"]) for item in items(hooks)] == [(["A-1"], ["use"])]


def test_a_changed_policy_is_told_of_the_locks_whose_files_it_refuses(server, tmp_path, hooks, upstream):
    wheel, sdist = upstream.wheel("gouda", "1.0"), upstream.sdist("gouda", "1.0")
    digests = {row["filename"]: row["hashes"]["sha256"] for row in server.page("gouda")["files"]}
    watch(server, tmp_path, hooks, f"gouda==1.0 --hash=sha256:{digests[wheel]}\n", name="binary")
    watch(server, tmp_path, hooks, f"gouda==1.0 --hash=sha256:{digests[sdist]}\n", name="source")
    watch(server, tmp_path, hooks, "gouda==1.0\n", name="either")
    server.config.write_text('[policies.standard]\nfile_kinds = "wheels"\n')
    server.process.send_signal(signal.SIGHUP)
    until(lambda: hooks.got)
    assert [(item["kind"], item["locks"]) for item in items(hooks)] == [("refused", ["source"])]
    server.config.write_text("fresh_for = 0\n")
    server.process.send_signal(signal.SIGHUP)
    until(lambda: len(hooks.got) == 2)
    assert [(item["news"], item["locks"]) for item in items(hooks)[1:]] == [("closed", ["source"])]


def test_every_place_named_counts_and_an_administrator_leaves_a_lock_to_its_owner(server, tmp_path):
    token = server.token("main", "read", "till")
    document = {"name": "r.txt", "text": "gouda==1.0\n"}
    call(server, "monitor/add", token, name="shop", lock=[document]).raise_for_status()
    (tmp_path / "r.txt").write_text("gouda==1.1\n")
    places = ["--tell", "mail:a@example.org,mail:b@example.org", "--tell", "mail:c@example.org"]
    server.command("monitor", "add", "shop", "-r", str(tmp_path / "r.txt"), *places)
    assert [row["name"] for row in call(server, "monitor/list", token).json()] == ["shop"], "it is till's still"
    told = call(server, "monitor/show", token, name="shop").json()["tell"]
    assert told == ["mail:a@example.org", "mail:b@example.org", "mail:c@example.org"]
    two = ask(server, "monitor/add", name="two", lock=[document, {**document, "name": "s.txt"}], owner="till")
    assert (two.status_code, "one file" in two.json()["detail"]) == (400, True)
    for nobody in ("user:nosuch", "token:nosuch"):
        assert ask(server, "monitor/add", name="z", by_use=nobody, owner="till").status_code == 404
