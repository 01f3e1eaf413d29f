"""Names of wheels and sdists, strictly read."""

import pytest

from affineur.standards.archives.naming import parse_filename
from affineur.standards.archives.values import Broken, Limits


def read(filename, **limits):
    return parse_filename(filename, Limits(**limits))


def test_wheel():
    named = read("some_name-1.0.post1-2b-cp311.cp312-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
    assert (named.kind, named.name, named.version, named.build) == ("bdist_wheel", "some-name", "1.0.post1", "2b")
    assert len(named.tags) == 4


def test_sdist():
    named = read("some_name-1.0rc1.tar.gz")
    assert (named.kind, named.name, named.version, named.stem) == ("sdist", "some-name", "1.0rc1", "some_name-1.0rc1")


@pytest.mark.parametrize(
    "platform",
    [
        "any", "win32", "win_amd64", "win_arm64", "manylinux1_i686", "manylinux2014_ppc64le", "manylinux_2_28_aarch64",
        "musllinux_1_2_x86_64", "macosx_10_9_universal2", "macosx_11_0_arm64", "macosx_26_0_arm64",
        "ios_13_0_arm64_iphoneos", "android_21_arm64_v8a", "pyemscripten_2025_0_wasm32", "linux_armv6l", "linux_armv7l",
    ],
)  # fmt: skip
def test_platforms_that_installers_know(platform):
    assert read(f"sample-1.0-cp312-cp312-{platform}.whl").tags == (f"cp312-cp312-{platform}",)


@pytest.mark.parametrize("platform", ["linux_x86_64", "linux_aarch64", "manylinux_2_17", "solaris_x", "macosx_arm64"])
def test_other_platforms_are_refused(platform):
    with pytest.raises(Broken, match="platform tag"):
        read(f"sample-1.0-py3-none-{platform}.whl")


def test_bare_linux_by_setting():
    assert read("sample-1.0-py3-none-linux_x86_64.whl", allow_linux=True).tags == ("py3-none-linux_x86_64",)


@pytest.mark.parametrize(
    "filename",
    [
        "",
        "sample-1.0-py3-none-any.WHL",
        "Sample-1.0-py3-none-any.whl",
        "sam.ple-1.0-py3-none-any.whl",
        "sample--1.0-py3-none-any.whl",
        "sample-1.0-any.whl",
        "sample-nonsense-py3-none-any.whl",
        "sample-1.0-build-py3-none-any.whl",
        "sample-1.0.tar.bz2",
        "sample-1.0.zip",
        "sample.tar.gz",
        "Sample-1.0.tar.gz",
        "sam-ple-1.0.tar.gz",
        "sam.ple-1.0.tar.gz",
        "sample-1.0-1.tar.gz",
        "sample-01.0.tar.gz",
        "sample-1.0.0-alpha.tar.gz",
        "sample-1.0/../x.tar.gz",
        "..\\sample-1.0.tar.gz",
        "sample-1.0\n.tar.gz",
        "sämple-1.0.tar.gz",
        f"{'a' * 300}-1.0.tar.gz",
    ],
)
def test_refused(filename):
    with pytest.raises(Broken):
        read(filename)
