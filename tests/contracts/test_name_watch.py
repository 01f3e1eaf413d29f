"""The name guard as a server asks it: many ask at once, and its tables are made once."""

import asyncio

from affineur.model.files import Page
from affineur.model.names import ProjectName
from affineur.policy.lookalikes import watch
from affineur.policy.lookalikes.watch import NameWatch


async def test_of_many_who_ask_at_once_one_makes_the_tables(catalog, tmp_path, monkeypatch):
    made = []
    prepared = watch._prepared

    def counted(data):
        made.append(data)
        return prepared(data)

    monkeypatch.setattr(watch, "_prepared", counted)
    names = NameWatch(catalog, tmp_path, ())
    found = await asyncio.gather(*(names.likeness(Page(ProjectName("reqeusts"), (), mirrored=True)) for _ in range(20)))
    assert {likeness.finding.target for likeness in found} == {"requests"}
    assert made == [tmp_path]
