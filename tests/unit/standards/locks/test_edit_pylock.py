"""Other releases in a pylock.toml."""

import tomllib
from dataclasses import replace

import pytest

from affineur.errors import Invalid
from affineur.model.locks import LockedFile
from affineur.standards.locks.edit_pylock import edit_pylock
from affineur.standards.locks.read import read_lock

TEXT = """\
# kept

lock-version = "1.0"
created-by = "other"
default-groups = ["dev"]
dependency-groups = ["dev"]

[[packages]]
name = "brie"
version = "1.0"
wheels = [{url = "https://example.org/brie-1.0-py3-none-any.whl", hashes = {sha256 = "aa"}}]
attestation-identities = [{kind = "GitHub", repository = "a/b"}]

[[packages]]
name = "board"
version = "2.0"
marker = "'dev' in dependency_groups"
dependencies = [{name = "brie", version = "1.0"}]
wheels = [{url = "https://example.org/board-2.0-py3-none-any.whl", hashes = {sha256 = "bb"}}]
attestation-identities = [{kind = "GitHub", repository = "a/c"}]
"""


def raised(lock):
    name = "brie-1.1-py3-none-any.whl"
    file = LockedFile(name, (("sha256", "cc"),), f"http://127.0.0.1/{name}", 7)
    return {lock.pins[0]: replace(lock.pins[0], version="1.1", files=(file,), index="http://127.0.0.1/main/simple/")}


def test_only_the_entry_that_changes_does_and_what_names_its_version():
    lock = read_lock(TEXT, "pylock.toml")
    text = edit_pylock(TEXT, "pylock.toml", lock, raised(lock), [])
    assert text.startswith('# kept\n\nlock-version = "1.0"\n')
    before, after = tomllib.loads(TEXT), tomllib.loads(text)
    assert after["packages"][0]["version"] == "1.1"
    assert [one["hashes"] for one in after["packages"][0]["wheels"]] == [{"sha256": "cc"}]
    # They are said of the files that were there.
    assert "attestation-identities" not in after["packages"][0]
    before["packages"][1]["dependencies"][0]["version"] = "1.1"
    assert after["packages"][1] == before["packages"][1]
    assert {**after, "packages": []} == {**before, "packages": []}


def test_nothing_to_change_is_the_same_document():
    text = edit_pylock(TEXT, "pylock.toml", read_lock(TEXT, "pylock.toml"), {}, [])
    assert tomllib.loads(text) == tomllib.loads(TEXT)
    assert edit_pylock(text, "pylock.toml", read_lock(text, "pylock.toml"), {}, []) == text


def test_what_cannot_be_written_is_refused():
    lock = read_lock(TEXT, "pylock.toml")
    (new,) = raised(lock).values()
    with pytest.raises(Invalid, match="address"):
        edit_pylock(TEXT, "pylock.toml", lock, {lock.pins[0]: replace(new, files=(LockedFile("a.whl"),))}, [])
