"""Every named question of the catalog, on both databases."""

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from affineur.errors import Conflict, FileUnknown, Invalid, NotFound, ProjectUnknown, StorageUnavailable
from affineur.model.events import Event
from affineur.model.files import File, ProjectStatus, Status
from affineur.model.principals import Right
from affineur.model.scans import Scan
from affineur.storage.catalog import (
    blobs,
    cache,
    decisions,
    evidence,
    hosted,
    ledger,
    listings,
    metadata,
    principals,
)
from affineur.storage.catalog.database import Catalog

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def file(filename="gouda-1.0-py3-none-any.whl", sha256=A, version="1.0", **more):
    return File(filename=filename, version=version, hashes={"sha256": sha256}, size=10, **more)


def add(catalog, filename="gouda-1.0-py3-none-any.whl", sha256=A, version="1.0", project="gouda", **sides):
    catalog.write_now(hosted.add, "internal", project, file(filename, sha256, version), "ada", sides)


def kinds(catalog):
    return [entry.event.kind for entry in catalog.read_now(ledger.after, 0, 100)]


def test_a_change_that_fails_is_rolled_back_alone(catalog):
    def good(change, name):
        principals.add_user(change, name)
        return name

    def bad(change):
        principals.add_user(change, "bad")
        raise Invalid("no")

    def worse(change):
        principals.add_user(change, "worse")
        raise RuntimeError("a fault")

    gate = threading.Event()
    waiting = catalog._submit(lambda change: gate.wait(10))
    futures = [catalog._submit(lambda c: good(c, "ada")), catalog._submit(bad), catalog._submit(worse)]
    futures.append(catalog._submit(lambda c: good(c, "bob")))
    gate.set()
    waiting.result(10)
    assert [futures[0].result(10), futures[3].result(10)] == ["ada", "bob"]
    with pytest.raises(Invalid):
        futures[1].result(10)
    with pytest.raises(RuntimeError):
        futures[2].result(10)
    assert catalog.read_now(principals.users) == ["ada", "bob"]
    assert kinds(catalog) == ["user.added", "user.added"]


def test_a_listener_with_a_fault_keeps_nobody_from_what_was_committed(catalog):
    def broken(_what):
        raise RuntimeError("no ears")

    heads = []
    for listener in (broken, heads.append):
        catalog.on_commit(listener)
        catalog.on_jobs(listener)
    for user in ("ada", "bob"):
        catalog._submit(lambda change, user=user: principals.add_user(change, user)).result(10)
    assert catalog.read_now(principals.users) == ["ada", "bob"]
    assert len(heads) == 2


def test_changes_that_wait_are_committed_together(catalog):
    heads = []
    catalog.on_commit(heads.append)
    gate = threading.Event()
    waiting = catalog._submit(lambda change: gate.wait(10))
    futures = [catalog._submit(lambda change: change.enter(Event("file.uploaded"))) for _ in range(50)]
    gate.set()
    for future in (waiting, *futures):
        future.result(10)
    assert heads[-1] == 50
    assert len(heads) <= 2, "some were taken with the first, the rest together"


def test_listeners_are_told_only_of_what_is_committed_and_visible(catalog):
    seen = []
    catalog.on_commit(lambda head: seen.append((head, catalog.read_now(ledger.head))))
    catalog.write_now(principals.add_user, "ada")
    catalog.write_now(blobs.record, A, 1, "", "", "mirror")
    with pytest.raises(Conflict):
        catalog.write_now(principals.add_user, "ada")
    assert seen == [(1, 1)]


async def test_a_caller_that_was_cancelled_does_not_end_the_writer(catalog):
    gate = threading.Event()
    blocked = asyncio.ensure_future(catalog.write(lambda change: gate.wait(10)))
    await asyncio.sleep(0.05)
    waiting = asyncio.ensure_future(catalog.write(principals.add_user, "eve"))
    await asyncio.sleep(0.05)
    blocked.cancel()
    waiting.cancel()
    await asyncio.sleep(0.05)
    gate.set()
    await asyncio.gather(blocked, waiting, return_exceptions=True)
    await catalog.write(principals.add_user, "ada")
    assert await catalog.read(principals.users) == ["ada"], "what was cancelled before it began is not done"


