"""Mirrors filled ahead of time: complete, resumable, offline."""

import json
import os
import pty
import re
import signal
import subprocess
import sys

import pytest
import requests

from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.polling import until
from tests.support.server import Affineur


@pytest.fixture
def here(tmp_path, upstream):
    """A data folder over the upstream on which commands act; nothing is started."""
    return Affineur(tmp_path / "data", upstream.url)


@pytest.fixture
def dairy(upstream):
    """Projects that need each other."""
    upstream.wheel("cheddar", "1.0", requires=["milk<2"])
    upstream.wheel("cheddar", "2.0", requires=["milk>=2", 'press; sys_platform == "win32"', 'rind; extra == "rind"'])
    upstream.wheel("cheddar", "3.0a1", requires=["future"])
    upstream.sdist("cheddar", "2.0", requires=["milk>=2"])
    for version in ("1.0", "1.5", "2.0", "2.5"):
        upstream.wheel("milk", version, requires=["water"])
    upstream.sdist("water", "1.0", version_of_metadata="2.2", requires=["salt"])
    upstream.wheel("press", "1.0")
    upstream.wheel("rind", "1.0")
    upstream.wheel("salt", "1.0", requires=["cheddar"])
    return upstream


def filled(server, *arguments, check=True):
    done = server.command("mirror", *arguments, "--format", "json", check=check)
    return json.loads(done.stdout)


def files(upstream):
    return sorted({path.rpartition("/")[2] for path in upstream.asked("/files/") if not path.endswith(".metadata")})


def test_named_projects_come_whole_and_what_they_need_as_an_installer_would_choose(here, dairy):
    result = filled(here, "add", "cheddar")
    assert result["failed"] == []
    assert files(dairy) == sorted(
        [
            wheel_name("cheddar", "1.0"), wheel_name("cheddar", "2.0"), "cheddar-2.0.tar.gz",
            wheel_name("milk", "1.5"), wheel_name("milk", "2.5"), wheel_name("press", "1.0"),
            wheel_name("salt", "1.0"), "water-1.0.tar.gz",
        ]
    )  # fmt: skip
    assert (result["projects"], result["files"], result["fetched"]) == (5, 8, 8)
    again = filled(here, "add", "cheddar")
    assert (again["files"], again["fetched"]) == (8, 0)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["cheddar==1.0", "--no-dependencies"], ["cheddar-1.0"]),
        (["cheddar<2", "--no-dependencies"], ["cheddar-1.0"]),
        (["Cheddar", "--releases", "newest", "--no-dependencies"], ["cheddar-2.0"]),
        (["cheddar==3.0a1", "--no-dependencies"], ["cheddar-3.0a1"]),
        (["cheddar[rind]>=2,<3"], ["cheddar-2.0", "milk-2.5", "press-1.0", "rind-1.0"]),
    ],
)
def test_requirements_choose_releases(here, dairy, arguments, wanted):
    filled(here, "add", *arguments)
    wheels = [name.partition("-py3")[0] for name in files(dairy) if name.endswith(".whl")]
    assert [name for name in wheels if not name.startswith("salt")] == wanted


def test_requirements_file_and_lock_file(here, dairy, tmp_path):
    (tmp_path / "r.txt").write_text("# ours\ncheddar==1.0 --hash=sha256:00\n--pre\n")
    result = filled(here, "add", "-r", str(tmp_path / "r.txt"))
    assert wheel_name("milk", "1.5") in files(dairy)
    assert result["notes"] == ["'--pre' is not taken from the file"]
    (tmp_path / "pylock.toml").write_text(
        'lock-version = "1.0"\ncreated-by = "tests"\n[[packages]]\nname = "rind"\nversion = "1.0"\n'
        'wheels = [{name = "rind-1.0-py3-none-any.whl", url = "https://example.org/r", hashes = {sha256 = "aa"}}]\n'
    )
    assert filled(here, "add", "-r", str(tmp_path / "pylock.toml"))["fetched"] == 1
    rows = json.loads(here.command("mirror", "list", "--format", "json").stdout)
    assert [(row["requirement"], row["dependencies"]) for row in rows] == [("cheddar==1.0", True), ("rind==1.0", False)]


