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
    root, projects = Root(), names(count)
    root.take(projects)
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
    root = Root()
    root.take(names(count))
    body, packed, _ = made(root, form, "gzip")
    assert gzip.decompress(packed) == body
    single = zlib.decompressobj(wbits=31)
    assert single.decompress(packed) + single.flush() == body
    assert single.eof
    assert single.unused_data == b""


def test_what_a_change_gives_is_what_a_fresh_list_gives():
    root, projects = Root(), names(3000)
    root.take(projects)
    made(root, RootForm.JSON, "gzip")
    chance = random.Random(2)
    for number in range(20):
        if number % 3:
            projects[f"new-{chance.randrange(10**9)}"] = 5000 + number
        else:
            del projects[chance.choice(sorted(projects))]
        root.take(projects)
        fresh = Root()
        fresh.take(dict(reversed(projects.items())))
        for form in RootForm:
            assert made(root, form, "gzip") == made(fresh, form, "gzip")


def test_a_change_costs_only_its_piece():
    root, projects = Root(), names(20_000)
    root.take(projects)
    made(root, RootForm.JSON, "gzip")
    before = set(map(id, root._pieces.values()))
    root.take({**projects, "m-new": 30_000})
    made(root, RootForm.JSON, "gzip")
    assert len(set(map(id, root._pieces.values())) - before) <= 2
