"""bandersnatch mirrors an index completely, over TLS, and follows its changes."""

import hashlib

import pytest

from tests.support.clients import client, run
from tests.support.databases import postgresql
from tests.support.distributions import sdist_bytes, sdist_name, wheel_bytes, wheel_name
from tests.support.server import Affineur
from tests.support.tls import certificate
from tests.support.upstream import Upstream

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
long = pytest.mark.long

CONFIGURATION = """[mirror]
directory = {folder}
master = {master}
json = true
timeout = 10
workers = 2
hash-index = false
stop-on-error = false
storage-backend = filesystem
verifiers = 2
compare-method = hash
release-files = true
{more}
"""


class Mirror:
    """A mirror that one version of bandersnatch makes of an index."""

    def __init__(self, version, affineur, folder, more=""):
        self.version, self.affineur, self.folder = version, affineur, folder
        client(version)
        folder.mkdir()
        self.configuration = folder.with_suffix(".conf")
        text = CONFIGURATION.format(folder=folder, master=f"{affineur.url}/main", more=more)
        self.configuration.write_text(text)

    def sync(self):
        trusted = str(self.affineur.certificate[0])
        arguments = ("bandersnatch", "-c", self.configuration, "mirror")
        run(self.version, *arguments, cwd=self.folder.parent, SSL_CERT_FILE=trusted)

    @property
    def files(self):
        """The digest of each distribution file that was mirrored."""
        found = (self.folder / "web" / "packages").rglob("*")
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in found
            if path.is_file() and path.suffix != ".metadata"
        }

    @property
    def serial(self):
        return int((self.folder / "status").read_text())


def offered(affineur):
    """The digest of each file that the index lists and lets through, and the serial of its root page."""
    root = affineur.get("/main/simple/", headers=JSON).json()
    rows = [row for project in root["projects"] for row in affineur.page(project["name"])["files"]]
    passing = [row for row in rows if affineur.get(row["url"], stream=True).status_code == 200]
    return {row["filename"]: row["hashes"]["sha256"] for row in passing}, root["meta"]["_last-serial"]


@pytest.fixture
def upstream():
    """A real upstream index on loopback."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=long)])
def storage(request):
    if request.param == "sqlite":
        yield {}
        return
    with postgresql() as address:
        yield {"AFFINEUR_DATABASE": address}


@pytest.fixture
def affineur(tmp_path, upstream, storage):
    """A server over TLS with mirrored, uploaded, yanked, refused and quarantined files."""
    upstream.wheel("brie", "1.0")
    upstream.wheel("brie", "1.1", keys={"yanked": "sour"}, padding=200_000)
    upstream.add("brie", sdist_name("brie", "1.0"), sdist_bytes("brie", "1.0"))
    upstream.wheel("half", "1.0")
    upstream.wheel("half", "2.0", keys={"hashes": {}})
    upstream.wheel("none", "1.0", keys={"hashes": {}})
    upstream.wheel("gone", "1.0")
    upstream.statuses["gone"] = {"status": "quarantined", "reason": "bad"}
    with Affineur(tmp_path / "data", upstream.url, certificate=certificate(tmp_path), **storage) as server:
        for name in ("brie", "half", "none", "gone"):
            server.page(name)
        server.secret = server.token()
        publish(server, "gouda", "1.0+local.1")
        yield server


def publish(affineur, name, version):
    answer = affineur.upload(wheel_name(name, version), wheel_bytes(name, version), token=affineur.secret)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("bandersnatch-6.8", "api-method = xmlrpc"),
        ("bandersnatch-6.8", "api-method = simple"),
        pytest.param("bandersnatch-5.3", "", marks=long),
        pytest.param("bandersnatch-8", "", marks=long),
    ],
)
def test_bandersnatch_mirrors_everything_and_follows(affineur, upstream, tmp_path, version, more):
    mirror = Mirror(version, affineur, tmp_path / "mirror", more)
    mirror.sync()
    expected, serial = offered(affineur)
    assert set(expected) >= {
        wheel_name("brie", "1.0"), wheel_name("brie", "1.1"), sdist_name("brie", "1.0"), wheel_name("half", "1.0"),
        wheel_name("gouda", "1.0+local.1"),
    }  # fmt: skip
    assert mirror.files == expected
    assert mirror.serial == serial

    publish(affineur, "gouda", "2.0")
    publish(affineur, "edam", "1.0")
    upstream.log.clear()
    mirror.sync()
    expected, later = offered(affineur)
    assert {wheel_name("gouda", "2.0"), wheel_name("edam", "1.0")} <= set(mirror.files)
    assert mirror.files == expected
    assert mirror.serial == later > serial
    assert upstream.log == [], "what did not change was asked for again"
