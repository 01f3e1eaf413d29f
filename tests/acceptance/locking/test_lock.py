"""Locks: resolved by the real uv through the gate, and installed by the real pip and uv from the index."""

import contextlib
import json
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.support.locking import LINUX, MAC, WINDOWS, pins, post
from tests.support.polling import eventually
from tests.support.server import Affineur, clean_environment


def installed(target):
    return sorted(path.name.removesuffix(".dist-info") for path in Path(target).glob("*.dist-info"))


def test_a_lock_is_complete_and_installs_with_its_hashes_alone(affineur, lock):
    done = lock("-o", "requirements.txt", text="fondue\nraclette>=1\n")
    text = (lock.folder / "requirements.txt").read_text()
    assert pins(text) == {"fondue": "1.0", "gruyere": "2.0", "kirsch": "1.0", "raclette": "1.0"}
    assert "    # via -r requirements.in\ngruyere==2.0 \\\n" in text
    assert re.search(r'kirsch==1.0 ; sys_platform == "win32" \\\n    --hash=sha256:\w{64}\n    # via fondue\n', text)
    assert "127.0.0.1" not in text
    assert done.stdout.startswith("locked 4 projects with 4 files of main in requirements.txt, for Python >=3.")
    pip = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--quiet", "--require-hashes", "--target", "pip"]
    uv = [Path(sys.executable).with_name("uv"), "pip", "sync", "--no-cache", "--require-hashes", "--target", "uv"]
    for command, file in ((pip, ["-r", "requirements.txt"]), (uv, ["requirements.txt"])):
        subprocess.run(
            [*command, "--index-url", affineur.index(), *file], cwd=lock.folder, check=True, timeout=120,
            env=clean_environment(),
        )  # fmt: skip
        assert installed(lock.folder / command[-1]) == ["fondue-1.0", "gruyere-2.0", "raclette-1.0"]


def test_what_the_gate_holds_back_is_said_with_the_day_it_frees(lock):
    day = datetime.now(UTC) + timedelta(days=2)
    done = lock(text="fondue\n")
    assert pins(done.stdout)["gruyere"] == "2.0"
    assert re.search(
        rf"gruyere 2\.5 is held by cooldown: 2\.5 is 1 day old, 3 days are asked; free on {day:%Y-%m-%d} .*"
        r"\(locked: 2\.0\)",
        done.stderr,
    )
    assert "3.0" not in done.stderr


def test_what_only_the_gate_refuses_is_not_locked_and_the_reason_is_said(affineur, lock, made):
    done = lock("-o", "requirements.txt", text="gruyere==2.5\n", check=False)
    assert done.returncode == 1
    assert not (lock.folder / "requirements.txt").exists()
    for said in (done.stderr, made("gruyere==2.5\n"), made("gruyere>2,<3\n")):
        assert re.search(r"gruyere.*: held by cooldown: 2\.5 is 1 day old, 3 days are asked; free on ", said)
    token = affineur.token("hard", "read", "hugo")
    answer = post(affineur, token, "roquefort\n", index="hard")
    assert answer.status_code == 422
    assert "roquefort: denied by lists: " in answer.json()["detail"]


def test_files_that_are_named_limit_and_add(lock):
    (lock.folder / "limits.txt").write_text("gruyere<2\n")
    (lock.folder / "base.in").write_text("fondue\n")
    text = lock(text="-r base.in\n-c limits.txt\nraclette\n").stdout
    assert pins(text)["gruyere"] == "1.0"
    assert "    # via -r base.in\n" in text
    assert "    #   -c limits.txt\n    #   fondue\n" in text


def test_pyproject_with_an_extra_and_a_group(lock, made):
    text = """
[project]
name = "party"
requires-python = ">=3.12"
dependencies = ["gruyere"]
[project.optional-dependencies]
warm = ["fondue"]
[dependency-groups]
test = ["raclette"]
"""
    assert pins(made(text, name="pyproject.toml")) == {"gruyere": "3.0"}
    done = lock("--extra", "warm", "--group", "test", text=text, name="pyproject.toml")
    assert pins(done.stdout) == {"fondue": "1.0", "gruyere": "2.0", "kirsch": "1.0", "raclette": "1.0"}
    assert "    # via party (pyproject.toml:test)\n" in done.stdout
    assert "for Python >=3.12" in done.stderr


