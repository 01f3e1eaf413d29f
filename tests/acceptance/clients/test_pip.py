"""pip, from the oldest in use to the newest: it installs, downloads, lists, locks and caches."""

import json
import subprocess
import sys
import tomllib

import pytest

from tests.acceptance.clients.conftest import installed
from tests.support.clients import run
from tests.support.server import clean_environment

OLD = [pytest.param(name, marks=pytest.mark.long) for name in ("pip-20.3", "pip-22.3", "pip-23.2")]
EVERY_PIP = [*OLD, "pip-newest"]
EVERYTHING = {"quince-1.1", "medlar-1.2", "sorbus_aria-1.5", "rowan-1.0", "azarole-1.0+gpu.1"}


def pip(name, *arguments, check=True, **environment):
    if "PIP_CACHE_DIR" not in environment:
        environment["PIP_NO_CACHE_DIR"] = "1"
    return run(name, "python", "-m", "pip", *arguments, check=check, **environment)


@pytest.mark.parametrize("name", EVERY_PIP)
def test_it_installs_wheels_and_sdists_with_what_they_need(name, index, tmp_path):
    pip(name, "install", "-q", "--target", tmp_path, "-i", index, "quince[more]", "azarole")
    assert installed(tmp_path) >= EVERYTHING


@pytest.mark.parametrize("address", ["/simple", "/simple/", "/main/simple"])
def test_it_may_be_given_the_address_in_any_spelling(address, affineur, projects, tmp_path):
    pip("pip-newest", "install", "-q", "--target", tmp_path, "-i", affineur.url + address, "Sorbus_Aria")
    assert installed(tmp_path) == {"sorbus_aria-1.5"}


def test_it_installs_what_was_uploaded_with_what_that_needs_from_outside(index, tmp_path):
    pip("pip-newest", "install", "-q", "--target", tmp_path, "-i", index, "our-own")
    assert installed(tmp_path) == {"our_own-1.1", "quince-1.1", "medlar-1.2", "sorbus_aria-1.5"}


@pytest.mark.parametrize("name", EVERY_PIP)
def test_a_yanked_release_is_had_only_by_its_pin_and_with_the_reason(name, index, tmp_path):
    done = pip(name, "download", "--no-deps", "-d", tmp_path, "-i", index, "quince==2.0")
    assert "tastes of soap" in done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["quince-2.0-py3-none-any.whl"]


def test_local_versions_are_had_by_their_pin(index, tmp_path):
    pip("pip-newest", "download", "-q", "-d", tmp_path, "-i", index, "azarole==1.0+gpu.1")
    assert [path.name for path in tmp_path.iterdir()] == ["azarole-1.0+gpu.1-py3-none-any.whl"]


def test_hashes_from_the_page_hold(affineur, index, tmp_path):
    (row,) = affineur.page("rowan")["files"]
    (tmp_path / "r.txt").write_text(f"rowan==1.0 --hash=sha256:{row['hashes']['sha256']}\n")
    place = tmp_path / "there"
    pip("pip-newest", "install", "-q", "--require-hashes", "--target", place, "-i", index, "-r", tmp_path / "r.txt")
    assert installed(place) == {"rowan-1.0"}


def test_index_versions_lists_them(index):
    assert pip("pip-22.3", "index", "versions", "quince", "-i", index).stdout.startswith("quince (1.1)")
    told = json.loads(pip("pip-newest", "index", "versions", "--json", "quince", "-i", index).stdout)
    assert told["versions"] == ["1.1", "1.0"]


def test_uploaded_prior_to_is_answered_for_every_file(index):
    def chosen(moment, *names):
        done = pip(
            "pip-newest", "install", "-q", "--dry-run", "--ignore-installed", "--report", "-",
            "--uploaded-prior-to", moment, "-i", index, *names,
        )  # fmt: skip
        return {row["metadata"]["name"]: row["metadata"]["version"] for row in json.loads(done.stdout)["install"]}

    assert chosen("2025-01-01T00:00:00Z", "sorbus-aria") == {"sorbus-aria": "1.0"}
    assert chosen("2200-01-01T00:00:00Z", "our-own")["our-own"] == "1.1"


