"""`affineur names`: names checked one by one and by the thousand, and the list brought up to date."""

import json
import subprocess
import sys
import time

import pytest

from affineur.policy.lookalikes.popular import popular
from tests.support.distributions import wheel_bytes
from tests.support.server import Affineur, clean_environment


@pytest.fixture
def here(tmp_path):
    """A data folder without a server."""
    return Affineur(tmp_path / "data")


def run(*arguments, given="", cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "affineur", "names", "check", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env=clean_environment(),
    )


def findings(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_names_are_judged_from_arguments_and_from_standard_input(tmp_path):
    by_argument = run("reqeusts", "requests", cwd=tmp_path)
    assert by_argument.returncode == 0
    assert findings(by_argument) == [
        {"name": "reqeusts", "flagged": True, "target": "requests", "kind": "swap", "level": "deny"},
        {"name": "requests", "flagged": False, "target": None, "kind": None, "level": None},
    ]
    for arguments in ([], ["-"], ["-", "--level", "warn"]):
        again = run(*arguments, given="# a list\nreqeusts\n\n  requests\r\n", cwd=tmp_path)
        assert again.stdout == by_argument.stdout


def test_level_deny_flags_denials_alone(tmp_path):
    done = run("--level", "deny", "requests-dev", "reqeusts", cwd=tmp_path)
    assert [(f["flagged"], f["level"]) for f in findings(done)] == [(False, "warn"), (True, "deny")]


def test_exit_code_tells_when_it_is_asked_for(tmp_path):
    assert run("--exit-code", "reqeusts", cwd=tmp_path).returncode == 3
    assert run("--exit-code", "requests", cwd=tmp_path).returncode == 0
    assert run("--exit-code", "--level", "deny", "requests-dev", cwd=tmp_path).returncode == 0
    wrong = run("--levle", "deny", "requests", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "--levle" in wrong.stderr


def test_answers_come_while_more_is_awaited(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "affineur", "names", "check", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env=clean_environment(),
    ) as process:
        process.stdin.write(b"reqeusts\nflas")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["target"] == "requests"
        process.stdin.write(b"kk\n")
        process.stdin.close()
        assert json.loads(process.stdout.readline())["target"] == "flask"
        assert process.wait(timeout=20) == 0


def test_what_the_configuration_owns_is_protected(tmp_path):
    config = tmp_path / "a.toml"
    config.write_text('[hosted.internal]\nowns = ["cheesecake-*"]\n')
    done = run("--config", str(config), "cheesecake-api", "chesecake-api", cwd=tmp_path)
    assert [(f["flagged"], f["target"]) for f in findings(done)] == [(False, None), (True, "cheesecake-api")]
    config.write_text("nonsense = 1\n")
    broken = run("--config", str(config), "x", cwd=tmp_path)
    assert (broken.returncode, "nonsense" in broken.stderr) == (1, True)


def test_what_uploads_claimed_is_protected(here):
    here.start()
    try:
        token, body = here.token(), wheel_bytes("cheesecake_billing", "1.0")
        assert here.upload("cheesecake_billing-1.0-py3-none-any.whl", body, token=token).status_code == 200
        asked = ["cheesecake-billing", "cheesecake-biling", "--data", str(here.data)]
        wanted = [(False, None), (True, "cheesecake-billing")]
        assert [(f["flagged"], f["target"]) for f in findings(run(*asked))] == wanted
    finally:
        here.stop()
    assert [(f["flagged"], f["target"]) for f in findings(run(*asked))] == wanted


def test_a_check_loads_little():
    heavy = "{'sqlalchemy', 'aiohttp', 'typer', 'asyncio', 'psycopg'}"
    program = f"import sys, affineur.cli.names\nprint(*{heavy}.intersection(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_many_names_are_judged_quickly(tmp_path):
    """Twenty thousand a second is the aim; a busy machine is given ten times as long."""
    names = [f"{name}{end}" for end in ("x", "-kit", "qu") for name in popular().names[:7000]]
    began = time.monotonic()
    done = run("-", given="\n".join(names), cwd=tmp_path)
    assert len(done.stdout.splitlines()) == len(names)
    assert time.monotonic() - began < len(names) / 2000 + 5


def listed(*names):
    return "".join(f"{name}\n" for name in (*names, *(f"project-{n}" for n in range(200))))


def test_a_newer_list_is_taken_from_a_file_and_from_an_address(here, upstream, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(listed("gorgonzola"))
    said = here.command("names", "update", str(path), "--date", "2026-10-01").stdout
    assert said == f"201 names of 2026-10-01 from {path}: 201 new, 8000 gone\n"
    checked = here.command("names", "check", "gorgonzla", "requests", "--data", str(here.data)).stdout
    assert [json.loads(line)["target"] for line in checked.splitlines()] == ["gorgonzola", None]

    def answer(handler):
        body = b"project,downloads\n" + b"".join(b"cheese-%d,9\n" % n for n in range(150))
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    upstream.overrides["/names.csv"] = answer
    address = upstream.url.replace("/simple/", "/names.csv")
    with_password = address.replace("//", "//ada:secret@")
    made = json.loads(here.command("names", "update", f"{with_password}?key=secret", "--format", "json").stdout)
    assert (made["names"], made["source"], made["new"], made["gone"]) == (150, address, 150, 201)
    log = here.command("ledger", "log", "--format", "json").stdout
    assert "names.updated" in log
    assert "secret" not in log


@pytest.mark.parametrize(
    ("text", "problem"),
    [("only\nfew\n", "2 names"), (listed("a b"), "line 1"), ("\xff", "UTF-8"), (None, "No such file")],
)
def test_a_wrong_list_changes_nothing(here, tmp_path, text, problem):
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text(listed("gorgonzola"))
    here.command("names", "update", str(good))
    if text is not None:
        bad.write_bytes(text.encode("latin-1"))
    refused = here.command("names", "update", str(bad), check=False)
    assert refused.returncode == 1
    assert problem in refused.stderr
    assert popular(here.data).rank("gorgonzola") == 1
