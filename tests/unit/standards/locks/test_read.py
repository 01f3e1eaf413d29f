"""Lock files as the real tools wrote them (their index is renamed), and what is none."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affineur.errors import Invalid, InvalidDocument
from affineur.model.locks import LockKind
from affineur.standards.locks.read import read_lock, reads_as_requirements

FILES = Path(__file__).parents[3] / "data" / "locks"
SIMPLE = "https://packages.example.org/simple"
WINDOWS = 'sys_platform == "win32"'


def read(name):
    return read_lock((FILES / name).read_text(), name)


def rows(lock):
    return {pin.project: (pin.version, pin.marker, pin.groups, len(pin.hashes)) for pin in lock.pins}


WHOLE = {
    "brie": ("1.2", "", ("party",), 2),
    "colour": ("0.4.6", WINDOWS, (), 2),
    "cream": ("1.0", "", ("party",), 2),
    "edam": ("2.1", WINDOWS, (), 2),
    "feta": ("4.0", "", ("dev",), 2),
    "gouda": ("1.5", "", (), 2),
    "milk": ("2.0", "", (), 5),
    "rennet": ("3.0", "", (), 2),
    "salt": ("1.0", "", ("dev", "taste"), 2),
}


def test_uv_lock():
    lock = read("uv.lock")
    assert lock.kind is LockKind.UV
    assert rows(lock) == WHOLE | {"tomato": ("2.0", 'python_full_version < "3.11"', (), 2)}
    assert (lock.requires_python, lock.index_url, lock.extras) == (">=3.10", f"{SIMPLE}/", ("party",))
    assert lock.root.name == "cheese-board"
    assert lock.root.requires == ("edam>=2; sys_platform == 'win32'", "gouda[rind]>=1")
    assert lock.root.extras == (("party", ("brie",)),)
    assert lock.root.groups == (("dev", ("feta", "salt")), ("taste", ("salt",)))
    gouda = next(pin for pin in lock.pins if pin.project == "gouda")
    assert 'rennet==3.0; extra == "rind"' in gouda.requires
    assert [(file.filename, file.size, file.upload_time.isoformat()) for file in gouda.files] == [
        ("gouda-1.5.tar.gz", 369, "2024-01-02T03:04:05+00:00"),
        ("gouda-1.5-py3-none-any.whl", 977, "2024-01-02T03:04:05+00:00"),
    ]
    assert gouda.files[0].url == "https://packages.example.org/files/gouda-1.5.tar.gz"


def test_poetry_lock():
    lock = read("poetry-2.1.lock")
    assert lock.kind is LockKind.POETRY
    assert rows(lock) == WHOLE | {"tomato": ("2.0", 'python_version == "3.10"', (), 2)}
    assert (lock.requires_python, lock.index_url, lock.extras) == (">=3.10", SIMPLE, ("party",))
    gouda = next(pin for pin in lock.pins if pin.project == "gouda")
    assert gouda.requires_python == ">=3.8"
    assert 'colour; sys_platform == "win32"' in gouda.requires
    assert not lock.unread


@pytest.mark.parametrize(("name", "dev"), [("poetry-1.1.lock", ("dev",)), ("poetry-2.0.lock", ())])
def test_poetry_lock_of_older_versions_does_not_tell_everything_and_that_is_said(name, dev):
    lock = read(name)
    held = rows(lock)
    assert {project: row[3] for project, row in held.items() if project != "tomato"} == {
        project: row[3] for project, row in WHOLE.items()
    }
    assert {row[1] for row in held.values()} == {""}
    assert held["brie"][2] == held["cream"][2] == ("party",)
    assert held["feta"][2] == dev
    assert "does not say on which platforms" in lock.unread[0]


def test_pdm_lock():
    lock = read("pdm-4.5.lock")
    assert lock.kind is LockKind.PDM
    assert rows(lock) == WHOLE | {"tomato": ("2.0", 'python_version < "3.11"', (), 2)}
    assert lock.requires_python == ">=3.10"
    assert [(pin.extras, pin.requires) for pin in lock.pins if pin.project == "gouda"] == [
        ((), ('colour; sys_platform == "win32"', "milk>=1", 'tomato; python_version < "3.11"')),
        (("rind",), ("gouda==1.5", "rennet")),
    ]


def test_pipfile_lock():
    lock = read("Pipfile.lock")
    assert lock.kind is LockKind.PIPFILE
    told = [(pin.project, pin.version, pin.extras, pin.groups, len(pin.hashes)) for pin in lock.pins]
    assert told == [
        ("edam", "2.1", (), (), 2),
        ("gouda", "1.5", ("rind",), (), 2),
        ("milk", "2.0", (), (), 5),
        ("rennet", "3.0", (), (), 2),
        ("feta", "4.0", (), ("dev",), 2),
        ("milk", "2.0", (), ("dev",), 5),
        ("salt", "1.0", (), ("dev",), 2),
    ]
    assert (lock.requires_python, lock.index_url) == ("==3.11.*", f"{SIMPLE}/")


def test_pylock_of_uv_and_of_pip():
    uv, pip = read("pylock-uv.toml"), read("pylock-pip.toml")
    assert uv.kind is pip.kind is LockKind.PYLOCK
    assert len(uv.pins) == 10
    assert (uv.requires_python, uv.index_url) == (">=3.10", f"{SIMPLE}/")
    assert {pin.project: [file.filename for file in pin.files] for pin in pip.pins} == {
        "gouda": ["gouda-1.5-py3-none-any.whl"],
        "milk": ["milk-2.0-cp311-cp311-manylinux_2_17_x86_64.whl"],
        "rennet": ["rennet-3.0-py3-none-any.whl"],
    }


def test_requirements_of_uv_and_of_pip_tools():
    uv, tools = read("requirements-uv.txt"), read("requirements-pip-tools.txt")
    assert {pin.project: pin.via for pin in uv.pins}["milk"] == ("edam", "gouda")
    assert {pin.project: pin.via for pin in tools.pins}["gouda"] == ("-r requirements.in",)
    assert uv.index_url == tools.index_url == f"{SIMPLE}/"
    assert uv.pins[0].marker == WINDOWS


FREEZE = """\
gouda==1.5
brie @ file:///home/me/brie-1.2-py3-none-any.whl#sha256=aa
# Editable install with no version control (mine==0.1)
-e /home/me/mine
-e git+https://code.example.org/feta.git@0123456789#egg=feta
"""


def test_freeze_of_an_environment():
    lock = read_lock(FREEZE, "-")
    assert [(pin.project, pin.version, bool(pin.origin), pin.editable) for pin in lock.pins] == [
        ("gouda", "1.5", False, False),
        ("brie", "", True, False),
        ("mine", "", True, True),
        ("feta", "", True, True),
    ]


POETRY = """\
[[package]]
name = "Gouda"
version = "1.0"
category = "dev"
develop = true
optional = false
python-versions = "^3.8"

