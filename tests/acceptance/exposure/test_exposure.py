"""Who has a release: told of real installs through a running server, on each database."""

import csv
import functools
import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from affineur.client import Answered, Client
from affineur.model.locks import LockKind
from affineur.model.names import ProjectName
from affineur.storage.catalog import locks
from affineur.storage.catalog.database import Catalog
from affineur.storage.catalog.locks import KeptLock, Pinned
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.polling import eventually
from tests.support.server import clean_environment

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def configuration():
    return '[indexes.strict]\nsources = ["internal", "public"]\npolicy = "strict"\n[policies.strict]\nlists = { deny = ["litellm==1.82.7"] }\n'


@pytest.fixture(scope="module", autouse=True)
def projects(upstream):
    for version in ("1.82.6", "1.82.7", "1.82.9"):
        upstream.wheel("litellm", version)
    upstream.sdist("litellm", "1.82.7")
    upstream.wheel("agent", "1.0", requires=["litellm>=1.82"])
    upstream.wheel("agent", "2.0", requires=["litellm>=1.82,!=1.82.7"])
    upstream.wheel("tool", "3.0", requires=['litellm==1.82.7; extra == "ai"'])
    upstream.wheel("former", "1.0", requires=["litellm"])
    upstream.wheel("former", "2.0")


def keep(affineur, database, name, owner, *pins):
    url = database.replace("postgresql://", "postgresql+psycopg://") or f"sqlite:///{affineur.data / 'catalog.db'}"
    catalog = Catalog.open(url)
    lock = KeptLock(name, owner, "main", LockKind.REQUIREMENTS, "r.txt", b"", (), NOW, NOW, owner)
    catalog.write_now(locks.keep, lock, [Pinned(ProjectName(project), version) for project, version in pins])
    catalog.close()


@pytest.fixture(scope="module", autouse=True)
def installed(affineur, database, projects, tmp_path_factory):
    """A day's work: ada installs with pip, CI fetches two files of the same release, an app depends on it."""
    folder = tmp_path_factory.mktemp("installed")
    secret = affineur.token("main", "read", "ada")
    index = affineur.index().replace("://", f"://ada:{secret}@")
    for wanted in ("litellm==1.82.7", "litellm==1.82.9", "agent==1.0", "agent==2.0", "tool", "former==1.0", "former"):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "-q", "-d", str(folder)]
        environment = clean_environment(BUILD_ID="7") if wanted == "litellm==1.82.7" else clean_environment()
        subprocess.run([*command, "-i", index, wanted], env=environment, check=True, timeout=60)
    for row in affineur.page("litellm")["files"]:
        if "1.82.7" in row["filename"]:
            answer = affineur.get(row["url"].removeprefix(affineur.url), headers={"User-Agent": "uv/0.9.2"})
            assert answer.status_code == 200
    body = wheel_bytes("ours", "1.0", requires=["LiteLLM[proxy]~=1.82.5"])
    uploader = affineur.token("internal", "upload", "ada")
    fields = {"requires_dist": "LiteLLM[proxy]~=1.82.5"}
    assert affineur.upload(wheel_name("ours", "1.0"), body, token=uploader, fields=fields).ok
    keep(affineur, database, "shop", "bob", ("litellm", "1.82.7"), ("agent", "1.0"))
    keep(affineur, database, "site", "eve", ("litellm", "1.82.6"))
    assert eventually(lambda: told(affineur, "litellm==1.82.7")["times"] == 3)


@functools.cache
def client(affineur):
    return Client(affineur.url, affineur.token("*", "admin", "root"))


def told(affineur, what, **more):
    return client(affineur).call("exposure", what=what, **more)


def test_who_took_it_when_through_what_and_with_what(affineur):
    made = told(affineur, "litellm==1.82.7")
    assert (made["times"], made["requesters"], made["left_out"], made["unrecorded"]) == (3, 2, 0, 0)
    uv, pip = sorted(made["downloads"], key=lambda row: row["client"], reverse=True)
    assert (pip["principal"], pip["client"], pip["ci"], pip["index"], pip["version"]) == (
        "ada", "pip", True, "main", "1.82.7",
    )  # fmt: skip
    assert pip["token"]
    assert pip["python"].startswith("3.11")
    assert (uv["principal"], uv["client_version"], uv["times"]) == ("", "0.9.2", 2)
    first, last = (datetime.fromisoformat(made[name]) for name in ("first", "last"))
    assert NOW - timedelta(seconds=1) <= first <= last <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("what", "times"),
    [("litellm", 4), ("LiteLLM", 4), ("litellm>=1.82.7,<1.82.9", 3), ("litellm==1.82.9", 1), ("litellm==9", 0), ("no", 0)],
)  # fmt: skip
def test_a_project_or_a_range_of_it(affineur, what, times):
    made = told(affineur, what)
    assert made["times"] == times
    assert (made["first"] is None) == (times == 0)