def test_an_error_of_the_database_fails_the_group_and_not_the_next(catalog):
    with pytest.raises(StorageUnavailable, match="cannot be written"):
        catalog.write_now(lambda change: change.connection.execute(sa.text("SELECT * FROM no_such_table")))
    catalog.write_now(principals.add_user, "ada")
    with pytest.raises(StorageUnavailable, match="does not answer"):
        catalog.read_now(lambda connection: connection.execute(sa.text("SELECT * FROM no_such_table")))


def test_a_key_taken_twice_is_a_sentence(catalog):
    def twice(change):
        for _ in range(2):
            change.connection.execute(sa.text("INSERT INTO claims VALUES ('gouda', 'ada', 1)"))

    with pytest.raises(StorageUnavailable, match="contradicts another"):
        catalog.write_now(twice)
    assert not catalog.read_now(hosted.claim_granted, "gouda")


def test_a_change_with_wrong_values_fails_alone(catalog):
    def wrong(change):
        statement = sa.text("INSERT INTO claims VALUES (:name, 'ada', :at)")
        change.connection.execute(statement, {"name": "gouda", "at": {"no": "number"}})

    gate = threading.Event()
    waiting = catalog._submit(lambda change: gate.wait(10))
    futures = [catalog._submit(wrong), catalog._submit(lambda change: principals.add_user(change, "ada"))]
    gate.set()
    waiting.result(10)
    with pytest.raises(StorageUnavailable):
        futures[0].result(10)
    futures[1].result(10)
    assert catalog.read_now(principals.users) == ["ada"]


def test_nobody_is_told_what_a_group_that_failed_had_found(catalog):
    """The second finds what the first did; when neither is committed it must not be told so."""
    gate = threading.Event()
    waiting = catalog._submit(lambda change: gate.wait(10))
    broken = (
        "SELECT * FROM no_such_table"
        if catalog.engine.dialect.name == "sqlite"
        else "SELECT pg_terminate_backend(pg_backend_pid())"
    )
    futures = [
        catalog._submit(lambda change: principals.add_user(change, "ada")),
        catalog._submit(lambda change: principals.add_user(change, "ada")),
        catalog._submit(lambda change: change.connection.execute(sa.text(broken))),
    ]
    gate.set()
    assert isinstance(waiting.exception(10), StorageUnavailable)
    assert [type(future.exception(10)) for future in futures] == [StorageUnavailable] * 3
    assert catalog.read_now(principals.users) == []


def test_servers_that_write_the_same_rows_at_once_do_not_get_in_each_others_way(database_url):
    opened = [Catalog.open(database_url) for _ in range(4)]

    def writes(number):
        digest = f"{number:064x}"
        held = cache.Held(digest, 10, "public", "gouda", f"gouda-{number}.whl")
        outcome = decisions.Outcome("main", f"p{number}", "r1", NOW, refused={"a.whl": "held"})
        place = {f"{number:020x}": decisions.Place("main", f"p{number}", "a.whl")}
        return [
            lambda change: metadata.record(change, digest, A, "file"),
            lambda change: listings.store(change, "public", f"p{number}", b"document", "", ""),
            lambda change: blobs.record(change, digest, 10, "", "", "mirror"),
            lambda change: cache.arrived(change, held, "", ""),
            lambda change: decisions.record(change, [outcome], place),
            lambda change: evidence.record(change, evidence.SCAN, digest, "1", f"p{number}", "a.whl", Scan("1")),
            lambda change: hosted.grant_claim(change, f"p{number}", "root"),
            lambda change: change.enter(Event("file.uploaded", "internal", f"p{number}")),
        ]

    def server(which):
        order = [write for number in range(25) for write in writes(number)]
        random.Random(which).shuffle(order)
        for future in [opened[which]._submit(write) for write in order]:
            future.result(60)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(server, range(4)))
    assert opened[0].read_now(ledger.first_broken) is None
    assert len(opened[0].read_now(decisions.judged, "main")) == 25
    for catalog in opened:
        catalog.close()


