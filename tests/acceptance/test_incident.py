"""The day of docs/incident.md, played as it stands there: real mail, webhooks, installs, against a running server."""

import re
import shutil
import sys
import venv
from pathlib import Path

import pytest

from tests.support.advisories import osv, raw
from tests.support.clients import client
from tests.support.server import Affineur, clean_environment, free_port
from tests.support.transcripts import replay
from tests.support.upstream import Upstream

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "incident.md"
SERVER, MAIL, HOOKS = "127.0.0.1:8000", "8025", "9000"
HOLE = osv(
    "PYSEC-2026-7", "brie", fixed="1.1", aliases=["CVE-2026-1234"], summary="The rind runs what it is fed",
    severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
)  # fmt: skip


@pytest.fixture
def upstream():
    """What the page says there is."""
    made = Upstream()
    made.wheel("brie", "1.0", requires=["rind>=1"])
    made.wheel("brie", "1.1", requires=["rind>=1"], keys={"uploaded": "2025-09-01T00:00:00Z"})
    made.wheel("rind", "1.0")
    yield made
    made.stop()


@pytest.fixture
def shell(tmp_path):
    """A folder with the receiver and the advisory, and an environment in which the programs are found."""
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(ROOT / "docs" / "examples" / "receiver.py", folder)
    (folder / "hole.json").write_bytes(raw(HOLE))
    (folder / "known.json").write_bytes(raw(osv("PYSEC-2020-1", "stilton", fixed="0.2")))
    installed = tmp_path / "environment"
    venv.create(installed, symlinks=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    here = Path(sys.executable).parent
    for name, program in {
        "affineur": [here / "affineur"],
        "python3": [here / "python"],
        "pip": [client("pip-newest") / "pip", "--python", installed],
    }.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {" ".join(map(str, program))} "$@"\n')
        (programs / name).chmod(0o755)
    return folder, clean_environment(PATH=f"{programs}:/usr/bin:/bin", COLUMNS="120", TERM="dumb", USER="ada")


def test_the_day_is_as_the_page_tells_it(tmp_path, upstream, shell, database):
    folder, environment = shell
    text = PAGE.read_text(encoding="utf-8")
    mail, hooks = str(free_port()), str(free_port())
    settings = re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1].replace(MAIL, mail)
    with_database = {"AFFINEUR_DATABASE": database} if database else {}
    with Affineur(tmp_path / "data", upstream.url, config=settings, **with_database) as server:
        environment |= server.environment | {
            "AFFINEUR_DATA": str(server.data), "AFFINEUR_CONFIG": str(server.config),
            "AFFINEUR_UPSTREAM": upstream.url, "AFFINEUR_PORT": str(server.port),
        }  # fmt: skip
        done = replay(
            text, folder, environment,
            [(SERVER, f"127.0.0.1:{server.port}"), (f":{MAIL}", f":{mail}"), (HOOKS, hooks)],
        )  # fmt: skip
    wrong = [
        f"{PAGE.name}:{step.line}: {step.command}\n--- the page says\n{step.told}--- it printed ({step.status})\n{step.printed}"
        for step in done
        if not step.as_told
    ]
    assert not wrong, "\n\n".join(wrong)
