"""The list of projects, in pieces."""

import gzip
import json
import random
import zlib

import pytest

from affineur.sources.roots import Root
from affineur.standards.simple_api.render import RootForm


def names(count, seed=1):
    chance = random.Random(seed)
    return {f"{chance.choice('abcpyz')}{chance.randrange(10**9)}": number + 1 for number in range(count)}


def made(root, form, encoding="identity"):
    return root.page(form, encoding)


@pytest.mark.parametrize("count", [0, 1, 2, 5000])
def test_every_project_stands_once_and_in_order(count):
    projects = names(count)
    root = Root(projects)
    document = json.loads(made(root, RootForm.JSON)[0])
    assert [(row["name"], row["_last-serial"]) for row in document["projects"]] == sorted(projects.items())
    assert document["meta"]["_last-serial"] == count
    page = made(root, RootForm.HTML)[0].decode()
    assert [line for line in page.splitlines() if line.startswith("<a ")] == [
        f'<a href="{name}/">{name}</a><br>' for name in sorted(projects)
    ]
    assert page.endswith(f"<!--SERIAL {count}-->\n")


@pytest.mark.parametrize("form", RootForm)
@pytest.mark.parametrize("count", [0, 1, 5000])
def test_gzip_is_one_member_that_any_reader_unpacks(form, count):
    body, packed = made(Root(names(count)), form, "gzip")
    assert gzip.decompress(packed) == body
    single = zlib.decompressobj(wbits=31)
    assert single.decompress(packed) + single.flush() == body
    assert single.eof
    assert single.unused_data == b""


def test_what_a_change_gives_is_what_a_fresh_list_gives():
    projects = names(3000)
    root = Root(projects)
    made(root, RootForm.JSON, "gzip")
    chance = random.Random(2)
    for number in range(20):
        if number % 3:
            projects[f"new-{chance.randrange(10**9)}"] = 5000 + number
        else:
            del projects[chance.choice(sorted(projects))]
        root = Root(projects, root)
        fresh = Root(dict(reversed(projects.items())))
        for form in RootForm:
            assert made(root, form, "gzip") == made(fresh, form, "gzip")


def test_a_change_costs_only_its_piece():
    projects = names(20_000)
    before = Root(projects)
    after = Root({**projects, "m-new": 30_000}, before)
    assert len(set(map(id, after.pieces.values())) - set(map(id, before.pieces.values()))) <= 2


def test_a_list_is_not_changed_by_a_later_one():
    """One that began to be made before a change may be finished after it."""
    before = Root({"brie": 1})
    Root({"brie": 1, "gouda": 2}, before)
    assert before.serial == 1
    assert b"gouda" not in made(before, RootForm.JSON)[0]