def test_what_was_written_is_there_for_another_process(database_url):
    catalog, other = Catalog.open(database_url), Catalog.open(database_url)
    catalog.write_now(principals.add_user, "ada")
    assert other.read_now(principals.users) == ["ada"]
    catalog.close()
    other.close()


def test_readers_go_on_while_a_change_is_made(catalog):
    gate = threading.Event()
    waiting = catalog._submit(lambda change: (principals.add_user(change, "ada"), gate.wait(10)))
    began = time.monotonic()
    assert catalog.read_now(principals.users) == []
    assert time.monotonic() - began < 1
    gate.set()
    waiting.result(10)
    assert catalog.read_now(principals.users) == ["ada"]


def test_pending_changes_are_finished_at_the_close(database_url):
    catalog = Catalog.open(database_url)
    futures = [catalog._submit(lambda change: change.enter(Event("file.uploaded"))) for _ in range(200)]
    catalog.close()
    assert all(future.done() and future.exception() is None for future in futures)
    again = Catalog.open(database_url)
    assert again.read_now(ledger.head) == 200
    again.close()


def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path):
    for address in (
        "postgresql+psycopg://postgres@127.0.0.1:9/nothing",
        f"sqlite:///{tmp_path / 'no' / 'folder' / 'catalog.db'}",
    ):
        with pytest.raises(StorageUnavailable, match="cannot be opened"):
            Catalog.open(address)
    (tmp_path / "text.db").write_text("this is no database, but a text of some length\n" * 100)
    with pytest.raises(StorageUnavailable, match="cannot be opened"):
        Catalog.open(f"sqlite:///{tmp_path / 'text.db'}")


def test_sqlite_is_durable_and_does_not_block_readers(tmp_path):
    catalog = Catalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")
    asked = [
        catalog.read_now(lambda c, p=p: c.exec_driver_sql(f"PRAGMA {p}").scalar())
        for p in ("journal_mode", "synchronous")
    ]
    assert asked == ["wal", 2]
    catalog.close()


def test_the_first_upload_claims_the_name_and_files_are_listed_by_name(catalog):
    assert not catalog.read_now(hosted.owns, "internal", "gouda")
    add(catalog, "gouda-2.0-py3-none-any.whl", B, "2.0")
    add(catalog, metadata=C)
    assert catalog.read_now(hosted.owns, "internal", "gouda")
    assert not catalog.read_now(hosted.owns, "other", "gouda")
    listed = catalog.read_now(hosted.files, "internal", "gouda")
    assert [(f.filename, f.sha256, f.yanked) for f in listed] == [
        ("gouda-1.0-py3-none-any.whl", A, False), ("gouda-2.0-py3-none-any.whl", B, False),
    ]  # fmt: skip
    assert catalog.read_now(hosted.side_files, "internal", "gouda-1.0-py3-none-any.whl") == {"metadata": C}
    assert catalog.read_now(hosted.side_files, "internal", "gouda-2.0-py3-none-any.whl") == {}
    assert catalog.read_now(hosted.side_files, "internal", "brie.whl") == {}
    assert catalog.read_now(hosted.files, "internal", "brie") == []


def test_every_field_of_a_file_comes_back(catalog):
    whole = file(
        upload_time=NOW, requires_python=">=3.8", metadata_hashes={"sha256": C}, provenance="hosted", signed=True,
        first_seen=NOW,
    )  # fmt: skip
    catalog.write_now(hosted.add, "internal", "gouda", whole, "ada", {})
    assert catalog.read_now(hosted.files, "internal", "gouda") == [whole]


