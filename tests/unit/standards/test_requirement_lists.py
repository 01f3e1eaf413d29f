"""Requirements files and lock files."""

import pytest

from affineur.errors import InvalidDocument
from affineur.standards.requirement_lists import read_requirement_list


def told(text):
    return [str(made) for made in read_requirement_list(text).requirements]


def test_requirements_file_as_pip_writes_it():
    text = """\
# made by a tool
--index-url https://example.org/simple
cheddar==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb   # for everybody
gouda [holes] >= 2, <3 ; python_version > "3.8"

brie  # soft
"""
    assert told(text) == ["cheddar==1.0", 'gouda[holes]<3,>=2; python_version > "3.8"', "brie"]
    assert read_requirement_list(text).left_out == ("--index-url https://example.org/simple",)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("-r other.txt", "another file"),
        ("-cother.txt", "another file"),
        ("--requirement=other.txt", "another file"),
        ("-e .", "not a project"),
        ("./cheddar", "not a project"),
        ("cheddar @ https://example.org/cheddar.whl", "not a project"),
        ("cheddar=1.0", "no requirement"),
    ],
)
def test_what_cannot_be_taken_is_named_with_its_line(line, problem):
    with pytest.raises(InvalidDocument, match=problem) as caught:
        read_requirement_list(f"gouda\n\n{line}\n", "list.txt")
    assert "list.txt: line 3" in caught.value.sentence


LOCK = """\
lock-version = "1.0"
created-by = "tests"

[[packages]]
name = "cheddar"
version = "1.0"
wheels = [{name = "cheddar-1.0-py3-none-any.whl", url = "https://example.org/c.whl", hashes = {sha256 = "aa"}}]

[[packages]]
name = "gouda"
version = "2.0"
sdist = {name = "gouda-2.0.tar.gz", url = "https://example.org/g.tar.gz", hashes = {sha256 = "bb"}}

[[packages]]
name = "mine"
directory = {path = "."}
"""


def test_lock_file_is_taken_whole():
    read = read_requirement_list(LOCK)
    assert [str(made) for made in read.requirements] == ["cheddar==1.0", "gouda==2.0"]
    assert read.locked
    assert read.left_out == ("mine",)


def test_broken_lock_file_is_named():
    with pytest.raises(InvalidDocument, match=r"pylock\.toml"):
        read_requirement_list('lock-version = "1.0"\npackages = 1\n', "pylock.toml")