def test_sync_brings_what_came_since_and_remove_ends_it(here, dairy):
    filled(here, "add", "milk>=2", "--no-dependencies")
    dairy.wheel("milk", "2.6")
    dairy.wheel("rind", "2.0")
    assert filled(here, "sync")["fetched"] == 1
    here.command("mirror", "add", "rind==1.0")
    assert "rind==1.0 is off the list" in here.command("mirror", "remove", "rind").stdout
    assert [row["requirement"] for row in json.loads(here.command("mirror", "list", "--format", "json").stdout)] == [
        "milk>=2"
    ]
    pinned = {wheel_name("milk", version) for version in ("2.0", "2.5", "2.6")}
    filled(here, "sync")
    kept = here.command("prune", "--keep", "0", "--check", check=False).stdout
    assert wheel_name("rind", "1.0") in kept
    assert not any(name in kept for name in pinned)


def test_what_fails_is_named_and_the_rest_is_here(here, dairy):
    del dairy.projects["press"]
    dairy.bodies[wheel_name("milk", "2.5")] = b"something else"
    done = here.command("mirror", "add", "cheddar", "nothing-of-that-name", check=False)
    assert done.returncode == 3
    assert re.search(r"failed: press: no such project", done.stdout)
    assert re.search(r"failed: nothing-of-that-name: no such project", done.stdout)
    assert re.search(r"failed: milk-2\.5-py3-none-any\.whl: upstream", done.stdout)
    assert wheel_name("milk", "1.5") in files(dairy)


@pytest.mark.parametrize("text", ["./here", "cheddar @ https://example.org/c.whl", "cheddar=1"])
def test_what_cannot_be_mirrored_is_refused_before_anything_is_asked(here, upstream, text):
    done = here.command("mirror", "add", text, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert upstream.log == []


def test_names_of_hosted_sources_are_never_asked_of_the_upstream(affineur, upstream):
    token = affineur.token()
    affineur.upload(wheel_name("secret", "1.0"), wheel_bytes("secret", "1.0"), token=token)
    upstream.wheel("cheddar", "1.0", requires=["secret"])
    upstream.wheel("secret", "9.0")
    result = filled(affineur, "add", "cheddar")
    assert upstream.asked("secret") == []
    assert result["notes"] == ["secret belongs to a hosted source and is not asked of the upstream"]


def test_offline_serves_the_list_and_asks_nobody(here, dairy):
    filled(here, "add", "cheddar", "--releases", "newest")
    asked = len(dairy.log)
    here.environment["AFFINEUR_OFFLINE"] = "true"
    here.start()
    for project in ("cheddar", "milk", "water", "press", "salt"):
        answer = here.get(f"/main/simple/{project}/")
        assert answer.status_code == 200
    for row in here.page("cheddar")["files"]:
        if "-2.0-" in row["filename"]:
            assert requests.get(here.file_url(row), timeout=10).ok
            assert requests.get(here.file_url(row) + ".metadata", timeout=10).ok
    assert here.get("/main/simple/unheard-of/").status_code == 504
    assert here.command("mirror", "sync", check=False).returncode == 3
    here.stop()
    assert len(dairy.log) == asked


def test_server_fills_its_mirror_for_whoever_may_ask(affineur, dairy):
    admin = affineur.token("*", "admin", "root")
    done = affineur.command("mirror", "add", "salt", "--server", affineur.url, "--token", admin)
    assert "6 projects" in done.stdout or "5 projects" in done.stdout
    assert "files here" in done.stderr


def test_killed_in_the_middle_it_goes_on_where_it_was(here, upstream):
    names = [upstream.wheel("cheddar", f"{number}.0", padding=150_000 + 40_000 * number) for number in range(24)]
    upstream.rate = 1_000_000
    command = [sys.executable, "-m", "affineur", "mirror", "add", "cheddar"]
    process = subprocess.Popen(
        command, env=here._environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until(lambda: sum(path.stat().st_size > 2**16 for path in (here.data / "blobs").glob("??/??/*")) >= 3)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    upstream.rate = None
    result = filled(here, "sync")
    assert (result["files"], result["failed"]) == (24, [])
    assert 0 < result["fetched"] < 24
    assert set(files(upstream)) == set(names)
    assert any(upstream.told("/files/", "Range")), "a file that was on its way is continued"
    here.command("prune", "--older-than", "0", "--yes")
    assert filled(here, "sync")["fetched"] == 0


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(here, dairy):
    plain = here.command("mirror", "add", "cheddar", "--releases", "newest").stderr
    assert re.search(r"^\d+/\d+ files here", plain, re.MULTILINE)
    assert "\x1b" not in plain
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "affineur", "mirror", "add", "cheddar"],
        env={**here._environment(), "TERM": "xterm-256color"},
        stdout=subprocess.DEVNULL,
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65536):
            shown += part
    except OSError:
        pass
    assert process.wait(60) == 0
    assert b"\x1b[" in shown
    assert "━".encode() in shown