def test_the_mark_of_claims_changes_with_them(catalog):
    states = [catalog.read_now(hosted.claims_state)]
    for name in ("gouda", "brie"):
        add(catalog, f"{name}-1.0-py3-none-any.whl", A, project=name)
        states.append(catalog.read_now(hosted.claims_state))
    assert len(set(states)) == 3
    assert sorted(catalog.read_now(hosted.owned_names)) == ["brie", "gouda"]


def test_yank_and_back(catalog):
    add(catalog)
    add(catalog, "gouda-2.0-py3-none-any.whl", B, "2.0")
    assert catalog.write_now(hosted.set_yanked, "internal", "gouda", "1.0", "holes; 'quoted' ünïcode", "ada") == [
        "gouda-1.0-py3-none-any.whl"
    ]
    listed = catalog.read_now(hosted.files, "internal", "gouda")
    assert [(f.yanked, f.yanked_reason) for f in listed] == [(True, "holes; 'quoted' ünïcode"), (False, "")]
    catalog.write_now(hosted.set_yanked, "internal", "gouda", "1.0", None, "ada")
    assert [f.yanked for f in catalog.read_now(hosted.files, "internal", "gouda")] == [False, False]
    assert kinds(catalog) == ["release.yanked", "release.unyanked"]
    with pytest.raises(FileUnknown):
        catalog.write_now(hosted.set_yanked, "internal", "gouda", "9.0", "", "ada")


def taken(catalog, filename):
    return catalog.read_now(hosted.standing, "internal", "gouda", filename, A, []).taken


def test_a_deleted_release_is_gone_its_names_taken_and_it_can_come_back(catalog):
    add(catalog)
    assert taken(catalog, "gouda-1.0-py3-none-any.whl") == hosted.Taken(A, deleted=False)
    catalog.write_now(hosted.delete, "internal", "gouda", "1.0", "ada")
    assert catalog.read_now(hosted.files, "internal", "gouda") == []
    assert taken(catalog, "gouda-1.0-py3-none-any.whl") == hosted.Taken(A, deleted=True)
    assert taken(catalog, "brie.whl") is None
    with pytest.raises(FileUnknown):
        catalog.write_now(hosted.delete, "internal", "gouda", "1.0", "ada")
    catalog.write_now(hosted.undelete, "internal", "gouda", "1.0", 0.0, "ada")
    assert [f.filename for f in catalog.read_now(hosted.files, "internal", "gouda")] == ["gouda-1.0-py3-none-any.whl"]
    catalog.write_now(hosted.delete, "internal", "gouda", "1.0", "ada")
    with pytest.raises(NotFound):
        catalog.write_now(hosted.undelete, "internal", "gouda", "1.0", time.time() + 60, "ada")


def test_status_of_a_project(catalog):
    assert catalog.read_now(hosted.listed, "internal", "gouda").status == ProjectStatus()
    with pytest.raises(ProjectUnknown):
        catalog.write_now(hosted.set_status, "internal", "gouda", ProjectStatus(Status.ARCHIVED, "old"), "ada")
    add(catalog)
    catalog.write_now(hosted.set_status, "internal", "gouda", ProjectStatus(Status.ARCHIVED, "old"), "ada")
    assert catalog.read_now(hosted.listed, "internal", "gouda").status == ProjectStatus(Status.ARCHIVED, "old")
    assert kinds(catalog) == ["project.status"]


def test_claims(catalog):
    assert not catalog.read_now(hosted.claim_granted, "requests")
    for _ in range(2):
        catalog.write_now(hosted.grant_claim, "requests", "root")
    assert catalog.read_now(hosted.claim_granted, "requests")
    assert kinds(catalog) == ["claim.granted"]