def hashes_of(upstream, *filenames):
    return {upstream.projects["curds"][name]["hashes"]["sha256"] for name in filenames}


def named(python, platform, version="1.0"):
    return f"curds-{version}-{python}-{python}-{platform}.whl"


def test_hashes_are_those_of_the_platforms_and_pythons_asked_for(lock, made, upstream):
    def hashes_in(text):
        entry = re.search(r"^curds.*?(?=^\S)", text, re.MULTILINE | re.DOTALL)[0]
        return set(re.findall(r"sha256:(\w{64})", entry))

    asked = "curds\nfondue\n"
    text = lock("--python", "3.11", "--platform", "linux-x86_64", text=asked).stdout
    assert text.startswith(
        "# affineur lock requirements.in --index main --python 3.11 --platform linux-x86_64\ncurds==1.1 \\\n"
    )
    assert hashes_in(text) == hashes_of(upstream, named("cp311", LINUX, "1.1"))
    assert "kirsch" not in text
    text = made(asked, python=["3.11"], platform=["linux-x86_64", "windows-amd64"])
    assert hashes_in(text) == hashes_of(upstream, named("cp311", LINUX), named("cp311", WINDOWS))
    assert "\nfondue==1.0 \\\n" in text
    assert re.search(r"^kirsch==1\.0 ; .*sys_platform == .win32.", text, re.MULTILINE)
    text = made(asked, python=["3.11", "3.13"], platform=["macos-arm64"])
    assert hashes_in(text) == hashes_of(upstream, named("cp311", MAC), named("cp313", MAC))
    assert hashes_in(made(asked)) == hashes_of(upstream, named("cp311", LINUX, "1.1"))
    assert len(hashes_in(made("curds<1.1\nfondue\n"))) == 6


def test_a_platform_without_a_file_is_said(made):
    assert "curds" in made("curds\n", python=["3.12"], platform=["windows-amd64"])
    assert "'amiga' is no platform that is known" in made("curds\n", platform=["amiga"])


def test_what_the_usual_machines_cannot_install_is_said(lock, affineur, reader):
    done = lock(text="curd-knife\nknife-block\nrake; sys_platform == 'win32'\n")
    (note,) = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    python = f"Python 3.{sys.version_info.minor}"
    without = f"linux-x86_64 {python}, macos-arm64 {python}"
    assert note.startswith(f"note: curd-knife 1.0 cannot be installed on {without}: no file that passes fits")
    assert post(affineur, reader, "curd-knife\n").json()["notes"] == [note.removeprefix("note: ")]
    # It is as many as are named, and a chosen platform without a file is an error.
    assert "note: " not in lock("--platform", "windows-amd64", text="curd-knife\n").stderr
    done = lock("--platform", "linux-x86_64", text="curd-knife\n", check=False)
    assert done.returncode == 1 and "curd-knife" in done.stderr
    done = lock("--python", "3.11,3.13", text="curds==1.1\n", check=False)
    assert done.returncode == 1 and "curds" in done.stderr


def test_nothing_asked_for_is_an_empty_lock(lock):
    done = lock("-o", "requirements.txt", text="# nothing yet\n")
    assert (lock.folder / "requirements.txt").read_text() == (
        "# affineur lock requirements.in --output requirements.txt --index main\n"
    )
    assert "locked 0 projects" in done.stdout and "note: nothing is asked for" in done.stdout
    lock("-o", "pylock.toml", text="")
    assert "packages = []" in (lock.folder / "pylock.toml").read_text()


def test_as_of_a_day(made):
    day = (datetime.now(UTC) - timedelta(days=85)).date()
    assert pins(made("gruyere\n", as_of=str(day))) == {"gruyere": "1.0"}
    assert "--as-of: 'yesterday' is no day such as 2026-11-01" in made("gruyere\n", as_of="yesterday")


