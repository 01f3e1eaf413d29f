"""The ledger on both databases: chained, in order, proved."""

import itertools
import json
import subprocess
import sys
import threading
import time

import pytest
import sqlalchemy as sa

from affineur.errors import Invalid
from affineur.model.events import Event
from affineur.storage.catalog import ledger, projects
from affineur.storage.catalog.database import Catalog
from tests.support.server import Affineur, clean_environment


def enter(catalog, *events):
    def change(change):
        for event in events:
            change.enter(event)

    catalog.write_now(change)


def uploaded(number=0, project="gouda", place="internal"):
    return Event("file.uploaded", place, project, "ada", {"filename": f"{project}-{number}.whl", "ünïcode": [1, None]})


def tamper(catalog, statement, **values):
    with catalog.engine.connect().execution_options(affineur_write=True) as connection, connection.begin():
        connection.execute(sa.text(statement), values)


@pytest.fixture
def ten(catalog):
    for number in range(10):
        enter(catalog, uploaded(number))
    return catalog


def test_entries_are_chained_from_the_first(ten):
    entries = ten.read_now(ledger.after, 0, 100)
    assert [entry.serial for entry in entries] == list(range(1, 11))
    assert entries[0].previous == "0" * 64
    assert all(later.previous == earlier.digest for earlier, later in itertools.pairwise(entries))
    assert entries[3].event == uploaded(3)
    assert ten.read_now(ledger.head) == 10
    assert ten.read_now(ledger.first_broken) is None


def test_an_empty_ledger_is_whole(catalog):
    assert (catalog.read_now(ledger.head), catalog.read_now(ledger.first_broken)) == (0, None)


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE ledger SET actor = 'eve' WHERE serial = 4", 4),
        ("UPDATE ledger SET project = 'brie' WHERE serial = 10", 10),
        ("UPDATE ledger SET at = at + 1 WHERE serial = 1", 1),
        ("UPDATE ledger SET kind = 'file.deleted' WHERE serial = 2", 2),
        ("UPDATE ledger SET place = 'public' WHERE serial = 2", 2),
        ("UPDATE ledger SET data = '{}' WHERE serial = 7", 7),
        ("UPDATE ledger SET data = 'no JSON' WHERE serial = 7", 7),
        ("UPDATE ledger SET digest = :zeros WHERE serial = 5", 5),
        ("UPDATE ledger SET previous = :zeros WHERE serial = 6", 6),
        ("DELETE FROM ledger WHERE serial = 3", 4),
        ("DELETE FROM ledger WHERE serial <= 2", 3),
        ("UPDATE ledger SET serial = 99 WHERE serial = 10", 99),
    ],
)
def test_the_first_broken_entry_is_named(ten, statement, broken):
    values = {"zeros": "0" * 64} if ":zeros" in statement else {}
    tamper(ten, statement, **values)
    assert ten.read_now(ledger.first_broken) == broken


def test_an_entry_forged_with_its_digest_breaks_the_next_one(ten):
    entry = ten.read_now(ledger.after, 4, 1)[0]
    forged = Event(entry.event.kind, entry.event.place, entry.event.project, "eve", entry.event.data)
    at = ten.read_now(lambda connection: connection.execute(sa.text("SELECT at FROM ledger WHERE serial = 5")).scalar())
    digest = ledger._digest(entry.serial, at, forged, entry.previous)
    tamper(ten, "UPDATE ledger SET actor = 'eve', digest = :digest WHERE serial = 5", digest=digest)
    assert ten.read_now(ledger.first_broken) == 6


def test_what_a_refused_change_entered_is_not_there(ten):
    def refused(change):
        change.enter(uploaded(99))
        raise Invalid("no")

    with pytest.raises(Invalid):
        ten.write_now(refused)
    enter(ten, uploaded(10))
    assert ten.read_now(ledger.head) == 11
    assert ten.read_now(ledger.first_broken) is None


def test_filters(catalog):
    enter(catalog, uploaded(1), uploaded(2, "brie"), uploaded(3, "brie", "public"), Event("token.created", actor="ada"))
    enter(catalog, Event("filesystem", "internal", "gouda"))

    def serials(**filters):
        return [entry.serial for entry in catalog.read_now(ledger.after, 0, 100, **filters)]

    assert serials(project="brie") == [2, 3]
    assert serials(place="internal") == [1, 2, 5]
    assert serials(kind="file.") == [1, 2, 3]
    assert serials(kind="file.uploaded", project="brie", place="public") == [3]
    assert serials(kind="file%") == []
    assert [entry.serial for entry in catalog.read_now(ledger.after, 2, 2)] == [3, 4]


