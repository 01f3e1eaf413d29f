"""Core metadata: read, checked, compared with what a form says."""

import time

import pytest

from affineur.errors import InvalidDocument
from affineur.standards import core_metadata
from affineur.standards.core_metadata import MetadataLimits
from tests.support.distributions import metadata_of


def made(extra="", version="2.4", **details):
    return metadata_of("sample", "1.0", extra=extra, version_of_metadata=version, **details)


@pytest.mark.parametrize("version", core_metadata.VERSIONS)
def test_every_version_is_read(version):
    assert core_metadata.check(made(version=version)).metadata_version == version


def test_newest_fields():
    raw = made("Import-Name: sample\nImport-Namespace: acme\nLicense-Expression: MIT OR Apache-2.0\n", "2.5")
    metadata = core_metadata.check(raw)
    assert metadata.license_expression == "MIT OR Apache-2.0"
    assert core_metadata.check(made("Classifier: Private :: Do Not Upload\n")).classifiers


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (made(version="9.9"), "Metadata-Version"),
        (b"Metadata-Version: 2.1\nVersion: 1.0\n", "Name"),
        (b"Metadata-Version: 2.1\nName: a b\nVersion: 1.0\n", "Name"),
        (b"Metadata-Version: 2.1\nName: sample\nVersion: x\n", "Version"),
        (made("Name: other\n"), "Name"),
        (made("Summary: a\nSummary: b\n"), "Summary"),
        (made(f"Summary: {'x' * 600}\n"), "Summary"),
        (made(f"Project-URL: {'x' * 33}, https://example.org\n"), "Project-URL"),
        (made("License-Expression: whatever\n"), "License-Expression"),
        (made(f"License-Expression: {'MIT OR ' * 500}MIT\n"), "License-Expression"),
        (made("License-File: ../LICENSE\n"), "License-File"),
        (made("Requires-Python: soon\n"), "Requires-Python"),
        (made("Requires-Dist: not a requirement!\n"), "Requires-Dist"),
        (made("Requires-Dist: other @ https://example.org/other.zip\n"), "Requires-Dist"),
        (made("Provides-Dist: other @ https://example.org/other.zip\n"), "Provides-Dist"),
        (made("Dynamic: name\n"), "Dynamic"),
        (made("Description-Content-Type: text/nonsense\n"), "Description-Content-Type"),
    ],
)
def test_wrong_field_is_named(raw, where):
    with pytest.raises(InvalidDocument) as caught:
        core_metadata.check(raw)
    assert caught.value.where == where


def test_direct_reference_by_setting():
    raw = made("Requires-Dist: other @ https://example.org/other.zip\n")
    assert core_metadata.check(raw, MetadataLimits(direct_references=True))


@pytest.mark.parametrize(
    "extra",
    [
        "Classifier: a\n" * 300_000,
        "".join(f"X-{number}: a\n" for number in range(100_000)),
        "".join(f"X-{number}: a\r" for number in range(100_000)),
        "Requires-Dist: a\n" * 100_000,
        "\n" + "\n" * 400_000,
        "\r" * 400_000,
        "Requires-Dist: " + "(" * 100_000 + "\n",
        "License-Expression: " + "(" * 1900 + "\n",
        'Requires-Dist: a; os_name == "' + "x" * 100_000 + "\n",
        "Keywords: " + "a," * 500_000 + "\n",
    ],
)
def test_endless_metadata_is_refused_or_read_in_little_time(extra):
    started = time.monotonic()
    try:
        core_metadata.check(made(extra))
    except InvalidDocument:
        pass
    assert time.monotonic() - started < 5


def test_large_metadata_is_fine():
    requires = [f"dependency-{number}[extra]>=1.0; python_version > '3.{number % 9}'" for number in range(2000)]
    text = "\n" + "Some: words of a long description\n" * 50_000
    assert len(core_metadata.check(made(text, requires=requires)).requires_dist) == 2000
    windows = made(text, requires=["attrs"]).replace(b"\n", b"\r\n")
    assert core_metadata.check(windows).name == "sample"


FORM = {"metadata_version": ["2.4"], "name": ["sample"], "version": ["1.0"]}


@pytest.mark.parametrize(
    ("form", "raw"),
    [
        ({}, made()),
        ({"name": ["Sample"], "version": ["1.0"]}, made()),
        ({"requires_dist": ["Attrs >= 23,<25"]}, made(requires=["attrs<25,>=23"])),
        ({"requires_dist": ["a[x,y]; os_name=='nt'"]}, made(requires=["a[y,x] ; os_name == 'nt'"])),
        ({"requires_python": [">=3.8,<4"]}, made(requires_python="<4, >=3.8")),
        ({"provides_extra": ["Some_Extra"]}, made("Provides-Extra: some-extra\n")),
        ({}, made("Provides-Extra: some-extra\n")),
        ({"metadata_version": ["1.0"]}, made(version="1.0", requires=["attrs"])),
    ],
)
def test_same_in_other_words(form, raw):
    assert core_metadata.differences({**FORM, **form}, raw) == []


@pytest.mark.parametrize(
    ("form", "raw", "said"),
    [
        ({"name": ["other"]}, made(), "Name"),
        ({"version": ["1.1"]}, made(), "Version"),
        ({}, made(requires=["attrs"]), "in the file only"),
        ({"requires_dist": ["attrs"]}, made(), "in the form only"),
        ({"requires_dist": ["attrs>1"]}, made(requires=["attrs>2"]), "Requires-Dist"),
        ({}, made(requires_python=">=3"), "Requires-Python"),
        ({"requires_python": [">=3"]}, made(requires_python=">=4"), "Requires-Python"),
        ({"provides_extra": ["x"]}, made("Provides-Extra: y\n"), "Provides-Extra"),
    ],
)
def test_differences_are_told(form, raw, said):
    assert said in " ".join(core_metadata.differences({**FORM, **form}, raw))
