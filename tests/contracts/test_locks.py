"""The locks that projects are watched by, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from affineur.errors import NotFound
from affineur.model.locks import LockKind
from affineur.model.names import ProjectName
from affineur.storage.catalog import ledger, locks
from affineur.storage.catalog.locks import Held, KeptLock, Pinned

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOP = KeptLock(
    "shop", "ann", "main", LockKind.REQUIREMENTS, "requirements.txt", b"gouda==1.0\n", ("mail:a@example.org",),
    NOW, NOW, "ci",
)  # fmt: skip
GOUDA, BRIE = ProjectName("gouda"), ProjectName("brie")


def test_a_lock_is_kept_and_replaced_under_its_name(catalog):
    catalog.write_now(locks.keep, SHOP, [Pinned(GOUDA, "1.0"), Pinned(BRIE, "2.0")])
    assert catalog.read_now(locks.find, "shop") == SHOP
    later = replace(SHOP, document=b"gouda==1.1\n", added_at=NOW + timedelta(1), changed_at=NOW + timedelta(1))
    catalog.write_now(locks.keep, later, [Pinned(GOUDA, "1.1")])
    assert catalog.read_now(locks.every) == [replace(later, added_at=NOW)]
    assert catalog.read_now(locks.holding, ["gouda", "brie"]) == [Held("shop", "ann", "gouda", "1.1")]
    told = [(e.event.kind, e.event.actor, e.event.data["pins"]) for e in catalog.read_now(ledger.after, 0, 10)]
    assert told == [("lock.added", "ci", 2), ("lock.changed", "ci", 1)]


def test_a_lock_that_is_removed_holds_nothing(catalog):
    catalog.write_now(locks.keep, SHOP, [Pinned(GOUDA, "1.0")])
    catalog.write_now(locks.keep, replace(SHOP, name="till"), [Pinned(GOUDA, "1.0")])
    catalog.write_now(locks.remove, "shop", "ann")
    assert [held.lock for held in catalog.read_now(locks.holding, ["gouda"])] == ["till"]
    with pytest.raises(NotFound, match="shop"):
        catalog.write_now(locks.remove, "shop", "ann")


def test_the_files_that_locks_name_are_told_by_release(catalog):
    first, second = "a" * 64, "0b" * 32
    catalog.write_now(locks.keep, SHOP, [Pinned(GOUDA, "1.0", frozenset({first, second})), Pinned(BRIE, "2.0")])
    catalog.write_now(locks.keep, replace(SHOP, name="till"), [Pinned(GOUDA, "1.0", frozenset({first}))])
    catalog.write_now(locks.keep, replace(SHOP, name="old"), [Pinned(GOUDA, "0.9", frozenset({second}))])
    assert catalog.read_now(locks.files_named, [("gouda", "1.0"), ("brie", "2.0")]) == {
        ("shop", "gouda", "1.0"): {first, second}, ("till", "gouda", "1.0"): {first},
    }  # fmt: skip
    catalog.write_now(locks.remove, "till", "ann")
    assert catalog.read_now(locks.files_named, [("gouda", "1.0")]).keys() == {("shop", "gouda", "1.0")}
