"""Which files fit which platforms and Pythons."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker

from affineur.errors import Invalid
from affineur.standards.platforms import PLATFORMS, Target, fits, read_targets

FILES = (
    "gouda-1.0.tar.gz",
    "gouda-1.0-py3-none-any.whl",
    "gouda-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "gouda-1.0-cp311-cp311-manylinux_2_28_aarch64.whl",
    "gouda-1.0-cp311-cp311-musllinux_1_2_x86_64.whl",
    "gouda-1.0-cp311-cp311-macosx_11_0_arm64.whl",
    "gouda-1.0-cp311-cp311-macosx_10_9_universal2.whl",
    "gouda-1.0-cp311-cp311-macosx_10_9_x86_64.whl",
    "gouda-1.0-cp311-cp311-win_amd64.whl",
    "gouda-1.0-cp312-cp312-win_amd64.whl",
    "gouda-1.0-cp38-abi3-win_amd64.whl",
    "gouda-1.0-cp313-cp313t-win_amd64.whl",
    "gouda-1.0-py3-none-win32.whl",
    "gouda-1.0-py2-none-any.whl",
    "gouda-1.0-pp310-pypy310_pp73-win_amd64.whl",
    "gouda-1.0-py3.11.egg",
    "gouda-1.0.win32.exe",
)


@pytest.mark.parametrize(
    ("platforms", "pythons", "numbers"),
    [
        (["linux-x86_64"], ["3.11"], [0, 1, 2]),
        (["linux"], ["3.11"], [0, 1, 2, 3]),
        (["musllinux-x86_64"], ["3.11"], [0, 1, 4]),
        (["macos-arm64"], ["3.11"], [0, 1, 5, 6]),
        (["macos-amd64"], ["3.11"], [0, 1, 6, 7]),
        (["Windows-AMD64"], ["3.11"], [0, 1, 8, 10]),
        (["windows-x86_64"], ["3.12"], [0, 1, 9, 10]),
        (["windows-amd64"], ["3.13t"], [0, 1, 11]),
        (["windows-x86"], ["3.11"], [0, 1, 12]),
        (["windows-amd64"], [], [0, 1, 8, 9, 10, 11, 13, 14]),
        ([], ["3.12"], [0, 1, 9, 10, 12]),
        (["linux-x86_64", "windows-amd64"], ["3.11", "3.12"], [0, 1, 2, 8, 9, 10]),
        ([], [], list(range(len(FILES)))),
    ],
)
def test_files_that_fit(platforms, pythons, numbers):
    targets = read_targets(platforms, pythons)
    assert [at for at, name in enumerate(FILES) if fits(name, targets)] == numbers


def test_what_a_file_says_of_python_counts():
    assert Target("", "3.11").fits("gouda-1.0.tar.gz", ">=3.11.4")
    assert not Target("", "3.11").fits("gouda-1.0.tar.gz", ">=3.12")
    assert not Target("", "3.13t").fits("gouda-1.0.tar.gz", "<3.13")
    assert Target("linux-x86_64", "").fits("gouda-1.0.tar.gz", "<3")
    assert Target("", "3.11").fits("gouda-1.0.tar.gz", "any you like")


@pytest.mark.parametrize("name", ["beos", "linux-z80", "windows-", "", "-x86_64"])
def test_platform_that_is_not_known_is_refused(name):
    with pytest.raises(Invalid, match="no platform"):
        read_targets([name], [])


@pytest.mark.parametrize("version", ["3", "2.7", "python3.11", "3.11.4", "3.11x"])
def test_python_that_is_none_is_refused(version):
    with pytest.raises(Invalid, match="no version of Python"):
        read_targets([], [version])


@given(st.sampled_from(PLATFORMS), st.sampled_from(["3.9", "3.11", "3.13t"]))
def test_markers_see_every_target(platform, python):
    environment = Target(platform, python).environment()
    assert Marker(f'python_version == "{python.rstrip("t")}"').evaluate(environment)
    system = Marker('sys_platform == "win32"').evaluate(environment)
    assert system == platform.startswith("windows")


def test_markers_see_the_machine_as_python_names_it():
    assert Target("windows-amd64", "3.11").environment()["platform_machine"] == "AMD64"
    assert Target("macos-arm64", "3.11").environment()["platform_machine"] == "arm64"
    assert Target("linux-aarch64", "3.11").environment()["platform_machine"] == "aarch64"
