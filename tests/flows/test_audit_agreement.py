"""An audit finds what the records say and nothing else: compared with the OSV schema's own algorithm, plain and slow."""

import asyncio
import functools
import json
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from affineur import config
from affineur.app import App
from affineur.operations.advisories import AdvisoriesImport, import_advisories
from affineur.operations.audit import Audit, audit
from affineur.operations.operation import Document
from tests.support.advisories import SNAPSHOT, needs_snapshot, snapshot_lines

pytestmark = needs_snapshot


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.cache
def version_of(text):
    try:
        return Version(text)
    except InvalidVersion:
        return None


class Plain:
    """The evaluation of https://ossf.github.io/osv-schema/ over the records as they are written."""

    def __init__(self):
        self.records = [json.loads(line) for line in snapshot_lines()]
        self.affected = {}
        for record in self.records:
            for affected in record["affected"]:
                if affected["package"]["ecosystem"] == "PyPI":
                    self.affected.setdefault(normalised(affected["package"]["name"]), []).append((record, affected))

    def includes(self, affected, version):
        # A local version is a build of its public one.
        version = Version(version.public)
        if any(version == version_of(listed) for listed in affected.get("versions", ())):
            return True
        for stretch in affected.get("ranges", ()):
            if stretch["type"] != "ECOSYSTEM":
                continue
            # A bound that is no version of PEP 440 leaves the range open there.
            events = [event for one in stretch["events"] for event in one.items() if version_of(event[1]) is not None]
            vulnerable = False
            # Where one stretch ends and another begins, the version is affected, however they are listed.
            for kind, bound in sorted(events, key=lambda event: (version_of(event[1]), event[0] == "introduced")):
                if kind == "introduced" and (bound == "0" or version >= version_of(bound)):
                    vulnerable = True
                elif (kind == "fixed" and version >= version_of(bound)) or (
                    kind == "last_affected" and version > version_of(bound)
                ):
                    vulnerable = False
            if vulnerable:
                return True
        return False

    def holes(self, name, text):
        """The groups of aliases that are expected for a release."""
        groups = []
        for record, affected in self.affected.get(normalised(name), ()):
            if record.get("withdrawn") or not self.includes(affected, Version(text)):
                continue
            ids = {record["id"], *record.get("aliases", ())}
            for group in [group for group in groups if group & ids]:
                groups.remove(group)
                ids |= group
            groups.append(ids)
        return groups

    def bounds(self, name):
        """Versions at which something changes for a project, with those listed."""
        found = set()
        for _, affected in self.affected[name]:
            found |= set(affected.get("versions", ()))
            for stretch in affected.get("ranges", ()):
                if stretch["type"] == "ECOSYSTEM":
                    found |= {bound for event in stretch["events"] for bound in event.values()}
        return sorted(text for text in found if version_of(text) is not None)


@pytest.fixture(scope="module")
def plain():
    return Plain()


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """What an audit finds of (name, version) pairs, by an app that holds the snapshot."""
    data = tmp_path_factory.mktemp("audit") / "data"
    loop = asyncio.new_event_loop()
    app = App(config.load(overrides={"data": str(data), "offline": True, "min_free": 0}, environment={}))
    loop.run_until_complete(import_advisories(app.context(), AdvisoriesImport(str(SNAPSHOT))))

    def run(text, name="requirements.txt"):
        return loop.run_until_complete(audit(app.context(), Audit((Document(name, text),))))

    yield run
    loop.run_until_complete(app.close())
    loop.close()


def expected(plain, pins):
    return {
        (normalised(name), Version(version)): sorted(sorted(group) for group in plain.holes(name, version))
        for name, version in pins
    }


def found(report):
    return {
        (row.name, Version(row.version)): sorted(sorted(hole.ids) for hole in row.vulns) for row in report.dependencies
    }


def near(bound, other):
    """Versions around a bound, as release managers make them."""
    version = version_of(bound)
    release = ".".join(map(str, version.release))
    return [
        bound,
        f"{release}rc1",
        f"{release}.dev1",
        f"{release}.post1",
        f"{release}.0",
        f"{version.public}+local.7",
        f"1!{release}",
        f"{release}a1.post2.dev3",
        f"v{release}-1",
        f"{release}_ALPHA.2",
        f"{release}+1",
        "0.dev0",
        "0",
        "99999.1",
        other,
    ]


