"""Real programs that speak the older interfaces: pip search, hashin, yarg."""

import hashlib
import json

import pytest

from tests.support.clients import run
from tests.support.distributions import metadata_of, sdist_bytes, sdist_name, wheel_bytes, wheel_name
from tests.support.upstream import Upstream

TOLD = """Summary: a soft cheese
Home-page: https://example.org/brie
Author: Ada
Author-email: ada@example.org
Maintainer: Bob
License: MIT
Classifier: License :: OSI Approved :: MIT License
Classifier: Programming Language :: Python :: 3.11
Classifier: Programming Language :: Python :: Implementation :: CPython

A long text.
"""


@pytest.fixture(scope="module")
def upstream():
    made = Upstream()
    made.wheel("zope-brie", "1.0")
    made.wheel("zope-brie", "2.0", metadata=metadata_of("zope.brie", "2.0", extra=TOLD))
    made.add("zope-brie", sdist_name("zope-brie", "2.0"), sdist_bytes("zope-brie", "2.0"))
    made.wheel("zope-brie", "2.1", keys={"hashes": {}})
    yield made
    made.stop()


@pytest.fixture(scope="module")
def digests(affineur, upstream, token):
    """The digest of each file; the mirror has seen its project, and `gouda` is uploaded."""
    affineur.page("zope-brie")
    body = wheel_bytes("gouda", "1.0")
    assert affineur.upload(wheel_name("gouda", "1.0"), body, token=token).status_code == 200
    bodies = {**upstream.bodies, wheel_name("gouda", "1.0"): body}
    return {name: hashlib.sha256(content).hexdigest() for name, content in bodies.items()}


@pytest.mark.parametrize("pip", ["pip-20.3", "pip-newest"])
@pytest.mark.parametrize("name", ["zope.brie", "Zope_Brie", "BRIE"])
def test_pip_search_finds_names_in_any_spelling(affineur, digests, pip, name):
    for address in ("main/pypi", "pypi"):
        found = run(pip, "python", "-m", "pip", "search", "--index", f"{affineur.url}/{address}", name)
        assert [line.split() for line in found.stdout.splitlines()] == [
            ["zope.brie", "(2.0)", "-", "a", "soft", "cheese"]
        ]


def test_pip_search_that_finds_nothing_says_so(affineur, digests):
    found = run(
        "pip-newest", "python", "-m", "pip", "search", "--index", f"{affineur.url}/pypi", "no-such", check=False
    )
    assert found.returncode == 23, found.stderr


def test_hashin_writes_the_hashes_of_what_can_be_had(affineur, digests, tmp_path):
    written = tmp_path / "requirements.txt"
    written.touch()
    for place in ("", "main/simple/"):
        run("hashin", "hashin", "--index-url", f"{affineur.url}/{place}", "-r", written, "zope-brie", "gouda")
    lines = written.read_text().split("\n\n")[0].replace("\\\n", " ").splitlines()
    told = {line.split()[0]: {word.removeprefix("--hash=sha256:") for word in line.split()[1:]} for line in lines}
    assert told == {
        "zope.brie==2.0": {digests[wheel_name("zope-brie", "2.0")], digests[sdist_name("zope-brie", "2.0")]},
        "gouda==1.0": {digests[wheel_name("gouda", "1.0")]},
    }


READ = """
import json, sys, yarg
p = yarg.get("zope-brie", pypi_server=sys.argv[1])
one = p.latest_release[0]
print(json.dumps({
    "name": p.name, "summary": p.summary, "description": p.description, "home": p.homepage, "author": list(p.author),
    "maintainer": p.maintainer.name, "license": p.license_from_classifiers, "pythons": p.python_versions,
    "implementations": p.python_implementations, "downloads": list(p.downloads), "latest": p.latest_release_id,
    "releases": sorted(p.release_ids), "wheel": p.has_wheel, "docs": p.docs, "bugs": p.bugtracker,
    "kinds": sorted(r.package_type for r in p.latest_release), "uploaded": one.uploaded.isoformat(),
    "signed": one.has_sig, "md5": one.md5_digest, "size": one.size, "url": p.pypi_url,
}))
"""


def test_yarg_reads_every_old_field(affineur, upstream, digests):
    answer = run("yarg", "python", "-c", READ, f"{affineur.url}/main/pypi/")
    told = json.loads(answer.stdout)
    assert told.pop("size") in {len(body) for body in upstream.bodies.values()}
    assert told == {
        "name": "zope.brie", "summary": "a soft cheese", "description": "A long text.\n", "home": "https://example.org/brie",
        "author": ["Ada", "ada@example.org"], "maintainer": "Bob", "license": "MIT License", "pythons": ["3.11"],
        "implementations": ["CPython"], "downloads": [-1, -1, -1], "latest": "2.0", "releases": ["1.0", "2.0"],
        "wheel": True, "docs": None, "bugs": None, "kinds": ["source", "wheel"], "uploaded": "2024-01-02T03:04:05",
        "signed": False, "md5": None, "url": f"{affineur.url}/main/project/zope-brie/",
    }  # fmt: skip