def test_only_within_a_time_and_through_an_index(affineur):
    day = NOW.date()
    assert told(affineur, "litellm", between=f"{day - timedelta(1)}..{day + timedelta(1)}")["times"] == 4
    assert told(affineur, "litellm", between=f"..{day - timedelta(1)}")["times"] == 0
    assert told(affineur, "litellm", between=f"{(NOW + timedelta(hours=1)).isoformat()}..")["times"] == 0
    assert told(affineur, "litellm", index="main")["times"] == 4
    assert told(affineur, "litellm", index="strict")["times"] == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"what": "lite*"}, "one project is wanted"),
        ({"what": "litellm-1.82.7-py3-none-any.whl"}, "one project is wanted"),
        ({"between": "yesterday"}, "two days or moments are wanted"),
        ({"between": "2026-13-01.."}, "a day (2026-11-01) or a moment"),
        ({"between": "2026-11-05..2026-11-01"}, "the end comes before the beginning"),
        ({"index": "nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_asked_is_told(affineur, arguments, problem):
    with pytest.raises(Answered) as answered:
        told(affineur, **{"what": "litellm", **arguments})
    assert problem in answered.value.sentence


def test_locks_that_hold_it(affineur):
    assert told(affineur, "litellm==1.82.7")["locks"] == [{"lock": "shop", "owner": "bob", "version": "1.82.7"}]
    assert [row["lock"] for row in told(affineur, "litellm")["locks"]] == ["shop", "site"]


def test_what_each_index_does_with_it_today(affineur):
    rows = {row["index"]: row for row in told(affineur, "litellm==1.82.7")["indexes"]}
    assert set(rows) == {"public", "main", "strict"}
    assert rows["public"] == {"index": "public", "version": "1.82.7", "served": True, "sentence": ""}
    assert not rows["strict"]["served"]
    assert "denied by lists: litellm==1.82.7" in rows["strict"]["sentence"]


def test_what_depends_on_it_here(affineur):
    rows = {row["project"]: row for row in told(affineur, "litellm==1.82.7")["dependents"]}
    assert set(rows) == {"agent", "tool", "ours"}, "the newest release of `former` requires it no more"
    assert (rows["agent"]["version"], rows["agent"]["accepts"], rows["agent"]["versions"]) == (
        "2.0", False, ["2.0", "1.0"],
    )  # fmt: skip
    assert (rows["tool"]["accepts"], rows["tool"]["requirement"]) == (True, 'litellm==1.82.7; extra == "ai"')
    assert (rows["ours"]["source"], rows["ours"]["accepts"]) == ("internal", True)
    assert all(row["accepts"] for row in told(affineur, "litellm")["dependents"])


def test_on_a_terminal_and_as_csv(affineur):
    lines = affineur.command("exposure", "litellm==1.82.7").stdout.splitlines()
    assert lines[0].startswith("litellm==1.82.7: downloaded 3 times by 2 requesters, first 20")
    assert any("1.82.7 through main by ada (token " in line and "in CI: once" in line for line in lines)
    assert "  shop of bob: 1.82.7" in lines
    assert "  public serves 1.82.7" in lines
    text = affineur.command("exposure", "litellm==1.82.7", "--format", "csv", "--limit", "1").stdout
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["version"], row["client"], row["times"]) == ("1.82.7", "uv", "2")
    assert told(affineur, "litellm==1.82.7", limit=1)["left_out"] == 5


def test_a_cell_that_spreadsheets_would_compute_is_a_text(affineur):
    (row,) = (row for row in affineur.page("former")["files"] if "1.0" in row["filename"])
    path = row["url"].removeprefix(affineur.url)
    affineur.get(path, headers={"User-Agent": "+cmd|calc/1"})
    assert eventually(lambda: told(affineur, "former")["downloads"][0]["client"] == "+cmd|calc")
    text = affineur.command("exposure", "former", "--format", "csv").stdout
    assert "'+cmd|calc" in [row["client"] for row in csv.DictReader(io.StringIO(text))]


def test_lists_come_as_csv_and_other_results_do_not(affineur):
    text = affineur.command("index", "list", "--format", "csv").stdout
    assert text.splitlines()[0] == "name,sources,policy,anonymous"
    assert 'main,"internal,public",standard,True' in text
    done = affineur.command("index", "show", "main", "--format", "csv", check=False)
    assert done.returncode == 2
    assert "table or json is wanted" in done.stderr


def test_over_http_it_takes_an_administrator(affineur):
    reader = affineur.token("*", "read", "rita")
    with pytest.raises(Answered, match="right admin"):
        Client(affineur.url, reader).call("exposure", what="litellm")


def test_counts_by_the_day(affineur):
    rows = client(affineur).call("report downloads", project="litellm", by="version")
    assert {row["what"]: row["times"] for row in rows} == {"1.82.7": 3, "1.82.9": 1}
    with pytest.raises(Answered, match="one of project, version"):
        client(affineur).call("report downloads", by="colour")