[package.dependencies]
brie = ">=1.0,<2.0"
edam = [{version = "^0.2.3", markers = "os_name == 'nt'"}, {version = "~1.4", extras = ["old"]}]
milk = {git = "https://code.example.org/milk.git", rev = "main"}

[package.source]
type = "git"
url = "https://code.example.org/gouda.git"
reference = "main"
resolved_reference = "0123456789abcdef"
subdirectory = "src"

[metadata]
lock-version = "1.1"
python-versions = ">=2.7, !=3.0.*"
content-hash = "x"

[metadata.files]
gouda = []
"""


def test_poetry_writes_versions_in_a_grammar_of_its_own():
    (gouda,) = read_lock(POETRY, "poetry.lock").pins
    assert gouda.origin == "git+https://code.example.org/gouda.git@0123456789abcdef#subdirectory=src"
    assert (gouda.groups, gouda.editable, gouda.requires_python) == (("dev",), True, "<4,>=3.8")
    assert gouda.requires == (
        "brie<2.0,>=1.0",
        'edam<0.3,>=0.2.3; os_name == "nt"',
        "edam[old]<1.5,>=1.4",
        "milk @ git+https://code.example.org/milk.git@main",
    )


UV = """\
version = 1
requires-python = ">=3.9"
conflicts = [[{ package = "mine", extra = "a" }, { package = "mine", extra = "b" }]]