def test_standing_says_all_that_an_upload_is_judged_by(catalog):
    def standing(filename="gouda-1.0.tar.gz", sha256=C):
        return catalog.read_now(hosted.standing, "internal", "gouda", filename, sha256, ["public", "other"])

    empty = standing()
    assert (empty.owned, empty.granted, empty.mirrored_by, empty.taken, empty.twin, empty.sdists) == (
        False, False, "", None, "", (),
    )  # fmt: skip
    catalog.write_now(lambda change: change.enter(Event("page.refreshed", "other", "gouda")))
    catalog.write_now(hosted.grant_claim, "gouda", "root")
    known = standing()
    assert (known.mirrored_by, known.granted) == ("other", True)
    add(catalog)
    add(catalog, "gouda-1.0.tar.gz", B)
    known = standing()
    assert (known.owned, known.mirrored_by, known.taken) == (True, "", hosted.Taken(B, deleted=False))
    assert known.sdists == ("gouda-1.0.tar.gz",)
    assert standing("gouda-1.0-1-py3-none-any.whl", A).twin == "gouda-1.0-py3-none-any.whl"
    catalog.write_now(hosted.delete, "internal", "gouda", "1.0", "ada")
    known = standing("gouda-1.0-1-py3-none-any.whl", A)
    assert (known.twin, known.sdists) == ("", ())


def test_a_listing_is_kept_replaced_and_touched(catalog):
    assert catalog.read_now(listings.load, "public", "gouda") is None

    def store(change, document, etag):
        change.now = NOW
        listings.store(change, "public", "gouda", document, etag, "")
        change.enter(Event("page.refreshed", "public", "gouda"))

    document = bytes(range(256)) * 100
    catalog.write_now(store, b"old", '"1"')
    catalog.write_now(store, document, '"2"')
    stored = catalog.read_now(listings.load, "public", "gouda")
    assert (stored.document, stored.etag, stored.last_modified, stored.checked_at, stored.serial) == (
        document, '"2"', "", NOW, 2,
    )  # fmt: skip
    catalog.write_now(listings.touch, "public", "gouda", NOW + timedelta(hours=1))
    assert catalog.read_now(listings.load, "public", "gouda").checked_at == NOW + timedelta(hours=1)
    assert catalog.read_now(listings.load, "other", "gouda") is None


def test_what_is_known_of_bytes(catalog):
    catalog.write_now(blobs.record, A, 10, "m" * 32, "2" * 64, "upload")
    catalog.write_now(blobs.record, A, 11, "", "", "mirror")
    catalog.write_now(blobs.record, B, 2**40, "", "", "mirror")
    assert catalog.read_now(blobs.totals) == {"upload": (1, 10), "mirror": (1, 2**40)}
    many = [A, B] + [f"{number:064x}" for number in range(2000)]
    assert catalog.read_now(blobs.digests, many) == {A: {"md5": "m" * 32, "blake2b_256": "2" * 64}, B: {}}


def test_metadata_of_files(catalog):
    catalog.write_now(metadata.record, A, B, "upstream")
    catalog.write_now(metadata.record, A, C, "file")
    many = [A] + [f"{number:064x}" for number in range(2000)]
    assert catalog.read_now(metadata.many, many) == {A: C}
    assert catalog.read_now(metadata.many, []) == {}


def token(catalog, digest=A, identifier="t1", expires=None, projects=()):
    catalog.write_now(
        principals.add_token, identifier, "ada", digest, ["internal", "main"], ["read", "upload"], projects, expires
    )


def test_users_and_their_tokens(catalog):
    with pytest.raises(NotFound, match="affineur user add"):
        token(catalog)
    catalog.write_now(principals.add_user, "ada")
    with pytest.raises(Conflict):
        catalog.write_now(principals.add_user, "ada")
    token(catalog, expires=NOW, projects=["gouda"])
    found = catalog.read_now(principals.find, A)
    assert (found.name, found.projects, found.expires) == ("ada", frozenset({"gouda"}), NOW)
    assert found.may(Right.UPLOAD, "internal") and not found.may(Right.ADMIN, "internal")
    assert not found.may(Right.UPLOAD, "other")
    assert catalog.read_now(principals.find, B) is None
    row = catalog.read_now(principals.list_tokens)[0]
    assert (row.id, row.user, row.revoked) == ("t1", "ada", False)
    assert A not in str(row)