STACKS = {
    "old web shop": "Django djangorestframework Pillow requests urllib3 sqlparse lxml celery redis django-filter",
    "flask service": "flask werkzeug Jinja2 MarkupSafe itsdangerous flask-cors gunicorn SQLAlchemy pyjwt requests",
    "notebooks": "notebook jupyter-server jupyterlab nbconvert tornado ipython mistune bleach pyzmq pygments",
    "machine learning": "tensorflow numpy pillow keras mlflow scikit-learn pandas joblib protobuf torch",
    "cloud": "ansible paramiko cryptography PyYAML salt boto3 httplib2 rsa ecdsa oauthlib",
    "openstack": "nova keystone glance neutron cinder swift horizon python-keystoneclient oslo.utils swauth",
    "async": "aiohttp starlette fastapi uvicorn httpx h11 sanic websockets twisted treq",
    "build chain": "pip setuptools wheel virtualenv pipenv poetry certifi idna packaging babel",
    "content": "Plone Zope Products.CMFCore wagtail mezzanine feedparser html5lib lxml Markdown2 reportlab",
    "data": "apache-airflow apache-superset pymongo psycopg2 mysqlclient rdflib tablib python-jose xmltodict py",
}


@pytest.mark.parametrize("stack", STACKS)
def test_real_stacks_pinned_at_the_borders_of_records_have_the_expected_findings_and_no_other(plain, audited, stack):
    random_ = random.Random(stack)
    pins = []
    for name in STACKS[stack].split():
        bounds = plain.bounds(normalised(name)) if normalised(name) in plain.affected else ["1.0", "2.31"]
        pins.append((name, random_.choice(near(random_.choice(bounds), random_.choice(bounds)))))
    text = "".join(f"{name}=={version}\n" for name, version in pins)
    assert found(audited(text)) == expected(plain, pins)
    # The same release twice, under markers and with extras, is one finding.
    again = "".join(f'{name.lower()}[socks] == {version} ; python_version > "3.8"\n' for name, version in pins)
    assert found(audited(text + again)) == expected(plain, pins)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_versions_of_any_projects_have_the_expected_findings_and_no_other(plain, audited, data):
    names = data.draw(st.lists(st.sampled_from(sorted(plain.affected)), min_size=5, max_size=15, unique=True))
    pins = []
    for name in names:
        bounds = plain.bounds(name) or ["1.0"]
        bound, other = data.draw(st.sampled_from(bounds)), data.draw(st.sampled_from(bounds))
        pins.append((name, data.draw(st.sampled_from(near(bound, other)))))
    report = audited("".join(f"{name}=={version}\n" for name, version in pins))
    assert found(report) == expected(plain, pins)


def test_odd_versions_of_every_project_have_the_expected_findings_and_no_other(plain, audited):
    for seed in range(3):
        random_ = random.Random(seed)
        pins = []
        for name in sorted(plain.affected):
            bounds = plain.bounds(name) or ["1.0"]
            pins.append((name, random_.choice(near(random_.choice(bounds), random_.choice(bounds)))))
        text = "".join(f"{name}=={version}\n" for name, version in pins)
        assert found(audited(text)) == expected(plain, pins)


def test_a_record_that_does_not_name_the_version_lends_no_ids_to_one_that_does(audited):
    # PYSEC-2021-88 shares an alias with PYSEC-2021-104 and is fixed in 4.6, where the other still holds.
    ids = {one for row in audited("Zope==4.6\n").dependencies for hole in row.vulns for one in hole.ids}
    assert {"PYSEC-2021-104", "CVE-2021-32674"} <= ids
    assert not {"PYSEC-2021-88", "CVE-2021-32633"} & ids
    both = audited("Zope==4.5\n").dependencies[0].vulns
    assert [{"PYSEC-2021-104", "PYSEC-2021-88"} <= set(hole.ids) for hole in both].count(True) == 1


def test_no_fix_that_is_named_is_affected_by_what_it_fixes(plain, audited):
    names = [name for name in sorted(plain.affected) if plain.bounds(name)][::5]
    pins = [(name, plain.bounds(name)[0]) for name in names]
    report = audited("".join(f"{name}=={version}\n" for name, version in pins))
    fixes = [(row, hole, fix) for row in report.dependencies for hole in row.vulns for fix in hole.fix_versions]
    assert len(fixes) > 200
    for row, hole, fix in fixes:
        assert Version(fix) > Version(row.version)
        assert not any(set(hole.ids) & group for group in plain.holes(row.name, fix)), (row.name, hole.id, fix)


def test_withdrawn_records_are_left_out(plain, audited):
    withdrawn = [record for record in plain.records if record.get("withdrawn")]
    assert len(withdrawn) == 10
    listed = [
        (record["id"], affected["package"]["name"], affected["versions"][-1])
        for record in withdrawn
        for affected in record["affected"]
        if affected.get("versions")
    ]
    assert listed
    for identifier, name, version in listed:
        report = audited(f"{name}=={version}\n")
        assert identifier not in {one for row in report.dependencies for hole in row.vulns for one in hole.ids}