[[package]]
name = "mine"
version = "0.1"
source = { editable = "." }
dependencies = [
    { name = "gouda", version = "1.0", source = { registry = "https://a.example.org/simple" }, marker = "python_full_version < '3.11'" },
    { name = "gouda", version = "2.0", source = { registry = "https://a.example.org/simple" }, marker = "python_full_version >= '3.11'" },
    { name = "feta" },
]

[[package]]
name = "gouda"
version = "1.0"
source = { registry = "https://a.example.org/simple" }
resolution-markers = ["python_full_version < '3.11'"]
dependencies = [{ name = "milk", marker = "sys_platform == 'win32'" }]
wheels = [{ url = "https://a.example.org/gouda-1.0-py3-none-any.whl", hash = "sha256:aa" }]

[[package]]
name = "gouda"
version = "2.0"
source = { registry = "https://a.example.org/simple" }
dependencies = [{ name = "milk", marker = "sys_platform == 'darwin'" }, { name = "gouda", version = "2.0" }]

[[package]]
name = "milk"
version = "3.0"
source = { registry = "https://b.example.org/simple" }
dependencies = [{ name = "feta" }]

[[package]]
name = "feta"
version = "4.0"
source = { git = "https://code.example.org/feta.git?subdirectory=src&rev=main#0123456789" }

[[package]]
name = "lone"
version = "1.0"
source = { directory = "../lone" }
"""


def test_uv_markers_follow_every_way_that_leads_to_an_entry():
    lock = read_lock(UV, "uv.lock")
    told = {(pin.project, pin.version): pin for pin in lock.pins}
    assert told["gouda", "1.0"].marker == 'python_full_version < "3.11"'
    assert told["gouda", "2.0"].marker == 'python_full_version >= "3.11"'
    assert told["milk", "3.0"].marker == (
        '(python_full_version < "3.11" and sys_platform == "win32") or '
        '(python_full_version >= "3.11" and sys_platform == "darwin")'
    )
    assert told["feta", "4.0"].marker == ""
    assert told["feta", "4.0"].origin == "git+https://code.example.org/feta.git@0123456789#subdirectory=src"
    assert told["milk", "3.0"].index == "https://b.example.org/simple"
    assert told["lone", "1.0"].origin == "../lone"
    assert lock.unread == ("conflicts: which extras or groups exclude one another",)


PYLOCK = """\
lock-version = "1.0"
environments = ["sys_platform == 'linux'"]
extras = ["party"]
dependency-groups = ["dev"]
created-by = "tests"

[[packages]]
name = "gouda"
version = "1.0"
marker = "('dev' in dependency_groups or 'party' in extras) and (os_name == 'nt' or os_name == 'posix')"
attestation-identities = [{kind = "GitHub", repository = "x/y", workflow = "z"}]
wheels = [{name = "gouda-1.0-py3-none-any.whl", path = "w/gouda-1.0-py3-none-any.whl", hashes = {sha256 = "AA", md5 = "bb"}}]

[[packages]]
name = "feta"
marker = "'dev' in dependency_groups"
vcs = {type = "git", url = "https://code.example.org/feta.git", commit-id = "0123", subdirectory = "src"}

[[packages]]
name = "mine"
directory = {path = ".", editable = true}