def test_a_project_has_the_serial_of_its_last_change_in_each_place(catalog):
    enter(catalog, uploaded(1), uploaded(2, "brie"), uploaded(3, "gouda", "public"), uploaded(4))
    assert catalog.read_now(projects.serials, "internal") == {"gouda": 4, "brie": 2}
    assert catalog.read_now(projects.serials, "public") == {"gouda": 3}
    assert catalog.read_now(projects.changed, "internal", 0) == {"gouda": 4, "brie": 2}
    assert catalog.read_now(projects.changed, "internal", 2) == {"gouda": 4}
    assert catalog.read_now(projects.changed, "internal", 4) == {}
    assert catalog.read_now(projects.serial, "public", "gouda") == 3
    assert catalog.read_now(projects.serial, "public", "brie") == 0


def test_entries_of_places_and_the_last_of_a_kind(catalog):
    enter(catalog, uploaded(1), uploaded(2, "brie", "public"), Event("policy.changed", "main"), uploaded(3))
    enter(catalog, Event("policy.changed", "main", data={"revision": "r2"}))

    def of(places, serial=0, limit=10):
        return [entry.serial for entry in catalog.read_now(ledger.of_projects, places, serial, limit)]

    assert (of(["internal"]), of(["internal", "public", "main"]), of(["internal"], 1)) == ([1, 4], [1, 2, 4], [4])
    assert of(["internal", "public"], 0, 2) == [1, 2]
    assert catalog.read_now(ledger.latest, "policy.changed", "main").event.data == {"revision": "r2"}
    assert catalog.read_now(ledger.latest, "policy.changed", "other") is None


def test_where_projects_were_ever_changed(catalog):
    enter(catalog, uploaded(1), uploaded(2, "gouda", "public"), *(uploaded(0, f"p{number}") for number in range(700)))
    names = ["gouda", "brie", *(f"p{number}" for number in range(700))]
    found = catalog.read_now(projects.places, names)
    assert found["gouda"] == {"internal", "public"}
    assert len(found) == 701 and "brie" not in found
    assert catalog.read_now(projects.changed, "internal", 700) == {"p698": 701, "p699": 702}


WRITER = """
import sys
from affineur.storage.catalog.database import Catalog
from affineur.model.events import Event
from concurrent.futures import ThreadPoolExecutor
catalog = Catalog.open(sys.argv[1])
def one(number):
    catalog.write_now(lambda change: change.enter(Event("file.uploaded", "internal", f"p{number}", sys.argv[2])))
with ThreadPoolExecutor(4) as pool:
    list(pool.map(one, range(100)))
catalog.close()
"""


def test_serials_become_visible_in_order_while_several_processes_write(database_url):
    """A reader that goes on from the last serial it saw misses no entry."""
    catalog = Catalog.open(database_url)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, database_url, str(n)], env=clean_environment())
        for n in range(3)
    ]
    seen, last, deadline = [], 0, time.monotonic() + 60
    while len(seen) < 300 and time.monotonic() < deadline:
        for entry in catalog.read_now(ledger.after, last, 1000):
            seen.append(entry.serial)
            last = entry.serial
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    assert seen == list(range(1, 301))
    assert catalog.read_now(ledger.first_broken) is None
    catalog.close()


def test_a_slow_transaction_on_another_machine_does_not_hide_a_later_serial(database_url):
    """While one has taken a serial and not committed, no later serial may be seen."""
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    catalog, other = Catalog.open(database_url), Catalog.open(database_url)
    begun, done = threading.Event(), threading.Event()

    def slow():
        with other.engine.connect() as connection, connection.begin():
            ledger.append(connection, [uploaded(1)], time.time())
            begun.set()
            done.wait(10)

    thread = threading.Thread(target=slow)
    thread.start()
    begun.wait(10)
    quick = threading.Thread(target=enter, args=(catalog, uploaded(2)))
    quick.start()
    quick.join(0.5)
    assert quick.is_alive(), "the second waits for the first"
    assert catalog.read_now(ledger.after, 0, 10) == []
    done.set()
    thread.join(10)
    quick.join(10)
    assert [entry.event.data["filename"] for entry in catalog.read_now(ledger.after, 0, 10)] == [
        "gouda-1.whl",
        "gouda-2.whl",
    ]
    catalog.close()
    other.close()


def test_the_command_names_the_first_broken_entry_and_says_so_by_its_exit_code(tmp_path, database_url):
    sqlite = database_url.startswith("sqlite")
    data = tmp_path / "data"
    environment = {} if sqlite else {"AFFINEUR_DATABASE": database_url.replace("+psycopg", "")}
    server = Affineur(data, **environment)
    for name in ("ada", "bob", "eve"):
        server.command("user", "add", name)
    whole = server.command("ledger", "verify")
    assert whole.stdout.strip() == "3 entries, the chain is whole"
    catalog = Catalog.open(f"sqlite:///{data / 'catalog.db'}" if sqlite else database_url)
    tamper(catalog, "UPDATE ledger SET actor = 'mallory' WHERE serial = 2")
    catalog.close()
    broken = server.command("ledger", "verify", check=False)
    assert (broken.returncode, broken.stdout.strip()) == (3, "entry 2 does not fit the chain")
    told = json.loads(server.command("ledger", "verify", "--format", "json", check=False).stdout)
    assert told == {"entries": 3, "broken": 2}
