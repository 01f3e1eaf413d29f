"""What is sent for files that the gate refuses, byte for byte."""

import json

import pytest

from tests.support.distributions import wheel_name
from tests.support.polling import eventually
from tests.support.upstream import days_ago

CONFIG = """
[policies.standard.lists]
deny = [{ match = "sour", reason = "smells" }, { match = "ghost", reason = "nobody registered it" }]
"""


@pytest.fixture(scope="module")
def configuration():
    return CONFIG


@pytest.fixture(scope="module", autouse=True)
def projects(upstream):
    upstream.wheel("aging", "1.0", keys={"upload-time": days_ago(50)})
    upstream.wheel("aging", "2.0", keys={"upload-time": days_ago(1)})
    upstream.wheel("fresh", "1.0", keys={"upload-time": days_ago(1)})
    upstream.wheel("fresh", "1.1", keys={"upload-time": days_ago(0)})
    upstream.wheel("sour", "1.0", keys={"upload-time": days_ago(50)})
    upstream.sdist("oddly", "2004d", keys={"upload-time": days_ago(1)})


def rows(affineur, project, index="main"):
    return {row["filename"]: row for row in affineur.page(project, index)["files"]}


def test_a_refused_file_beside_others_is_listed_as_yanked_with_the_reason(affineur, raw):
    found = rows(affineur, "aging")
    assert found[wheel_name("aging", "1.0")]["yanked"] is False
    refused = found[wheel_name("aging", "2.0")]
    assert refused["yanked"].startswith("held by cooldown: 2.0 is 1 day old, 3 days are asked; free on ")
    assert refused["_refused"] == refused["yanked"]
    assert affineur.get(refused["url"] + ".metadata").status_code == 200
    html = affineur.get("/main/simple/aging/", headers={"Accept": "text/html"}).text
    assert html.count("data-yanked") == 1
    assert 'data-yanked="held by cooldown: 2.0 is 1 day old' in html


def test_the_bytes_of_a_refused_file_answer_403_with_the_reason(affineur, raw):
    address = rows(affineur, "aging")[wheel_name("aging", "2.0")]["url"]
    answer, body = raw(address)
    assert answer.status == 403
    assert answer.reason.startswith("held by cooldown: 2.0 is 1 day old, 3 days are asked; free on ")
    assert f"; see {affineur.url}/why/" in answer.reason
    assert len(answer.reason) <= 200
    assert answer.getheader("Content-Type") == "application/problem+json"
    problem = json.loads(body)
    assert problem["status"] == 403
    assert problem["detail"].startswith("held by cooldown: 2.0")
    assert problem["instance"] in answer.reason


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-9"}, {"If-None-Match": "*"}])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_way_of_asking_gets_the_bytes(affineur, raw, method, headers):
    for project, filename in (("aging", wheel_name("aging", "2.0")), ("sour", wheel_name("sour", "1.0"))):
        address = rows(affineur, project)[filename]["url"]
        answer, _ = raw(address, method=method, headers=headers)
        assert answer.status == 403


def test_the_upstream_is_not_asked_for_refused_bytes(affineur, upstream, raw):
    address = rows(affineur, "aging")[wheel_name("aging", "2.0")]["url"]
    raw(address)
    assert not [path for path in upstream.asked(wheel_name("aging", "2.0")) if not path.endswith(".metadata")]


def test_when_all_is_refused_nothing_is_yanked_and_the_metadata_answers_403_too(affineur, raw):
    found = rows(affineur, "fresh")
    assert [row["yanked"] for row in found.values()] == [False, False]
    for row in found.values():
        assert raw(row["url"])[0].status == 403
        answer, _ = raw(row["url"] + ".metadata")
        assert answer.status == 403
        assert answer.reason.startswith("held by cooldown")


