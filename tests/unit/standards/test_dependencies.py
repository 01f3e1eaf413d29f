"""What a release needs, wherever it may be installed."""

import pytest

from affineur.standards.dependencies import dependencies
from tests.support.distributions import metadata_of


def names(*requires, extras=(), **details):
    found = dependencies(metadata_of("cheddar", "1.0", requires=requires, **details), extras)
    return [str(requirement.name) for requirement in found]


@pytest.mark.parametrize(
    "marker",
    [
        'sys_platform == "win32"',
        'sys_platform == "darwin" and platform_machine == "arm64"',
        'python_version < "3.10"',
        'implementation_name == "pypy"',
        'platform_system == "Linux" or os_name == "nt"',
        'platform_release >= "20"',
    ],
)
def test_what_applies_anywhere_is_needed(marker):
    assert names(f"gouda; {marker}") == ["gouda"]


@pytest.mark.parametrize("marker", ['python_version < "3"', 'sys_platform == "cli"', 'extra == "holes"'])
def test_what_applies_nowhere_is_not(marker):
    assert names(f"gouda; {marker}") == []


def test_extras_bring_their_own():
    requires = ('gouda; extra == "holes"', 'brie; extra == "rind" and sys_platform == "win32"', "edam")
    assert names(*requires) == ["edam"]
    assert names(*requires, extras=["holes"]) == ["gouda", "edam"]
    assert names(*requires, extras=["rind"]) == ["brie", "edam"]


def test_what_cannot_be_read_or_is_an_address_is_left_out():
    assert names("gouda", "??", "brie @ https://example.org/brie.whl") == ["gouda"]


@pytest.mark.parametrize(
    ("version", "extra", "told"),
    [("2.1", "", False), ("2.2", "", True), ("2.2", "Dynamic: Requires-Dist\n", False), ("2.4", "", True)],
)
def test_sdist_tells_only_what_it_promises(version, extra, told):
    raw = metadata_of("cheddar", "1.0", requires=["gouda"], version_of_metadata=version, extra=extra)
    assert (dependencies(raw, [], sdist=True) is not None) is told
    assert dependencies(raw, []) is not None
