"""Where a lock is to be installed, and what the gate held back."""

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from affineur.errors import Invalid
from affineur.model.locks import Pin
from affineur.operations import resolve
from affineur.operations.machines import Machines
from affineur.operations.resolve import Asked
from affineur.standards.platforms import read_targets
from affineur.standards.wanted import Want
from tests.support.policy import NOW, file, gate, page


def machines(platforms=(), pythons=(), requires=""):
    return Machines.of(read_targets(platforms, pythons), requires)


def test_machines_that_nobody_named_are_all():
    made = machines(requires=">=3.9,<4")
    assert (made.markers, made.oldest, made.requires_python) == ((), "3.9", "<4,>=3.9")
    assert made.narrowed("sys_platform == 'win32'") == "sys_platform == 'win32'"
    assert made.wanting("") == []


def test_markers_are_kept_where_they_tell_machines_apart():
    made = machines(["linux-x86_64", "windows-amd64"], ["3.11"])
    assert made.markers == (
        "sys_platform == 'linux' and platform_machine == 'x86_64' and python_version == '3.11'",
        "sys_platform == 'win32' and platform_machine == 'AMD64' and python_version == '3.11'",
    )
    assert made.narrowed("python_version < '3.12'") == ""
    assert made.narrowed("sys_platform == 'win32'") == "sys_platform == 'win32'"
    assert made.narrowed("sys_platform == 'darwin'") is None
    assert [target.platform for target in made.wanting("sys_platform == 'win32'")] == ["windows-amd64"]


def test_pythons_without_a_platform_and_platforms_without_a_python():
    made = machines((), ["3.13t", "3.12"])
    assert made.markers == ("python_version == '3.13'", "python_version == '3.12'")
    assert made.oldest == "3.12"
    assert made.narrowed("sys_platform == 'win32'") == "sys_platform == 'win32'"
    assert made.narrowed("python_version >= '3.12'") == ""
    made = machines(["linux-x86_64", "musllinux-x86_64"], (), ">=3.12")
    assert made.markers == ("sys_platform == 'linux' and platform_machine == 'x86_64'",)
    assert made.narrowed("python_full_version < '3.12'") is None
    assert made.narrowed("python_full_version < '3.13'") == "python_full_version < '3.13'"


def test_a_python_that_the_project_does_not_allow():
    with pytest.raises(Invalid, match=r"Python 3\.11 is asked for, and the project says requires-python >=3\.12"):
        machines((), ["3.11"], ">=3.12")


def held_back(files, limits="", **asked):
    listing = page(*files)
    screened = gate({"cooldown": {"days": 3}}).screen(listing, now=NOW)
    found = resolve._held_back(
        screened, Pin("brie", "1.0"), SpecifierSet(limits), Asked("main", (), **asked), machines()
    )
    return found and (found.version, found.until is not None)


def wheel(version, days, **fields):
    return file(f"brie-{version}-py3-none-any.whl", days=days, **fields)


def test_the_newest_that_meets_what_is_asked_and_is_refused_is_held_back():
    files = [wheel("1.0", 90), wheel("1.5", 30), wheel("2.0", 2), wheel("2.1", 1)]
    assert held_back(files) == ("2.1", True)
    assert held_back(files, "<2.1") == ("2.0", True)
    assert held_back(files, "<2") is None
    assert held_back([*files, wheel("3.0rc1", 1), wheel("3.0", 1, yanked=True)]) == ("2.1", True)
    assert held_back([*files, wheel("3.0rc1", 1)], prereleases=True) == ("3.0rc1", True)
    assert held_back([*files, file("brie-3.0.tar.gz", days=1)]) == ("2.1", True)
    older = file("brie-2.1-1-py3-none-any.whl", days=9, version="2.1")
    assert held_back([*files, older]) == ("2.0", True), "of 2.1 a file passes"


def test_limits_come_from_people_and_from_what_is_locked():
    asked = Asked(
        "main", (Want(Requirement("brie>=1"), "-r a.in"),), (Want(Requirement("Brie!=1.2"), "-c b.txt"),),
        upgraded=(Requirement("brie<3"),),
    )  # fmt: skip
    limits = resolve._limits([Pin("app", "1.0", requires=("brie<2",))], asked)
    assert limits["brie"] == SpecifierSet(">=1,!=1.2,<3,<2")


def test_the_usual_machines_are_asked_about_where_no_platform_is_named():
    wheels = [file(f"brie-1.0-py3-none-{tag}.whl") for tag in ("win_amd64", "manylinux_2_17_x86_64")]
    old = machines(pythons=["3.11"])
    assert list(map(str, old.left_out("", wheels))) == ["macos-arm64 Python 3.11"]
    assert old.left_out("sys_platform != 'darwin'", wheels) == []
    assert old.left_out("", [*wheels, file("brie-1.0.tar.gz")]) == []
    assert len(old.left_out("", [file("brie-1.0-cp310-cp310-any.whl")])) == 3
    assert machines(["macos-arm64"], ["3.11"]).left_out("", wheels) == []
