"""`affineur convert`: by the command without server or folder, over HTTP, and with an index that fills in."""

import json
from pathlib import Path

import pytest
import requests

from affineur.standards.locks.read import read_lock
from tests.support.server import Affineur

FILES = Path(__file__).parents[1] / "data" / "locks"


@pytest.fixture
def nowhere(tmp_path):
    """A data folder that must not come to be."""
    made = Affineur(tmp_path / "data")
    yield made
    assert not made.data.exists()


def test_nothing_is_needed_and_what_is_lost_is_told(nowhere, tmp_path):
    out = tmp_path / "requirements.txt"
    run = nowhere.command("convert", str(FILES / "uv.lock"), str(out), check=False)
    assert run.returncode == 3
    assert "lost: salt 1.0: the groups dev, taste" in run.stdout
    run = nowhere.command("convert", str(FILES / "uv.lock"), str(out), "--groups", "dev")
    assert "nothing that counts is lost" in run.stdout
    lock = read_lock(out.read_text(), "requirements.txt")
    assert [pin.project for pin in lock.pins] == [
        "colour", "edam", "feta", "gouda", "milk", "rennet", "salt", "tomato",
    ]  # fmt: skip
    assert out.read_text().startswith("--index-url https://packages.example.org/simple/\n\ncolour==0.4.6 ; ")


def test_text_goes_to_standard_output_and_words_beside_it(nowhere):
    freeze = "gouda==1.5\nmilk==2.0\n"
    run = nowhere.command("convert", "-", "-", "--to", "requirements", stdin=freeze)
    assert run.stdout == freeze
    assert "2 entries from requirements to requirements: nothing that counts is lost" in run.stderr
    run = nowhere.command("convert", "-", "-", "--to", "pylock", stdin=freeze, check=False)
    assert run.returncode == 1
    assert "gouda" in run.stderr
    run = nowhere.command("convert", "-", "out", stdin=freeze, check=False)
    assert "say it with --to" in run.stderr


def test_files_that_a_requirements_file_names_are_taken_in(nowhere, tmp_path):
    (tmp_path / "a.txt").write_text("gouda==1.5\n-r b.txt\n")
    (tmp_path / "b.txt").write_text("milk==2.0 --hash=sha256:" + "a" * 64 + "\n")
    run = nowhere.command("convert", str(tmp_path / "a.txt"), "-", "--to", "requirements")
    assert [pin.project for pin in read_lock(run.stdout, "r.txt").pins] == ["gouda", "milk"]


def test_over_http_and_with_an_index_that_fills_in_names_addresses_and_hashes(affineur, upstream, tmp_path):
    for version in ("1.0", "2.0"):
        upstream.wheel("milk", version)
        upstream.sdist("milk", version)
    upstream.wheel("gouda", "1.5")
    wheel = upstream.projects["milk"]["milk-2.0-py3-none-any.whl"]
    token = affineur.token(index="main", rights="read")
    text = f"gouda==1.5\nmilk==2.0 --hash=sha256:{wheel['hashes']['sha256']}\n"

    def convert(**more):
        body = {"source": [{"name": "r.txt", "text": text}], "output": "pylock.toml", "index": "main", **more}
        return requests.post(affineur.url + "/api/v1/convert", json=body, auth=("__token__", token), timeout=60)

    answer = convert()
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["lost"] == []
    lock = read_lock(made["document"]["text"], "pylock.toml")
    assert lock.index_url == f"{affineur.url}/main/simple/"
    gouda, milk = lock.pins
    assert [file.filename for file in gouda.files] == ["gouda-1.5-py3-none-any.whl"]
    assert [file.filename for file in milk.files] == ["milk-2.0-py3-none-any.whl"]
    assert milk.files[0].size == wheel["size"]
    for file in (*gouda.files, *milk.files):
        assert requests.get(file.url, timeout=30).status_code == 200
    text = "milk==2.0 --hash=sha256:" + "0" * 64 + "\n"
    answer = convert()
    assert answer.status_code == 400
    assert "no file in main has the hash" in answer.text
    path = tmp_path / "r.txt"
    path.write_text("milk==3.0\n")
    run = affineur.command(
        "convert", str(path), "-", "--to", "pylock", "--index", "main", "--format", "json", check=False
    )
    assert run.returncode == 1
    assert "main has no such release" in run.stderr
    path.write_text("milk==2.0\n")
    run = affineur.command("convert", str(path), "-", "--to", "pylock", "--index", "main", "--format", "json")
    assert json.loads(run.stdout)["entries"] == 1
