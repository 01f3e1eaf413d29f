"""The names that uploads claimed, read without SQLAlchemy, on both databases."""

import pytest

from affineur.errors import StorageUnavailable
from affineur.model.files import File
from affineur.storage.catalog import hosted
from affineur.storage.catalog.claimed import claimed_names
from affineur.storage.catalog.database import Catalog


def claim(catalog, source, project):
    file = File(f"{project}-{source}.tar.gz", "1.0", hashes={"sha256": "a" * 64})
    catalog.write_now(hosted.add, source, project, file, "ada", {})


def test_names_are_told_once_whichever_sources_claimed_them(catalog, database_url):
    assert claimed_names(database_url) == []
    for source, project in (("internal", "gouda"), ("internal", "brie"), ("cellar", "gouda")):
        claim(catalog, source, project)
    assert claimed_names(database_url) == ["brie", "gouda"] == sorted(catalog.read_now(hosted.owned_names))


def test_a_database_without_a_catalog_has_none(empty_database_url):
    assert claimed_names(empty_database_url) == []


def test_a_folder_with_odd_letters_is_found(tmp_path):
    address = f"sqlite:///{tmp_path / 'a%20b #c'}.db"
    catalog = Catalog.open(address)
    claim(catalog, "internal", "gouda")
    catalog.close()
    assert claimed_names(address) == ["gouda"]


def test_a_catalog_that_cannot_be_read_is_no_empty_one(tmp_path):
    (tmp_path / "catalog.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(StorageUnavailable, match=r"catalog\.db cannot be read"):
        claimed_names(f"sqlite:///{tmp_path / 'catalog.db'}")
    with pytest.raises(StorageUnavailable, match="cannot be read"):
        claimed_names("postgresql+psycopg://postgres@127.0.0.1:9/nothing")
