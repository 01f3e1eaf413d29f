"""The changelog of an index, on each database: complete, in order, bounded, and of the supplier alone."""

from affineur.model.events import Event
from affineur.model.names import IndexName
from affineur.policy.gate import Gate
from affineur.policy.policies import Policy
from affineur.sources import changelog
from affineur.sources.gated import Gated
from affineur.sources.hosted import Hosted
from affineur.sources.layered import Layered


def index_over(catalog, *names):
    """An index over stores whose projects are those the ledger names."""
    stores = [Hosted(name, [], catalog, None) for name in names]
    return Gated(Layered("main", stores), Gate(IndexName("main"), Policy("open", {}, ())), None, lambda: "")


def enter(catalog, *events):
    def change(made):
        for event in events:
            made.enter(event)

    catalog.write_now(change)


def uploaded(place, project, version="1.0"):
    name = f"{project}-{version}-py3-none-any.whl"
    return Event("file.uploaded", place, project, data={"filename": name, "sha256": "a" * 64, "size": 1})


async def rows(index, catalog, after=0, limit=50_000):
    found = await changelog.changes(index, catalog, after, limit)
    return [(change.project, change.version, change.serial) for change in found]


async def test_more_changes_than_are_asked_for_at_once(catalog):
    for start in range(0, 12_000, 3_000):
        enter(catalog, *(uploaded("internal", f"p{start + number}") for number in range(3_000)))
    index = index_over(catalog, "internal")
    every = await rows(index, catalog)
    assert [serial for _, _, serial in every] == list(range(1, 12_001))
    assert await rows(index, catalog, limit=7_000) == every[:7_000]
    assert await rows(index, catalog, after=11_990) == every[11_990:]
    assert await changelog.last_serial(index) == 12_000


async def test_only_the_store_that_supplies_a_project_and_the_indexes_over_it_count(catalog):
    enter(catalog, uploaded("outer", "brie", "9.0"), uploaded("elsewhere", "brie", "8.0"))
    enter(catalog, uploaded("internal", "brie", "1.0"), uploaded("outer", "milk", "2.0"))
    enter(catalog, Event("token.created"), Event("claim.granted", project="brie"))
    index = index_over(catalog, "internal", "outer")
    assert await rows(index, catalog) == [("brie", "1.0", 3), ("milk", "2.0", 4)]


async def test_nothing_is_promised_that_the_page_does_not_state(catalog):
    enter(catalog, uploaded("internal", "brie"))
    enter(catalog, Event("file.quarantined", "main", "brie", data={}))
    index = index_over(catalog, "internal")
    held = await index.projects()
    assert all(serial <= held[project] for project, _, serial in await rows(index, catalog))
