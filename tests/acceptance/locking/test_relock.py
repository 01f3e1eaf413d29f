"""What is in a lock so far, when it is made again, and what is not written over."""

import re

import pytest

from tests.support.locking import pins, post


def test_pins_and_comments_stay_until_an_upgrade_is_asked_for(lock, made):
    (lock.folder / "requirements.txt").write_text("fondue==1.0\ngruyere==1.0\nraclette==0.1\nmould==3\n")
    text = "fondue\nraclette\n"
    done = lock("-o", "requirements.txt", text=text)
    first = (lock.folder / "requirements.txt").read_text()
    assert pins(first) == {"fondue": "1.0", "gruyere": "1.0", "kirsch": "1.0", "raclette": "1.0"}
    assert "  raclette 0.1 -> 1.0\n  mould is not needed any more\n" in done.stdout
    lock("-o", "requirements.txt", text=text)
    assert (lock.folder / "requirements.txt").read_text() == first
    upgraded = {"fondue": "1.0", "gruyere": "2.0", "kirsch": "1.0", "raclette": "1.0"}
    for package, expected in (("raclette", "1.0"), ("gruyere<2", "1.0"), ("gruyere", "2.0")):
        text_so_far = made(text, before=first, output="requirements.txt", upgrade_package=[package])
        assert pins(text_so_far) == upgraded | {"gruyere": expected}, package
    done = lock("-o", "requirements.txt", "--upgrade", text=text)
    assert pins((lock.folder / "requirements.txt").read_text()) == upgraded
    assert "  gruyere 1.0 -> 2.0\n" in done.stdout


def test_what_people_wrote_into_the_lock_stays_with_its_pin(lock, made):
    lock("-o", "requirements.txt", text="fondue\ngruyere<3\nraclette\n")
    path = lock.folder / "requirements.txt"
    text = path.read_text()
    text = "# Ask Rita first.\n\n" + text.replace("gruyere==2.0", "# melts best\ngruyere==1.0")
    text = (
        re.sub(r"(raclette==1.0 .*\n    --hash=\S+)", r"\1  # for the board\n    # see ticket 7", text) + "# the end\n"
    )
    path.write_text(text)
    done = lock("requirements.in", "-o", "requirements.txt", "--upgrade-package", "gruyere")
    again = path.read_text()
    assert pins(again)["gruyere"] == "2.0"
    assert again.startswith("# Ask Rita first.\n\n# affineur lock requirements.in --output requirements.txt")
    assert "\n# melts best\ngruyere==2.0 \\\n" in again
    assert re.search(r"  # for the board\n    # see ticket 7\n    # via -r requirements.in\n", again)
    assert again.endswith("# the end\n") and "goes with it" not in done.stdout
    lock("requirements.in", "-o", "requirements.txt", "--upgrade")
    assert path.read_text() == again
    # Over HTTP it is the same text.
    assert made("fondue\ngruyere<3\nraclette\n", before=again, output="requirements.txt") == again
    done = lock("-o", "requirements.txt", text="fondue\n")
    assert "raclette is not needed any more" in done.stdout
    assert "note: what was written beside raclette goes with it: # for the board # see ticket 7" in done.stdout
    assert "board" not in path.read_text() and "# melts best\n" in path.read_text()


def test_a_pin_that_the_gate_refuses_by_now_is_not_kept(lock):
    (lock.folder / "requirements.txt").write_text("gruyere==2.5\n")
    done = lock("-o", "requirements.txt", text="fondue\n")
    assert pins((lock.folder / "requirements.txt").read_text())["gruyere"] == "2.0"
    assert "note: gruyere 2.5 was pinned and is not kept: held by cooldown: " in done.stdout


def test_a_hostile_lock_so_far_steers_nothing(affineur, reader):
    hostile = (
        "--index-url http://127.0.0.1:1/\n-e /etc\nroquefort @ file:///etc/passwd\ngruyere==1.0 --hash=sha256:aa\n"
    )
    answer = post(affineur, reader, output="requirements.txt", before=hostile)
    assert answer.status_code == 200
    assert pins(answer.json()["document"]["text"])["gruyere"] == "1.0"
    assert "127.0.0.1" not in answer.json()["document"]["text"]


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("requirements.in", "this is what the lock is made of"),
        ("uv.lock", "its own tool keeps that file"),
        ("Pipfile.lock", "its own tool keeps that file"),
        ("pyproject.toml", "the name is pylock.toml"),
        ("folder", "folder cannot be read: Is a directory"),
    ],
)
def test_what_is_not_ours_is_not_written_over(lock, output, problem):
    (lock.folder / "folder").mkdir()
    path = lock.folder / output
    if output not in {"folder", "requirements.in"}:
        path.write_text("theirs")
    done = lock("-o", output, text="fondue\n", check=False)
    assert done.returncode == 1
    assert problem in done.stderr
    assert path.is_dir() or path.read_text() in {"theirs", "fondue\n"}