def test_a_revoked_token_is_nobody(catalog):
    catalog.write_now(principals.add_user, "ada")
    token(catalog)
    catalog.write_now(principals.revoke, "t1")
    assert catalog.read_now(principals.find, A) is None
    assert catalog.read_now(principals.list_tokens)[0].revoked
    with pytest.raises(NotFound):
        catalog.write_now(principals.revoke, "t2")
    assert kinds(catalog) == ["user.added", "token.created", "token.revoked"]


def test_many_threads_read_and_write_at_once(catalog):
    def one(number):
        add(catalog, f"p{number}-1.0-py3-none-any.whl", f"{number:064x}", project=f"p{number}")
        return len(catalog.read_now(hosted.files, "internal", f"p{number}"))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(80))) == [1] * 80


def test_bytes_of_what_was_deleted_long_ago_are_given_up(catalog):
    add(catalog)
    catalog.write_now(blobs.record, A, 10, "m", "b", "upload")
    catalog.write_now(hosted.delete, "internal", "gouda", "1.0", "ada")
    assert catalog.write_now(hosted.expire, 0.0) == 0
    assert A in catalog.read_now(cache.referenced, [A])
    assert catalog.write_now(hosted.expire, 2e10) == 1
    assert A not in catalog.read_now(cache.referenced, [A])
    assert taken(catalog, "gouda-1.0-py3-none-any.whl") == hosted.Taken(A, deleted=True)
    with pytest.raises(FileUnknown):
        catalog.write_now(hosted.undelete, "internal", "gouda", "1.0", 0.0, "ada")
    assert catalog.write_now(hosted.expire, 2e10) == 0


def test_where_the_tokens_of_users_may_read(catalog):
    for user in ("ada", "bob", "eve"):
        catalog.write_now(principals.add_user, user)
    later, over = NOW + timedelta(days=1), NOW - timedelta(seconds=1)
    rows = [
        ("t1", "ada", ("main",), ("read",), None), ("t2", "ada", ("other", "third"), ("upload", "admin"), later),
        ("t3", "ada", ("uploads",), ("upload",), None), ("t4", "ada", ("over",), ("read",), over),
        ("t5", "bob", ("*",), ("read",), None), ("t6", "eve", ("main",), ("read",), None),
    ]  # fmt: skip
    for number, (identifier, user, indexes, rights, expires) in enumerate(rows):
        catalog.write_now(principals.add_token, identifier, user, f"{number}" * 64, indexes, rights, (), expires)
    catalog.write_now(principals.revoke, "t6")
    found = catalog.read_now(principals.reading, ["ada", "bob", "eve", "nobody"], NOW)
    assert found == {"ada": {"main", "other", "third"}, "bob": {"*"}, "eve": set()}
    assert catalog.read_now(principals.reading, [f"user-{number}" for number in range(1200)] + ["bob"], NOW) == {
        "bob": {"*"}
    }


def test_the_mail_address_of_a_user(catalog):
    catalog.write_now(principals.add_user, "ada", "ada@example.org")
    catalog.write_now(principals.add_user, "bob")
    assert catalog.read_now(principals.mails) == {"ada": "ada@example.org", "bob": ""}
    catalog.write_now(principals.set_mail, "ada", "", "root")
    assert (catalog.read_now(principals.mail_of, "ada"), catalog.read_now(principals.mail_of, "nobody")) == ("", "")
    assert kinds(catalog)[-1] == "user.changed"
    with pytest.raises(NotFound, match="affineur user add"):
        catalog.write_now(principals.set_mail, "nobody", "a@example.org")
