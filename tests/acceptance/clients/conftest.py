"""What real clients are pointed at: a few projects that depend on each other, upstream and uploaded."""

import pytest

from tests.support import databases, distributions
from tests.support.distributions import BACKEND, sdist_bytes, sdist_name, wheel_bytes, wheel_name


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database(request):
    """The setting `database`; what clients do depends on it so little that one is enough for every run."""
    with databases.setting(request.param) as address:
        yield address


@pytest.fixture(scope="module")
def configuration():
    """Everything is let through: what clients do when a file is refused is tested elsewhere."""
    open_to_all = 'sources = ["internal", "public"]\npolicy = "open"\n'
    return f"[indexes.main]\n{open_to_all}[indexes.closed]\n{open_to_all}anonymous = false\n"


@pytest.fixture(scope="module")
def projects(upstream, affineur, token):
    """quince needs medlar (an sdist) needs sorbus-aria; also a local version, a yank, one with no metadata, one of ours."""
    upstream.wheel("quince", "1.0", requires=["medlar>=1"])
    upstream.wheel("quince", "1.1", requires=["medlar>=1", 'rowan; extra == "more"'], extra="Provides-Extra: more\n")
    upstream.wheel("quince", "2.0", requires=["medlar>=1"], keys={"yanked": "tastes of soap"})
    upstream.wheel("quince", "3.0", requires_python=">=3.99", keys={"requires-python": ">=3.99"})
    details = {"requires": ["sorbus-aria"], "files": {"backend.py": BACKEND}}
    upstream.add("medlar", sdist_name("medlar", "1.2"), sdist_bytes("medlar", "1.2", **details))
    upstream.wheel("sorbus-aria", "1.0", keys={"upload-time": "2024-01-02T03:04:05.000000Z"})
    upstream.wheel("sorbus-aria", "1.5", keys={"upload-time": "2026-06-02T03:04:05.000000Z"})
    upstream.wheel("rowan", "1.0", keys={"core-metadata": False}, padding=1_500_000)
    upstream.wheel("azarole", "1.0+gpu.1")
    for version in ("1.0", "1.1"):
        body = wheel_bytes("our-own", version, requires=["quince"])
        form = {"requires_dist": ["quince"]}
        assert affineur.upload(wheel_name("our-own", version), body, token=token, name="our-own", fields=form).ok
    return distributions


@pytest.fixture
def index(affineur, projects):
    """The address clients are given."""
    del projects
    return affineur.index()


def installed(folder):
    """The distributions installed in a folder, as NAME-VERSION."""
    return {path.name.removesuffix(".dist-info") for path in folder.glob("*.dist-info")}
