"""A data folder in which 100,000 projects are known, as after years of use."""

from pathlib import Path

from affineur import config
from affineur.model.events import Event
from affineur.storage.catalog.database import Catalog, Change

PROJECTS = 100_000
_AT_ONCE = 10_000


def names():
    """Names as long as ordinary ones, in no order."""
    return [f"{number * 7919 % PROJECTS:05}-project-{number % 97}" for number in range(PROJECTS)]


def _enter(change: Change, projects):
    for project in projects:
        change.enter(Event("page.refreshed", "public", project, data={"added": [f"{project}-1.0-py3-none-any.whl"]}))


def fill(data: Path):
    """Make the folder, with an entry in the ledger for every project."""
    data.mkdir(parents=True)
    catalog = Catalog.open(config.load(overrides={"data": str(data)}, environment={}).database_url)
    projects = names()
    for start in range(0, PROJECTS, _AT_ONCE):
        catalog.write_now(_enter, projects[start : start + _AT_ONCE])
    catalog.close()