[[packages]]
name = "salt"
version = "1.0"
archive = {url = "https://packages.example.org/salt.zip", size = 9, hashes = {sha256 = "cc"}}
"""


def test_pylock_with_everything():
    lock = read_lock(PYLOCK, "pylock.dev.toml")
    gouda, feta, mine, salt = lock.pins
    assert (gouda.groups, gouda.marker) == (("dev", "party"), 'os_name == "nt" or os_name == "posix"')
    assert gouda.hashes == (("sha256", "aa"), ("md5", "bb"))
    assert gouda.files[0].url == "w/gouda-1.0-py3-none-any.whl"
    assert (feta.groups, feta.marker) == (("dev",), "")
    assert feta.origin == "git+https://code.example.org/feta.git@0123#subdirectory=src"
    assert (mine.origin, mine.editable) == (".", True)
    assert (salt.origin, salt.hashes) == ("https://packages.example.org/salt.zip", (("sha256", "cc"),))
    assert (lock.environments, lock.extras) == (('sys_platform == "linux"',), ("party",))
    assert lock.unread == ("gouda: the identities that attested its files",)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("pylock.toml", 'lock-version = "1.0"\ncreated-by = "x"\npackages = 1\n', "pylock.toml: packages"),
        ("pylock.toml", 'lock-version = "1.0"\n[', "pylock.toml: "),
        ("uv.lock", "version = 2\n[[package]]\nname = 'x'\n", "version 2 of the format is not known"),
        ("uv.lock", "version = 1\n[[package]]\nversion = '1'\n", r"package\[0\].name: it is missing"),
        ("uv.lock", "version = 1\n[[package]]\nname = 'x'\nsource = 1\n", r"package\[0\].source: a table"),
        ("poetry.lock", '[[package]]\nname = "-"\n[metadata]\nlock-version = "2.1"\n', r"package\[0\].name"),
        ("pdm.lock", '[metadata]\nlock_version = "4"\n[[package]]\nname = "a"\nfiles = [{hash = "x"}]\n', "no hash"),
        ("Pipfile.lock", '{"default": {}}', "no Pipfile.lock"),
        ("Pipfile.lock", "{", "Pipfile.lock: "),
        ("Pipfile.lock", '{"_meta": {}, "default": {"a": {"hashes": "x"}}}', "default.a.hashes: a list of strings"),
        ("Pipfile.lock", '{"_meta": {}, "default": {"a": {"markers": "x"}}}', "default.a"),
        ("pyproject.toml", '[project]\nname = "x"\n', "is no lock file: lock it first"),
        ("other.toml", "a = 1\n", "no lock file of"),
    ],
)
def test_what_is_no_lock_is_named_with_its_place(name, text, problem):
    with pytest.raises(InvalidDocument, match=problem) as caught:
        read_lock(text, name)
    assert caught.value.sentence.startswith(name)


def test_formats_are_told_apart_by_content_before_name():
    for file in FILES.iterdir():
        text = file.read_text()
        assert read_lock(text, "lock").kind is read_lock(text, file.name).kind
        assert reads_as_requirements(text, "lock") == file.name.startswith("requirements")


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(FILES.iterdir())), st.data())
def test_what_is_damaged_is_refused_and_never_breaks_the_reader(file, data):
    text = file.read_text()
    start = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 40))
    text = text[:start] + data.draw(st.text("\"'[]{}=\\,:#\n a1-", max_size=6)) + text[start + cut :]
    try:
        read_lock(text, file.name)
    except Invalid as error:
        assert error.sentence


@settings(deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["_meta", "default", "a", "hashes", "version", "sources"]), inner)))  # fmt: skip
def test_any_json_is_read_or_refused(value):
    try:
        read_lock(json.dumps({"_meta": {}, "default": value}), "Pipfile.lock")
    except Invalid:
        pass


POETRY_OF_BOTH = """\
[[package]]
name = "gouda"
version = "1.0"
optional = true
python-versions = "*"
groups = ["main", "dev"]
files = []

[package.markers]
main = "extra == \\"party\\""

[extras]
party = ["gouda"]

[metadata]
lock-version = "2.1"
python-versions = "*"
"""


def test_poetry_entry_of_an_extra_and_of_a_group():
    (gouda,) = read_lock(POETRY_OF_BOTH, "poetry.lock").pins
    assert (gouda.groups, gouda.marker) == (("party", "dev"), "")