def test_pylock_names_files_by_the_address_of_the_server(affineur, lock, reader):
    done = lock("-o", "pylock.toml", "--server", affineur.url, "--token", reader, "--index", "main", text="fondue\n")
    text = (lock.folder / "pylock.toml").read_text()
    assert f'index = "{affineur.url}/main/simple/"' in text
    assert set(re.findall(r'url = "(http://[^/]+)/packages/main/', text)) == {affineur.url}
    assert "gruyere 2.5 is held by cooldown" in done.stdout
    again = lock("-o", "pylock.toml", text="fondue\n")
    assert "->" not in again.stdout
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        [uv, "pip", "sync", "--no-cache", "--preview", "--target", "here", "pylock.toml"],
        cwd=lock.folder, check=True, timeout=120, env=clean_environment(),
    )  # fmt: skip
    assert installed(lock.folder / "here") == ["fondue-1.0", "gruyere-2.0"]


def test_an_index_that_wants_a_token(affineur, lock, reader):
    there = ("--server", affineur.url, "--token", reader)
    done = lock("-o", "pylock.toml", "--index", "closed", *there, text="fondue\n")
    text = (lock.folder / "pylock.toml").read_text()
    assert f'"{affineur.url}/packages/closed/' in text
    assert "__token__" not in text + done.stdout + done.stderr
    other = affineur.token("main", "read", "olga")
    answer = post(affineur, other, index="closed")
    assert answer.status_code == 403


def test_a_lock_over_http(affineur, reader):
    answer = post(affineur, reader, output="requirements.txt", before="gruyere==1.0\n")
    assert answer.status_code == 200
    made = answer.json()
    assert made["document"]["name"] == "requirements.txt"
    assert pins(made["document"]["text"])["gruyere"] == "1.0"
    assert {one["project"]: (one["version"], one["before"], one["via"]) for one in made["projects"]} == {
        "fondue": ("1.0", "", ["-r requirements.in"]),
        "gruyere": ("1.0", "1.0", ["fondue"]),
        "kirsch": ("1.0", "", ["fondue"]),
    }
    (held,) = made["held"]
    assert held["version"] == "2.5"
    assert held["until"] > datetime.now(UTC).isoformat()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"text": "--index-url http://127.0.0.1:1/\nfondue\n"}, "would have the resolver look elsewhere"),
        ({"text": "fondue @ file:///etc/passwd\n"}, "is an address"),
        ({"text": "-e git+ssh://127.0.0.1/x\n"}, "an editable project"),
        ({"text": "-r /etc/passwd\n"}, "'/etc/passwd' is named, and was not given"),
        (
            {"text": "[project]\nname='a'\ndependencies=['b @ http://127.0.0.1:1/']\n", "name": "pyproject.toml"},
            "is an address",
        ),
        ({"text": "fondue\n", "name": "a\nfondue==9"}, "this is no name for a file"),
        ({"text": "fondue\n", "allow_builds": True}, "a server builds nothing"),
        ({"text": "fondue\n", "upgrade_package": ["--index-url=http://127.0.0.1:1/"]}, "is no requirement"),
        ({"text": "fondue\n", "upgrade_package": ["fondue @ http://127.0.0.1:1/"]}, "is an address"),
        ({"text": "fondue\n", "python": ["3.11 --index-url=http://127.0.0.1:1/"]}, "is no version of Python"),
        (
            {"text": "fondue\n", "server": "file:///etc/passwd", "output": "pylock.toml"},
            "this is no address of a server",
        ),
        ({"text": "fondue\n", "monitor": "../x y"}, "a lock's name is made of"),
        ({"files": []}, "name a requirements file"),
    ],
)
def test_what_would_lead_a_server_elsewhere_is_refused(affineur, reader, upstream, fields, problem):
    before = len(upstream.log)
    answer = post(affineur, reader, **fields)
    assert answer.status_code == 400
    assert problem in answer.json()["detail"]
    assert len(upstream.log) == before


def test_settings_of_the_machine_are_left_aside(lock):
    (lock.folder / "uv.toml").write_text('index-url = "http://127.0.0.1:1/"\n')
    settings = {
        "UV_INDEX_URL": "http://127.0.0.1:1/", "UV_FIND_LINKS": "/", "UV_OFFLINE": "1", "UV_CONSTRAINT": "/etc/passwd",
        "XDG_CONFIG_HOME": str(lock.folder), "HTTP_PROXY": "http://127.0.0.1:1/", "ALL_PROXY": "http://127.0.0.1:1/",
    }  # fmt: skip
    assert pins(lock(text="fondue\n", UV_NO_CONFIG="0", **settings).stdout)["gruyere"] == "2.0"