def test_lock_writes_what_installs_again_after_the_upstream_is_gone(affineur, upstream, index, tmp_path):
    lock = tmp_path / "pylock.toml"
    pip("pip-newest", "lock", "-q", "-o", lock, "-i", index, "quince", "rowan", "azarole")
    locked = tomllib.loads(lock.read_text())
    assert {f"{package['name']}-{package['version']}" for package in locked["packages"]} == {
        name.replace("_", "-") if name.startswith("sorbus") else name for name in EVERYTHING
    }
    pip("pip-newest", "install", "-q", "--target", tmp_path / "first", "-r", lock)
    upstream.stop()
    try:
        pip("pip-newest", "install", "-q", "--target", tmp_path / "again", "-r", lock)
        pip("pip-newest", "install", "-q", "--target", tmp_path / "fresh", "-i", index, "quince[more]", "azarole")
    finally:
        upstream.restart()
    assert installed(tmp_path / "again") == installed(tmp_path / "fresh") == EVERYTHING


def test_fast_deps_read_the_metadata_of_wheels_by_ranges(index, tmp_path):
    pip(
        "pip-newest", "install", "-q", "--use-feature=fast-deps", "--target", tmp_path, "-i", index, "rowan", "quince"
    )  # fmt: skip
    assert {"rowan-1.0", "quince-1.1"} <= installed(tmp_path)


def test_what_it_has_in_its_cache_is_304(index, affineur, tmp_path):
    arguments = ["install", "--trusted-host", f"127.0.0.1:{affineur.port}", "-i", index, "sorbus-aria"]
    for target in ("first", "second"):
        done = pip(
            "pip-newest", *arguments, "-vvv", "--target", tmp_path / target,
            PIP_CACHE_DIR=str(tmp_path / "cache"), COLUMNS="1000",
        )  # fmt: skip
    told = " ".join((done.stdout + done.stderr).split())
    for address in (
        "main/simple/sorbus-aria/",
        "sorbus_aria-1.5-py3-none-any.whl.metadata",
        "sorbus_aria-1.5-py3-none-any.whl",
    ):
        assert f'{address} HTTP/1.1" 304' in told


def test_credentials_may_stand_in_the_address_or_in_netrc(affineur, projects, tmp_path):
    token = affineur.token("closed", "read")
    address = f"{affineur.url}/closed/simple/"
    pip(
        "pip-newest", "install", "-q", "--no-input", "--target", tmp_path / "a",
        "-i", address.replace("//", f"//__token__:{token}@"), "sorbus-aria",
    )  # fmt: skip
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1\nlogin __token__\npassword {token}\n")
    pip(
        "pip-newest", "install", "-q", "--no-input", "--target", tmp_path / "b", "-i", address, "sorbus-aria",
        NETRC=str(tmp_path / "netrc"),
    )  # fmt: skip
    assert installed(tmp_path / "a") == installed(tmp_path / "b") == {"sorbus_aria-1.5"}
    refused = pip("pip-newest", "install", "--no-input", "-vv", "--target", tmp_path / "c", "-i", address, "sorbus-aria", check=False)  # fmt: skip
    assert refused.returncode == 1
    assert "401" in refused.stdout + refused.stderr


def test_find_links_reads_a_project_page(index, tmp_path):
    pip("pip-newest", "download", "-q", "--no-index", "--no-deps", "-d", tmp_path, "--find-links", f"{index}rowan/", "rowan")  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["rowan-1.0-py3-none-any.whl"]


def test_a_name_never_seen_while_the_upstream_is_down_is_an_error_and_not_an_absence(upstream, index, tmp_path):
    upstream.stop()
    try:
        done = pip("pip-newest", "install", "-vv", "--retries", "0", "--target", tmp_path, "-i", index, "unseen", check=False)  # fmt: skip
    finally:
        upstream.restart()
    assert done.returncode == 1
    assert "504" in done.stdout + done.stderr


def test_the_pip_of_this_python_works_too(index, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--target", tmp_path, "-i", index, "quince"],
        env=clean_environment(PIP_NO_CACHE_DIR="1"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "quince-1.1" in installed(tmp_path)
