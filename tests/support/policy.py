"""Pages, policies and judgements for tests that need no server."""

from datetime import UTC, datetime, timedelta

from affineur import config
from affineur.model.files import File, Page, UploadTimeSource
from affineur.model.names import IndexName, ProjectName, SourceName
from affineur.policy.evidence import NOTHING
from affineur.policy.gate import Gate
from affineur.policy.policies import read_policy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def file(filename="brie-1.0-py3-none-any.whl", *, days=100.0, **fields):
    """A file uploaded so many days ago; days=None: nobody says when."""
    moment = NOW - timedelta(days=days) if days is not None else None
    given = {
        "version": filename.split("-")[1].removesuffix(".tar.gz"),
        "hashes": {"sha256": "a" * 64},
        "size": 1000,
        "upload_time": moment,
        "upload_time_source": UploadTimeSource.UPSTREAM if moment else None,
        "first_seen": moment,
        **fields,
    }
    return File(filename, **given)


def page(*files, project="brie", mirrored=True, **fields):
    return Page(ProjectName(project), tuple(files), SourceName("public"), mirrored=mirrored, **fields)


def gate(table, index="main"):
    """The gate of an index whose policy is the table."""
    return Gate(IndexName(index), read_policy("tested", table, config.load(environment={})))


def verdicts(table, listing, *, now=NOW, evidence=NOTHING):
    """The verdict that decides about each file, by file name."""
    screened = gate(table).screen(listing, now=now, evidence=evidence)
    return {name: decision.strictest for name, decision in screened.decisions.items()}


def verdict(table, one, *, now=NOW, evidence=NOTHING, **fields):
    """The verdict that decides about a file on a page of its own."""
    return verdicts(table, page(one, **fields), now=now, evidence=evidence)[one.filename]