def test_a_project_with_sdists_alone(lock):
    done = lock(text="rennet\n", check=False)
    assert done.returncode == 1
    assert (
        "rennet: there are only sdists, which would have to be built to learn what they need; --allow-builds"
        in done.stderr
    )
    assert pins(lock("--allow-builds", text="rennet\n").stdout) == {"rennet": "1.0"}


def test_a_lock_is_kept_to_be_watched(affineur, lock, reader):
    there = ("--server", affineur.url, "--token", reader, "--index", "main")
    affineur.command("user", "mail", "rita", "team@example.org")
    done = lock("--monitor", "shop/api", "--tell", "mail:team@example.org", *there, text="fondue\n")
    assert "shop/api of rita is watched: 3 releases, index main\n  news go to mail:team@example.org" in done.stderr
    assert "shop/api  rita" in affineur.command("monitor", "list").stdout
    shown = affineur.command("monitor", "list", "--format", "json").stdout
    assert [row["filename"] for row in json.loads(shown) if row["name"] == "shop/api"] == ["requirements.txt"]
    other = affineur.token("main", "read", "olga")
    assert post(affineur, other, monitor="shop/api").status_code == 409
    assert post(affineur, reader, monitor="shop/api").status_code == 200


def test_what_is_held_here_is_enough_when_the_upstream_is_gone(affineur, lock, upstream):
    upstream.wheel("skyr", "1.0", requires=["whey"])
    upstream.wheel("skyr", "2.0", requires=["whey"])
    upstream.wheel("whey", "1.0")
    for project in ("skyr", "whey"):
        row = next(row for row in affineur.page(project)["files"] if "-1.0-" in row["filename"])
        assert requests.get(affineur.file_url(row), timeout=30).ok
    upstream.stop()
    try:
        done = lock("--offline", text="skyr\n")
        assert pins(done.stdout) == {"skyr": "1.0", "whey": "1.0"}
    finally:
        upstream.restart()
    assert pins(lock(text="skyr\n").stdout) == {"skyr": "2.0", "whey": "1.0"}


def running_in(folder):
    """The processes that work in a folder or below it."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if place.readlink().is_relative_to(folder):
                found.append(place.parent.name)
    return found


@pytest.fixture
def stuck(tmp_path, upstream):
    """A server of its own over an upstream that does not answer for the project `slow`."""
    answering = threading.Event()
    upstream.overrides["/simple/slow/"] = lambda handler: (answering.wait(60), handler.answer(404, b""))
    server = Affineur(tmp_path / "data", upstream.url, AFFINEUR_LOCK_TIME="5", AFFINEUR_LOCKS_AT_ONCE="1")
    yield server
    answering.set()
    del upstream.overrides["/simple/slow/"]
    server.stop()


def test_a_resolution_that_takes_too_long_is_ended_and_leaves_nothing(stuck):
    stuck.start()
    staging = stuck.data / "blobs" / "staging"
    answer = post(stuck, stuck.token("main", "read", "rita"), "slow\n")
    assert answer.status_code == 422
    assert "no solution was found within 5 seconds (setting lock_time)" in answer.json()["detail"]
    assert not running_in(staging)
    assert not list(staging.glob("lock-*"))


def test_a_server_that_is_killed_takes_the_resolver_with_it(stuck):
    stuck.start()
    staging = stuck.data / "blobs" / "staging"
    token = stuck.token("main", "read", "rita")

    def ask():
        with contextlib.suppress(requests.ConnectionError):
            post(stuck, token, "slow\n")

    asking = threading.Thread(target=ask)
    asking.start()
    assert eventually(lambda: running_in(staging))
    stuck.kill()
    asking.join()
    assert eventually(lambda: not running_in(staging))
    stuck.command("prune", "--older-than", "0", "--yes")
    assert not list(staging.iterdir())


def test_absolute_addresses_are_those_of_public_url(tmp_path, upstream):
    with Affineur(tmp_path / "data", upstream.url, AFFINEUR_PUBLIC_URL="https://packages.example.org") as server:
        token = server.token("main", "read", "rita")
        answer = post(server, token, output="pylock.toml", server=server.url)
        text = answer.json()["document"]["text"]
        assert set(re.findall(r'= "(https?://[^/]+)/', text)) == {"https://packages.example.org"}