def test_a_name_without_files_that_is_refused_has_a_tombstone(affineur, raw):
    found = rows(affineur, "ghost")
    assert list(found) == ["ghost-0+held.by.policy-py3-none-any.whl"]
    row = found["ghost-0+held.by.policy-py3-none-any.whl"]
    assert row["_affineur"] == "tombstone"
    for suffix in ("", ".metadata"):
        answer, _ = raw(row["url"] + suffix)
        assert answer.status == 403
        assert "ghost is on the list of what is denied: nobody registered it" in answer.reason
    assert affineur.get("/main/pypi/ghost/json").status_code == 404
    roots = affineur.get("/main/simple/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}).json()
    assert "ghost" not in {project["name"] for project in roots["projects"]}


def test_the_list_of_projects_leaves_out_those_refused_as_a_whole(affineur):
    for project in ("aging", "fresh", "sour"):
        affineur.page(project)
        affineur.page(project, "public")

    def listed(index):
        form = {"Accept": "application/vnd.pypi.simple.v1+json"}
        return {row["name"] for row in affineur.get(f"/{index}/simple/", headers=form).json()["projects"]}

    assert eventually(lambda: "sour" not in listed("main"))
    assert {"aging", "fresh"} <= listed("main")
    assert "sour" in listed("public")


def test_a_name_nobody_speaks_against_is_just_unknown(affineur):
    assert affineur.get("/main/simple/nowhere/").status_code == 404


def test_a_refused_project_is_told_to_uv_on_the_page(affineur, raw):
    for project in ("sour", "ghost"):
        answer, body = raw(f"/main/simple/{project}/", headers={"User-Agent": "uv/0.13.8"})
        assert answer.status == 451
        assert answer.getheader("Content-Type") == "application/problem+json"
        assert json.loads(body)["detail"].startswith(f"denied by lists: {project} is on the list")
        for agent in ("pip/26.3", "poetry/2.5", "", "uvicorn"):
            answer, _ = raw(f"/main/simple/{project}/", headers={"User-Agent": agent})
            assert answer.status == 200
            assert "User-Agent" in answer.getheader("Vary")
    answer, _ = raw("/main/simple/fresh/", headers={"User-Agent": "uv/0.13.8"})
    assert answer.status == 200
    assert "User-Agent" not in answer.getheader("Vary")


def test_other_indexes_have_their_own_policy(affineur):
    found = rows(affineur, "fresh", "public")
    assert affineur.get(found[wheel_name("fresh", "1.0")]["url"]).status_code == 200


def test_the_reason_has_a_page_and_a_document(affineur, raw):
    address = rows(affineur, "aging")[wheel_name("aging", "2.0")]["url"]
    path = json.loads(raw(address)[1])["instance"].removeprefix(affineur.url)
    told = affineur.get(path, headers={"Accept": "application/json"}).json()
    assert told["filename"] == wheel_name("aging", "2.0")
    assert told["decision"] == "held"
    verdicts = {verdict["rule"]: verdict["effect"] for verdict in told["verdicts"]}
    assert verdicts["cooldown"] == "hold"
    assert verdicts["lists"] == "allow"
    page = affineur.get(path, headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "held by cooldown: 2.0 is 1 day old" in page.text
    assert affineur.get("/why/" + "0" * 20).status_code == 404


def test_why_on_the_terminal(affineur):
    made = affineur.command("why", "aging==2.0", "--format", "json", check=False)
    assert made.returncode == 3
    assert json.loads(made.stdout)[0]["decision"] == "held"
    said = affineur.command("why", "aging", check=False).stdout
    assert "aging-2.0-py3-none-any.whl in main: held" in said
    assert "aging-1.0-py3-none-any.whl in main: pending" in said
    assert "affineur waiver ask aging==2.0 --rule cooldown --index main" in said


def test_why_of_a_requirements_file_tells_what_nobody_has_among_the_others(affineur, tmp_path):
    file = tmp_path / "requirements.txt"
    file.write_text("nowhere==1.0\naging==2.0\naging>=1\naging==9.0\n")
    made = affineur.command("why", "-r", str(file), "--format", "json", check=False)
    assert made.returncode == 3
    told = [(one["filename"], one["decision"]) for one in json.loads(made.stdout)]
    young, old = wheel_name("aging", "2.0"), wheel_name("aging", "1.0")
    assert told == [
        ("nowhere==1.0", "unknown"),
        (young, "held"),
        (young, "held"),
        (old, "pending"),
        ("aging==9.0", "unknown"),
    ]
    said = affineur.command("why", "-r", str(file), check=False).stdout
    assert "aging==9.0 in main: unknown\n  aging==9.0: main has no such release of aging" in said


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("aging==9.0", "aging==9.0: main has no such release of aging"),
        ("aging-9.0.tar.gz", "aging-9.0.tar.gz: no such file in main"),
        ("aging @ https://files.example.org/aging-1.0.tar.gz", "is an address, not a project of an index"),
    ],
)
def test_why_of_what_is_not_there_says_what_is_missing(affineur, asked, told):
    made = affineur.command("why", asked, check=False)
    assert made.returncode == 1
    assert told in made.stderr


def test_the_way_out_that_is_told_can_be_gone_whatever_the_version(affineur):
    (told,) = json.loads(affineur.command("why", "oddly-2004d.tar.gz", "--format", "json", check=False).stdout)
    words = told["waiver"].replace("'...'", "old").split()
    assert words[:4] == ["affineur", "waiver", "ask", "oddly-2004d.tar.gz"]
    asked = json.loads(affineur.command(*words[1:], "--format", "json").stdout)
    assert asked["scope"] == "oddly-2004d.tar.gz"


@pytest.mark.parametrize("days", ["1e12", "nan", "-1"])
def test_days_without_end_are_a_mistake_and_not_a_failure(affineur, days):
    made = affineur.command(
        "waiver", "ask", "aging", "--rule", "cooldown", "--reason", "x", "--days", days, check=False
    )
    assert made.returncode == 1
    assert "Traceback" not in made.stderr
    assert "affineur: " in made.stderr


def test_a_waiver_lets_pass_from_the_next_request_on_and_not_after_it_is_revoked(affineur):
    address = rows(affineur, "fresh")[wheel_name("fresh", "1.0")]["url"]
    assert affineur.get(address).status_code == 403
    ask = ("waiver", "ask", "fresh==1.0", "--rule", "cooldown", "--reason", "we wrote it", "--quiet")
    waiver = affineur.command(*ask).stdout.strip()
    assert affineur.get(address).status_code == 403
    own = affineur.command("waiver", "grant", waiver, check=False)
    assert own.returncode == 1
    assert "somebody else grants it" in own.stderr
    token = affineur.token("*", "admin", "grace")
    header = {"Authorization": f"Bearer {token}"}
    import requests

    granted = requests.post(f"{affineur.url}/api/v1/waiver/grant", json={"id": waiver}, headers=header, timeout=30)
    assert granted.json()["state"] == "granted"
    assert affineur.get(address).status_code == 200
    assert rows(affineur, "fresh")[wheel_name("fresh", "1.1")]["yanked"].startswith("held by cooldown")
    affineur.command("waiver", "revoke", waiver)
    assert affineur.get(address).status_code == 403
    log = json.loads(affineur.command("ledger", "log", "--kind", "waiver", "--format", "json").stdout)
    told = [(entry["kind"], entry["actor"] == "grace") for entry in log if entry["data"]["id"] == waiver]
    assert told == [("waiver.asked", False), ("waiver.granted", True), ("waiver.revoked", False)]
